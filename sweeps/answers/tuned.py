"""Arms at the cell that the folds choose, at their grid's average, and what tuning is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ..analysis.evidence import Cell, Evidence
from ..analysis.scores import Budget, Side, infer, side_values
from .answer import Answer
from .compare import ON_FOLDS, Reply, answer_of, basis, compare, ranked, settings_of
from .naming import cell_label
from .sentences import SLOT, budget_phrase, effect

ADAPTIVE = (
    "cells of the stage exploit were proposed on the scores that they are compared on, so that tuned arms "
    "look too good (winner's curse): confirm them on fresh draws"
)
SAME_ROWS = (
    "repetitions share their rows: a tuned arm is chosen on the folds that it is compared on (winner's curse)"
)


@dataclass(frozen=True, eq=False)
class Tuned:
    """An arm at the cell that is chosen among its design and exploit cells.

    Attributes:
        cell: the choice over all replicates.
        values: the arm's score in points; each replicate at the cell that the other replicates choose.
        cells: how many cells the choice was among.
        agreeing: replicates that take ``cell``.
        chosen_on: the folds, or the compared scores where the folds are silent.
    """

    cell: Cell
    values: pd.Series
    cells: int
    agreeing: int
    chosen_on: str

    @property
    def side(self) -> Side:
        """The choice as a side."""
        label = self.cell.arm if self.cells == 1 else f"tuned {cell_label(self.cell)}"
        return Side(label, (self.cell.key,))


def tuned(evidence: Evidence, own: Budget, arm: str) -> Tuned | None:
    """Choose an arm's cell on the folds, for each replicate on those of the others.

    So none chooses for itself. Repetitions share their rows: there one choice over all is taken. None
    without scores.
    """
    cells = evidence.grid(arm, exploit=True)
    sides = [Side(cell.key, (cell.key,)) for cell in cells]
    order = ranked(evidence, own, sides)
    if not order:
        return None
    where = basis(evidence, own, sides)
    overall = next(i for i, side in enumerate(sides) if side is order[0])
    scores = side_values(evidence, own, sides)
    if evidence.repetitions or len(cells) == 1:
        return Tuned(cells[overall], scores[overall].dropna(), len(cells), len(scores), where)
    if where == ON_FOLDS:
        judged = side_values(evidence, own, [replace(side, measure="cv") for side in sides])
    else:
        judged = scores
    both = scores.dropna().index.intersection(judged.dropna().index)
    on_folds, found = judged.loc[both].to_numpy(np.float64), scores.loc[both].to_numpy(np.float64)
    if len(both) < 2:
        return Tuned(cells[overall], scores[overall].dropna(), len(cells), len(both), where)
    chosen = (on_folds.sum(axis=0) - on_folds).argmax(axis=1)  # (R,)
    values = pd.Series(found[np.arange(len(both)), chosen], index=both)
    return Tuned(cells[overall], values, len(cells), int((chosen == overall).sum()), where)


def other_estimands(
    evidence: Evidence, own: Budget, pairs: Sequence[tuple[Side, Side]], margin: float
) -> Reply:
    """Every pair with both arms tuned and averaged over their grids, then what tuning adds to each arm."""
    arms = dict.fromkeys(side.label for pair in pairs for side in pair)
    chosen = {arm: found for arm in arms if (found := tuned(evidence, own, arm)) is not None}
    answers: list[Answer] = []
    for pair in pairs:
        first, second = (chosen.get(side.label) for side in pair)
        if first and second and max(first.cells, second.cells) > 1:
            answers.append(_tuned_pair(evidence, own, first, second, margin))
        if max(len(evidence.grid(side.label)) for side in pair) > 1:
            sides = (_average(evidence, pair[0].label), _average(evidence, pair[1].label))
            counts = [len(side.keys) for side in sides]
            answers.append(compare(evidence, own, sides, margin, estimand="average", cell_counts=counts))
    several = [found for found in chosen.values() if found.cells > 1]
    answers += [_tunability(evidence, own, found, margin) for found in several]
    return answers, _warnings(evidence, several)


def _warnings(evidence: Evidence, several: Sequence[Tuned]) -> list[str]:
    said = [ADAPTIVE] if any(found.cell.stage == "exploit" for found in several) else []
    return said + ([SAME_ROWS] if several and evidence.repetitions else [])


def _tuned_pair(evidence: Evidence, own: Budget, first: Tuned, second: Tuned, margin: float) -> Answer:
    d = infer(evidence, second.values - first.values)
    text = effect(first.side.label, second.side.label, d, margin, evidence, SLOT)
    how = [_how(evidence, found) for found in (first, second) if found.cells > 1]
    detail: dict[str, Any] = {"kind": "pair", "first": first.side.label, "second": second.side.label}
    detail["settings"] = settings_of(evidence, (first.side, second.side))
    detail |= _choices(first, second)
    return answer_of(
        f"{budget_phrase(own)}, {text}. {' '.join(how)}",
        d,
        own,
        margin,
        estimand="tuned",
        cells=(first.cell.key, second.cell.key),
        detail=detail,
    )


def _how(evidence: Evidence, found: Tuned) -> str:
    adaptive = ", proposed by an adaptive search" if found.cell.stage == "exploit" else ""
    among = f"{found.cell.arm} is chosen {found.chosen_on}"
    if evidence.repetitions:
        return f"{among} among {found.cells} cells{adaptive}."
    return (
        f"{among} of the other replicates among {found.cells} cells; {found.agreeing} of {len(found.values)} "
        f"replicates take this one{adaptive}."
    )


def _choices(*found: Tuned) -> dict[str, Any]:
    return {
        "choices": {
            f.cell.arm: {
                "cells": f.cells,
                "agreeing": f.agreeing,
                "replicates": len(f.values),
                "adaptive": f.cell.stage == "exploit",
            }
            for f in found
        }
    }


def _average(evidence: Evidence, arm: str) -> Side:
    keys = tuple(cell.key for cell in evidence.grid(arm))
    label = arm if len(keys) == 1 else f"{arm} averaged over its grid of {len(keys)} cells"
    return Side(label, keys)


def _tunability(evidence: Evidence, own: Budget, found: Tuned, margin: float) -> Answer:
    """What choosing the knobs gains over the default ones."""
    default = evidence.default(found.cell.arm)
    assert default is not None
    start = side_values(evidence, own, [Side("default", (default.key,))])[0]
    d = infer(evidence, found.values - start)
    label = f"default {cell_label(default)}"
    text = effect(label, found.side.label, d, margin, evidence, SLOT)
    sentence = f"{budget_phrase(own)}, tuning {found.cell.arm}: {text}. {_how(evidence, found)}"
    keys = tuple(dict.fromkeys((default.key, found.cell.key)))
    detail: dict[str, Any] = {"kind": "tunability", "arm": found.cell.arm, **_choices(found)}
    detail |= {"first": label, "second": found.side.label}
    return answer_of(sentence, d, own, margin, estimand="tuned", cells=keys, detail=detail)
