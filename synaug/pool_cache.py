"""Pools that take long to make, on disk by content: made once a node for all ratios and replayed exactly."""

from __future__ import annotations

import functools
import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from filelock import FileLock

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
        """Return what ``method.pools(parts, random)`` gives, bit by bit, from disk where it is there.

        Workers that want the same pools at the same time wait for the first one that makes them.

        Raises:
            NotApplicable: the method cannot work on these rows; the message says why.
            SynaugError: exit 9 where a pickle lies in place of an entry.
        """
        arrays, key = self._arrays, pool_key(method, parts, random)
        if arrays is None:
            return method.pools(parts, random)
        with ExitStack() as held:
            found = None
            with self._or_in_memory():
                held.enter_context(_alone(self.folder / f"{key}.lock"))
                found = arrays.get(key)
                arrays.touch(key)
            if found is not None:
                return _unpacked(found, parts)
            made = method.pools(parts, random)
            if self.usable:
                with self._or_in_memory():
                    self._keep(arrays, key, _packed(made))
            return made

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
def _alone(path: Path) -> Iterator[None]:
    """Hold a lock of all processes of the node and delete its file at the end.

    Who waits on a deleted file notices and takes the new one (filelock compares the links), so there is
    never more than one owner, and no files are left of keys that are not used any more.
    """
    with FileLock(path, mode=0o600):
        try:
            yield
        finally:
            with suppress(OSError):  # an empty file that stays does no harm
                path.unlink()


def pool_key(method: Method, parts: Sequence[TrainingPart], random: Sequence[np.random.RandomState]) -> str:
    """Digest everything that the rows of ``method.pools(parts, random)`` depend on, hexadecimal.

    That is the arm with its knobs but the ratio; embeddings, positions and classes of the training rows of
    each fold; the state of its random numbers; and the code, libraries and threads that compute.
    """
    knobs = {name: value for name, value in method.settings().items() if name != "ratio"}
    digest = hashlib.sha256(json.dumps([method.name, knobs, ENGINE_VERSION, *_machine()]).encode())
    rows = np.unique(np.concatenate([part.rows for part in parts]))
    _add(digest, parts[0].X[rows])
    for part, state in zip(parts, random, strict=True):
        numbers: Any = state.get_state(legacy=False)
        _add(digest, np.searchsorted(rows, part.rows))
        _add(digest, part.y)
        _add(digest, numbers["state"]["key"])
        place = [numbers["state"]["pos"], numbers["has_gauss"], numbers["gauss"]]
        digest.update(json.dumps([part.n_classes, part.precision, *place]).encode())
    return digest.hexdigest()


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


def _packed(pools: Sequence[Pool]) -> npt.NDArray[Any]:
    """One record a synthetic row, fold after fold; without dense rows their field has length 0."""
    sizes, first = [len(pool.labels) for pool in pools], pools[0].rows
    d = 0 if first is None else first.shape[1]
    packed = np.empty(
        sum(sizes),
        dtype=[
            ("fold", "<i8"),
            ("label", "<i8"),
            ("parents", "<i8", (2,)),
            ("weight", "<f4"),
            ("rows", "<f4", (d,)),
        ],
    )
    packed["fold"] = np.repeat(np.arange(len(pools)), sizes)
    for pool, mine in zip(pools, np.split(packed, np.cumsum(sizes)[:-1]), strict=True):
        mine["label"], mine["parents"], mine["weight"] = pool.labels, pool.parents, pool.weight
        if pool.rows is not None:
            mine["rows"] = pool.rows
    return packed


def _unpacked(packed: npt.NDArray[Any], parts: Sequence[TrainingPart]) -> list[Pool]:
    """The pools again; dense rows stay on disk until a ratio takes its share of them."""
    ends = np.searchsorted(packed["fold"], np.arange(len(parts) + 1))
    pools = []
    for fold, part in enumerate(parts):
        mine = packed[ends[fold] : ends[fold + 1]]
        labels, parents, weight = (np.array(mine[name]) for name in ("label", "parents", "weight"))
        rows = np.asarray(mine["rows"]) if mine["rows"].shape[1] else None
        pools.append(Pool(labels, parents, weight, rows, requested(part.counts, POOL_RATIO)))
    return pools
