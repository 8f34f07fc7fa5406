"""Arrays on disk by content: plain numbers with a checksum, written atomically, never pickle."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedWriter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import platformdirs

from .errors import Exit, Problem, SynaugError

logger = logging.getLogger(__name__)

MAGIC = b"\x93NUMPY"
PICKLED = re.compile(rb"\x80[\x02-\x05]|PK\x03\x04")  # a pickle, or the archive that torch.save writes


class ArrayCache:
    """A folder of arrays, ``KEY.npy`` with ``KEY.json`` beside it, safe for many readers and writers.

    Args:
        folder: made with mode 0700 where it does not exist.

    Raises:
        SynaugError: exit 6 where the folder cannot be written.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        with _writable(self.folder):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=self.folder).close()

    def get(self, key: str) -> npt.NDArray[Any] | None:
        """Return the array under ``key``, mapped from disk and read only; None where there is none.

        A damaged file is renamed to ``*.bad`` with a warning and counts as absent. Another process may
        delete the files at any time: an array that is mapped already stays whole.

        Raises:
            SynaugError: exit 9 for a pickle, which would run code when it is read.
        """
        array, sidecar = self._paths(key)
        try:
            facts = sidecar.read_bytes()
            _refuse_pickle(array)
            return _read(array, json.loads(facts))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, OSError) as error:
            logger.warning("damaged cache file %s is set aside as *.bad: %s", array, error)
            for path in (sidecar, array):
                with _writable(self.folder), suppress(FileNotFoundError):
                    os.replace(path, path.with_name(path.name + ".bad"))
            return None

    def put(self, key: str, array: npt.NDArray[Any]) -> None:
        """Store an array of numbers; no reader ever sees a part of it.

        Raises:
            SynaugError: exit 6 where the folder cannot be written or the disk is full.
        """
        assert not array.dtype.hasobject, "only arrays of numbers are cached"
        path, sidecar = self._paths(key)
        with _writable(self.folder):
            with replacing(path) as file:
                np.save(file, array, allow_pickle=False)
                file.flush()
                digest = file_sha256(Path(file.name))
            facts = {"sha256": digest, "shape": list(array.shape), "dtype": str(array.dtype)}
            with replacing(sidecar) as file:  # last: an array counts once its sidecar is there
                file.write(json.dumps(facts).encode())

    def has(self, key: str) -> bool:
        """Whether something is stored under ``key``."""
        return all(path.exists() for path in self._paths(key))

    def discard(self, key: str) -> None:
        """Remove what is stored under ``key``, if anything is."""
        with _writable(self.folder):
            for path in reversed(self._paths(key)):  # the sidecar first: without it nothing is there
                path.unlink(missing_ok=True)

    def touch(self, key: str) -> None:
        """Give the files under ``key`` the present time, for a cache that drops what was not used."""
        for path in self._paths(key):
            with _writable(self.folder), suppress(FileNotFoundError):
                os.utime(path)

    def _paths(self, key: str) -> tuple[Path, Path]:
        assert re.fullmatch(r"[0-9a-f]{16,64}", key), f"a cache key is hexadecimal, got {key!r}"
        return self.folder / f"{key}.npy", self.folder / f"{key}.json"


class EmbeddingCache(ArrayCache):
    """The cache of embeddings; by default ``embeddings`` in the cache folder."""

    def __init__(self, folder: Path | None = None):
        super().__init__(folder or cache_folder() / "embeddings")


def cache_folder() -> Path:
    """Return the folder of all caches: ``$SYNAUG_CACHE``, or the user's cache folder."""
    root = os.environ.get("SYNAUG_CACHE")
    return Path(root) if root else platformdirs.user_cache_path("synaug")


@contextmanager
def _writable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        fix = "free space there, or name another folder in SYNAUG_CACHE"
        problem = Problem(f"the cache cannot be written: {error.strerror}", str(folder), fix, "D34")
        raise SynaugError(problem, Exit.RESOURCES) from error


@contextmanager
def replacing(path: Path) -> Iterator[BufferedWriter]:
    """Open a temporary file that takes the place of ``path`` once it is complete and on disk."""
    temporary = path.with_name(f".writing-{secrets.token_hex(8)}")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _refuse_pickle(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(1024)
    objects = head.startswith(MAGIC) and re.search(rb"'descr': '\|?O", head)
    if PICKLED.match(head) or objects:
        raise SynaugError(
            Problem(
                "a pickle where an array of numbers is expected: it can run code when it is read",
                str(path),
                "find out who put it there, then delete it",
                "D42",
            ),
            Exit.INTEGRITY,
        )


def _read(path: Path, facts: dict[str, Any]) -> npt.NDArray[Any]:
    if file_sha256(path) != facts["sha256"]:
        raise ValueError("its checksum differs")
    array: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    if list(array.shape) != facts["shape"] or str(array.dtype) != facts["dtype"]:
        raise ValueError(f"expected {facts['dtype']} {facts['shape']}, got {array.dtype} {list(array.shape)}")
    return array


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
