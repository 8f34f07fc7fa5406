"""Lines of a ledger that stay on the disk, and are read from there when somebody asks for them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

LONG = frozenset({"curve", "folds", "per_class", "confusion", "counts", "scores", "diagnostics"})


class StoredLine(Mapping[str, Any]):
    """A line of a large ledger: its long fields stay in the file and are read when they are asked for.

    Args:
        path: the ledger.
        start: where the line begins, in bytes.
        line: the whole line.
    """

    __slots__ = ("_head", "_names", "_path", "_start")

    def __init__(self, path: Path, start: int, line: Mapping[str, Any]):
        self._path, self._start, self._names = path, start, _same(tuple(line))
        self._head = {name: value for name, value in line.items() if name not in LONG}

    def __getitem__(self, name: str) -> Any:
        """Return a field; one that is long is read from the file."""
        return _line_at(self._path, self._start)[name] if name in LONG else self._head[name]

    def __iter__(self) -> Iterator[str]:
        """Names of all fields, in order."""
        return iter(self._names)

    def __len__(self) -> int:
        """Number of fields."""
        return len(self._names)


@cache
def _same(names: tuple[str, ...]) -> tuple[str, ...]:
    """One tuple for all lines with the same fields."""
    return names


@lru_cache(maxsize=64)
def _line_at(path: Path, start: int) -> Mapping[str, Any]:
    return next(_lines(path, (start,)))


def _lines(path: Path, starts: tuple[int, ...]) -> Iterator[Mapping[str, Any]]:
    with path.open("rb") as file:
        for start in starts:
            file.seek(start)
            yield json.loads(file.readline())


class ResultIndex:
    """Where the results of each cell lie in a ledger: a few bytes a result, for any number of cells."""

    def __init__(self) -> None:
        self._starts: dict[str, tuple[int, ...]] = {}

    def note(self, line: Mapping[str, Any], start: int) -> None:
        """Remember where a line begins, if it is a result."""
        if line.get("kind") == "result":
            key = str(line.get("trial_key"))
            self._starts[key] = (*self._starts.get(key, ()), start)

    def read(self, path: Path, key: str) -> dict[int, Mapping[str, Any]]:
        """Read the results of a cell by replicate; the first of a replicate wins, as everywhere."""
        found: dict[int, Mapping[str, Any]] = {}
        for line in _lines(path, self._starts.get(key, ())):
            found.setdefault(int(line["replicate"]), line)
        return found
