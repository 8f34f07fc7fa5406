"""What a benchmark row is told and gives back, and how it takes times."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Options:
    """What the command line asks of all rows.

    Attributes:
        quick: as small as a smoke test allows; such figures say nothing about speed.
        repetitions: how often each thing is timed; the order alternates.
        sweeps: repetitions of ``throughput``, each with folds of its own.
        data: a folder with ``train.*`` and ``test.*`` for ``throughput``; None: the built-in corpus.
        arms: arms of ``throughput``.
        ratios: ratios of ``throughput``.
        cells: cells of ``overhead``.
    """

    quick: bool = False
    repetitions: int = 3
    sweeps: int = 2
    data: Path | None = None
    arms: tuple[str, ...] = ("ros", "smote", "borderline_smote", "adasyn", "vae")
    ratios: tuple[float, ...] = (100.0, 200.0)
    cells: int = 5000


@dataclass(frozen=True)
class Figure:
    """A ratio of two things measured in one run, once a repetition.

    Attributes:
        name: its key in the JSON.
        what: the two things, as ``one / other``.
        values: one a repetition.
    """

    name: str
    what: str
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The figure that is told."""
        return statistics.median(self.values)

    @property
    def spread(self) -> list[float]:
        """Smallest and largest value."""
        return [min(self.values), max(self.values)]


@dataclass(frozen=True)
class Found:
    """What a row measured.

    Attributes:
        figures: its ratios, the most important first.
        detail: the absolute numbers behind them and what was run; data for JSON.
    """

    figures: tuple[Figure, ...]
    detail: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Medians by name, the spread of the first figure and of all, and the detail."""
        return {
            **{figure.name: figure.median for figure in self.figures},
            "spread": self.figures[0].spread,
            "spreads": {figure.name: figure.spread for figure in self.figures},
            "what": {figure.name: figure.what for figure in self.figures},
            "repetitions": len(self.figures[0].values),
            **self.detail,
        }


def ratio(name: str, what: str, first: Sequence[float], second: Sequence[float]) -> Figure:
    """Divide two series of measurements, repetition by repetition."""
    return Figure(name, what, tuple(a / b for a, b in zip(first, second, strict=True)))


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Return the seconds that a call took, and what it returned."""
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def alternate(works: Mapping[str, Callable[[], Any]], repetitions: int) -> dict[str, list[float]]:
    """Time every piece of work so many times, in turns, after one untimed round.

    Taking turns lets a change of the machine's load fall on all of them.
    """
    for work in works.values():
        work()
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(repetitions):
        for name, work in works.items():
            seconds[name].append(timed(work)[0])
    return seconds


@contextmanager
def one_thread() -> Iterator[None]:
    """Let numpy, scikit-learn and torch use one thread, as a cell of a sweep does."""
    import torch
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)
