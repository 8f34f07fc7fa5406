"""Small facts that are slow to find out, kept in the cache folder under a hash of all they depend on."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from typing import Any

from .cache import cache_folder, replacing

logger = logging.getLogger(__name__)


def remembered(kind: str, depends_on: Any, find: Callable[[], Any], valid: Callable[[Any], bool]) -> Any:
    """Return a fact from the cache, or find it out and keep it.

    A file that cannot be read, or holds something else, counts as absent; where the folder cannot be
    written the fact is found out again each time.

    Args:
        kind: a short name for this kind of fact, part of the file's name.
        depends_on: all that the fact depends on, as JSON values.
        find: finds it out; returns JSON values.
        valid: whether what a file holds is a fact of this kind.
    """
    key = hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()
    path = cache_folder() / "facts" / f"{kind}-{key[:32]}.json"
    try:
        kept = json.loads(path.read_bytes())
        if valid(kept):
            return kept
        logger.warning("%s holds no %s and is written again", path, kind)
    except FileNotFoundError:
        pass
    except (ValueError, OSError) as error:
        logger.warning("%s cannot be read and is written again: %s", path, error)
    found = find()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with replacing(path) as file:
            file.write(json.dumps(found, ensure_ascii=False).encode())
    except OSError as error:
        logger.info("%s is not kept: %s", path, error)
    return found
