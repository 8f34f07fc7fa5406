"""A crossing of cells, and the second view of what matters in it: PED-ANOVA and fANOVA, labelled as such."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from ..analysis.evidence import Cell, Evidence
from ..analysis.paired import Difference
from ..analysis.scores import Budget, Side, side_values
from ..analysis.surrogate import LABEL, SecondView, second_view_of
from .answer import Answer
from .compare import answer_of
from .sentences import budget_phrase


@dataclass(frozen=True)
class Crossed:
    """Cells of a balanced design, one for each combination of levels.

    Attributes:
        where: how a sentence says which cells are meant: ``within smote``.
        name: the arm that they are of, or ``arms``.
        cells: the cells.
        with_arm: whether the arm is an axis too, beside the ratio.
    """

    where: str
    name: str
    cells: tuple[Cell, ...]
    with_arm: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        """Their trial keys."""
        return tuple(cell.key for cell in self.cells)

    @property
    def axes(self) -> dict[Hashable, Mapping[str, Any]]:
        """The level of every axis, by the column of ``values``."""
        if self.with_arm:
            return {i: {"arm": c.arm, "ratio": c.knobs["ratio"]} for i, c in enumerate(self.cells)}
        return {i: dict(cell.knobs) for i, cell in enumerate(self.cells)}

    def values(self, evidence: Evidence, budget: Budget) -> pd.DataFrame:
        """Scores in points: rows replicates, columns cells."""
        return side_values(evidence, budget, [Side(cell.key, (cell.key,)) for cell in self.cells])


def second(evidence: Evidence, budget: Budget, crossed: Crossed, axis: str, margin: float) -> list[Answer]:
    """Say what two importance measures make of an axis, or why they make nothing of it.

    They stand beside the share of variance and never instead of it: no interval belongs to them, only the
    range that they cover when a fifth of the replicates is left out.
    """
    values = crossed.values(evidence, budget)
    found: SecondView = evidence.once(
        ("second", crossed.name, budget),
        lambda: second_view_of(values, crossed.axes, evidence.generator("second", crossed.name, str(budget))),
    )
    said = _told(found, axis) if found.reason is None else f"no answer: {found.reason}"
    sentence = f"{budget_phrase(budget)}, {crossed.where}, a second view of {axis}: {said}."
    detail: dict[str, Any] = {"kind": "second_view", "arm": crossed.name, "knob": axis, "label": LABEL}
    detail["where"] = crossed.where
    detail |= {"r2": found.r2, "cells_compared": found.cells, "why": found.reason}
    for name, whole, ends in (
        ("ped_anova", found.ped_anova, found.ped_range),
        ("fanova", found.fanova, found.fanova_range),
    ):
        detail[name] = {a: {"value": v, "range": list(ends.get(a, ()))} for a, v in whole.items()}
    n = len(values.dropna())
    answer = answer_of(
        sentence, Difference(None, n=n), budget, margin, estimand="average", cells=crossed.keys, detail=detail
    )
    return [replace(answer, verdict="not_applicable")]


def _told(found: SecondView, axis: str) -> str:
    ped = _number(found.ped_anova[axis], found.ped_range.get(axis))
    fanova = _number(found.fanova[axis], found.fanova_range.get(axis))
    return (
        f"PED-ANOVA {ped} for what separates the upper tenth of the cells from the rest, fANOVA {fanova} for "
        f"what a forest makes of all of them (R2 {found.r2:.2f} on cells that it has not seen, {found.cells} "
        "cells; in brackets the range when a fifth of the replicates is left out). Neither is a share of "
        "variance"
    )


def _number(value: float, ends: tuple[float, float] | None) -> str:
    return f"{value:.3f}" if ends is None else f"{value:.3f} [{ends[0]:.3f}, {ends[1]:.3f}]"
