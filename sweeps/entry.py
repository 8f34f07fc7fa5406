"""A cell on its way through a sweep: its results, how they add up, how it ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from synaug.knobs import Choice
from synaug.methods import METHODS

from .death import Death
from .plan import Cell
from .spec_classifier import DEFAULT

PICTURED: Final = 200  # cells of a sweep that are drawn: two pictures take twice as long as the rest of a run
CHOICE = "cv_balanced_accuracy"  # what the folds choose by


@dataclass
class Entry:
    """A cell on its way: its results by replicate until it is closed, its attempts, how it ended."""

    cell: Cell
    key: str
    config: Mapping[str, Any]
    results: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    attempts: int = 0  # starts, those that a killed driver cut off included
    deaths: list[Death] = field(default_factory=list)  # of attempts of this run
    closed: Mapping[str, Any] | None = None  # its ``cell`` line

    @property
    def pictured(self) -> bool:
        """Whether its pictures are drawn whatever its score is."""
        return self.cell.number < PICTURED

    @property
    def label(self) -> str:
        """The cell as people read it, such as ``smote k=5 ratio=100``, without options at their default.

        A classifier that is not the usual one stands before it: ``knn: smote k=5 ratio=100``; and an encoder
        that is not the first: ``minilm/cls, knn: smote k=5 ratio=100``.
        """
        defaults = {k.name: k.default for k in METHODS[self.cell.arm].knobs() if isinstance(k.domain, Choice)}
        pairs = (*self.cell.settings, *self.cell.extras)
        shown = [(name, value) for name, value in pairs if defaults.get(name) != value]
        knobs = (
            f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}" for name, value in shown
        )
        classifier = "" if self.cell.classifier == DEFAULT else self.cell.classifier
        before = ", ".join(filter(None, (self.cell.encoder, classifier)))
        return " ".join([*([f"{before}:"] if before else []), self.cell.arm, *knobs])


def status_of(results: Sequence[Mapping[str, Any]]) -> tuple[str, str | None]:
    """How a cell ended: the worst of its replicates, with the first reason."""
    for status in ("failed", "not_applicable"):
        bad = [r for r in results if r["status"] == status]
        if bad:
            return status, f"replicate {bad[0]['replicate']}: {bad[0]['reason']}"
    return "ok", None


def headline(result: Mapping[str, Any]) -> float:
    """The score that a result is compared by: balanced accuracy of what it is scored on, a fraction."""
    return float(result["scores"][f"{result['scored_on']}_balanced_accuracy"])


def value_of(results: Sequence[Mapping[str, Any]]) -> float:
    """Mean over replicates of the score that results are compared by."""
    return sum(map(headline, results)) / len(results)


def choice_of(results: Sequence[Mapping[str, Any]]) -> float | None:
    """Mean over replicates of the balanced accuracy on the folds, by which finalists are chosen."""
    values = [result["scores"].get(CHOICE) for result in results]
    return None if None in values else sum(map(float, values)) / len(values)
