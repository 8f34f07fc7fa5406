"""Pools that take long to make, on disk by content: made once a node for all ratios and replayed exactly."""

from __future__ import annotations

import functools
import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from filelock import FileLock, Timeout

from . import ENGINE_VERSION
from .cache import ArrayCache, cache_folder
from .errors import Exit, SynaugError
from .methods.base import POOL_RATIO, Method, Pool, TrainingPart, requested

logger = logging.getLogger(__name__)

LIMIT = 4 * 2**30  # bytes
_BESIDE = 4096  # bytes of an entry beside its rows at most: the header and the sidecar
_LIBRARIES = ("numpy", "scipy", "scikit-learn", "imbalanced-learn", "torch")


class PoolCache:
    """A folder of pools for all workers of a node; what was used longest ago makes room for new pools.

    Nothing is touched before the first pool is asked for. Where the folder cannot be written, pools are
    made in memory, with one warning.

    Args:
        folder: made with mode 0700 where it does not exist; by default ``pools`` in the cache folder.
        limit: bytes that the files may take together.
    """

    def __init__(self, folder: Path | None = None, limit: int = LIMIT):
        self.folder = folder or cache_folder() / "pools"
        self.limit = limit

    @property
    def usable(self) -> bool:
        """Whether the folder could be written so far; makes it where it does not exist."""
        return self._arrays is not None

    @functools.cached_property
    def _arrays(self) -> ArrayCache | None:
        arrays = None
        with self._or_in_memory():
            arrays = ArrayCache(self.folder)
        return arrays

    def pools(
        self, method: Method, parts: Sequence[TrainingPart], random: Sequence[np.random.RandomState]
    ) -> list[Pool]:
        """Return ``method.pool`` of every fold, bit by bit, from disk where it is there.

        Workers that want the same pools at the same time share the folds: each makes those that no other
        makes just now, and waits for the rest.

        Raises:
            NotApplicable: the method cannot work on these rows; the message says why.
            SynaugError: exit 9 where a pickle lies in place of an entry.
        """
        makers = [partial(method.pool, *given) for given in zip(parts, random, strict=True)]
        if not self.usable:
            return [make() for make in makers]
        made: dict[int, Pool] = {}
        keys = pool_keys(method, parts, random)
        for wait in (False, True):
            for fold, (key, make) in enumerate(zip(keys, makers, strict=True)):
                pool = None if fold in made else self._pool(key, make, parts[fold], wait)
                if pool is not None:
                    made[fold] = pool
        return [made[fold] for fold in range(len(parts))]

    def _pool(self, key: str, make: Callable[[], Pool], part: TrainingPart, wait: bool) -> Pool | None:
        """One fold's pool; None where another worker makes it and we do not wait."""
        arrays, found = self._arrays, None
        with ExitStack() as held:
            with self._or_in_memory():
                if arrays is not None:
                    try:
                        held.enter_context(_alone(self.folder / f"{key}.lock", wait))
                    except Timeout:
                        return None
                    found = arrays.get(key)
                    arrays.touch(key)
            if found is not None:
                return _unpacked(found, part)
            pool = make()
            if arrays is not None and self.usable:
                with self._or_in_memory():
                    self._keep(arrays, key, _packed(pool))
            return pool

    def _keep(self, arrays: ArrayCache, key: str, packed: npt.NDArray[Any]) -> None:
        size = packed.nbytes + _BESIDE
        if size > self.limit:
            logger.warning("pools of %d bytes are not kept: %s may take %d", size, self.folder, self.limit)
            return
        with FileLock(self.folder / "writing.lock", mode=0o600):  # or two writers would fill the same room
            self._make_room(size)
            arrays.put(key, packed)

    def _make_room(self, size: int) -> None:
        """Delete the files that were used longest ago, half-written and damaged ones among them."""
        files = []
        for path in self.folder.iterdir():
            with suppress(FileNotFoundError):  # set aside or unlocked by another worker just now
                if path.suffix != ".lock":
                    files.append((path.stat().st_mtime_ns, path.stat().st_size, path))
        total = sum(n_bytes for _, n_bytes, _ in files)
        for _, n_bytes, path in sorted(files):
            if total + size <= self.limit:
                break
            path.unlink(missing_ok=True)
            total -= n_bytes

    @contextmanager
    def _or_in_memory(self) -> Iterator[None]:
        """Where the folder cannot be used, say so and use it no more in this process."""
        try:
            yield
        except (OSError, SynaugError) as error:
            if isinstance(error, SynaugError) and error.exit != Exit.RESOURCES:
                raise
            reason = str(error).partition("\n")[0]
            logger.warning("pools are made again for each cell, %s is of no use: %s", self.folder, reason)
            self._arrays = None


@contextmanager
def _alone(path: Path, wait: bool) -> Iterator[None]:
    """Hold a lock of all processes of the node and delete its file at the end.

    Who waits on a deleted file notices and takes the new one (filelock compares the links), so there is
    never more than one owner, and no files are left of keys that are not used any more.

    Raises:
        Timeout: another process holds it, and we do not wait.
    """
    with FileLock(path, mode=0o600, blocking=wait):
        try:
            yield
        finally:
            with suppress(OSError):  # an empty file that stays does no harm
                path.unlink()


def pool_keys(
    method: Method, parts: Sequence[TrainingPart], random: Sequence[np.random.RandomState]
) -> list[str]:
    """Digest everything that the rows of ``method.pool`` depend on, hexadecimal, for every fold.

    That is the arm with its knobs but the ratio; embeddings of all folds' training rows, and the positions
    and classes of the fold's among them; the state of its random numbers; and the code, libraries and
    threads that compute.
    """
    knobs = {name: value for name, value in method.settings().items() if name != "ratio"}
    common = hashlib.sha256(json.dumps([method.name, knobs, ENGINE_VERSION, *_machine()]).encode())
    rows = np.unique(np.concatenate([part.rows for part in parts]))
    _add(common, parts[0].X[rows])
    keys = []
    for part, state in zip(parts, random, strict=True):
        digest, numbers = common.copy(), state.get_state(legacy=False)
        _add(digest, np.searchsorted(rows, part.rows))
        _add(digest, part.y)
        _add(digest, numbers["state"]["key"])
        place = [numbers["state"]["pos"], numbers["has_gauss"], numbers["gauss"]]
        digest.update(json.dumps([part.n_classes, part.precision, *place]).encode())
        keys.append(digest.hexdigest())
    return keys


def _machine() -> list[str | int]:
    """What the rounding depends on: libraries, vector instructions, threads."""
    import torch

    return [*_versions(), torch.backends.cpu.get_cpu_capability(), torch.get_num_threads()]


@functools.cache
def _versions() -> tuple[str, ...]:
    return tuple(version(name) for name in _LIBRARIES)


def _add(digest: Any, array: npt.NDArray[Any]) -> None:
    digest.update(f"{array.dtype.str} {array.shape}".encode())
    digest.update(np.ascontiguousarray(array).data)


def _packed(pool: Pool) -> npt.NDArray[Any]:
    """One record a synthetic row; without dense rows their field has length 0."""
    d = 0 if pool.rows is None else pool.rows.shape[1]
    fields = [("label", "<i8"), ("parents", "<i8", (2,)), ("weight", "<f4"), ("rows", "<f4", (d,))]
    packed = np.empty(len(pool.labels), dtype=fields)
    packed["label"], packed["parents"], packed["weight"] = pool.labels, pool.parents, pool.weight
    if pool.rows is not None:
        packed["rows"] = pool.rows
    return packed


def _unpacked(packed: npt.NDArray[Any], part: TrainingPart) -> Pool:
    """The pool again; dense rows stay on disk until a ratio takes its share of them."""
    labels, parents, weight = (np.array(packed[name]) for name in ("label", "parents", "weight"))
    rows = np.asarray(packed["rows"]) if packed["rows"].shape[1] else None
    return Pool(labels, parents, weight, rows, requested(part.counts, POOL_RATIO))
