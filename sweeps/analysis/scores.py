"""Scores at a training budget, and the contrasts between sides of a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
import pandas as pd

from ..spec_classifier import DEFAULT
from .evidence import Evidence
from .paired import Difference, nadeau_bengio, student

BudgetName = Literal["common", "own_best", "default", "averaged"]
NO_FOLDS = "the ledger holds no scores of single folds here, and repetitions share their rows"


@dataclass(frozen=True)
class Budget:
    """Which training budget a comparison speaks of.

    Attributes:
        name: own_best: each cell at the rung that its folds chose; default: the steps that the spec
            fixes; common: one rung of the ladder for all; averaged: the mean over the rungs.
        steps: the steps of default and common.
        classifier: whose ladder it is on.
    """

    name: BudgetName
    steps: int | None = None
    classifier: str = DEFAULT


@dataclass(frozen=True)
class Side:
    """One side of a comparison: the mean over some cells of one measure."""

    label: str
    keys: tuple[str, ...]
    measure: str = "score"


def own_budget(evidence: Evidence) -> Budget:
    """The budget of the chosen scores: own_best, or default where the spec fixes the steps."""
    steps = dict(evidence.cells[0].context).get("steps", "folds")
    return Budget("own_best") if steps == "folds" else Budget("default", int(steps), classifier_of(evidence))


def common_budget(evidence: Evidence, steps: int) -> Budget:
    """One rung of the ladder for all."""
    return Budget("common", steps, classifier_of(evidence))


def classifier_of(evidence: Evidence) -> str:
    """The classifier of the cells that are compared."""
    return str(dict(evidence.cells[0].context).get("classifier", DEFAULT))


def common_budgets(evidence: Evidence) -> tuple[Budget, ...]:
    """The smallest, the middle and the largest rung of the ladder."""
    rungs = evidence.rungs
    if not rungs:
        return ()
    chosen = dict.fromkeys((rungs[0], rungs[len(rungs) // 2], rungs[-1]))
    return tuple(common_budget(evidence, steps) for steps in chosen)


def table(evidence: Evidence, budget: Budget, measure: str = "score") -> pd.DataFrame:
    """A measure as fractions: rows replicates, columns trial keys; missing where there is none."""

    def pivot() -> pd.DataFrame:
        frame = evidence.results
        if budget.name == "common":
            frame = evidence.curve[evidence.curve["steps"] == budget.steps]
        if budget.name == "averaged":
            frame = evidence.curve.groupby(["trial_key", "replicate"])[[measure]].mean().reset_index()
        return frame.pivot_table(index="replicate", columns="trial_key", values=measure, aggfunc="first")

    return evidence.once((budget, measure), pivot)


def side_values(evidence: Evidence, budget: Budget, sides: Sequence[Side]) -> pd.DataFrame:
    """Sides as columns 0, 1, ... in points; rows replicates, or (replicate, fold) for repetitions.

    A row is missing on a side where one of its cells is missing. Repetitions are read from the fold
    scores where every side has them.
    """
    if evidence.repetitions and budget.name in ("own_best", "default"):
        by_fold = _columns([_fold_table(evidence, side.measure) for side in sides], sides)
        if len(by_fold) and bool(by_fold.notna().any().all()):
            return by_fold
    columns = {
        i: evidence.once((budget, side.measure, side.keys), partial(_points, evidence, budget, side))
        for i, side in enumerate(sides)
    }
    return pd.DataFrame(columns)


def _points(evidence: Evidence, budget: Budget, side: Side) -> pd.Series:
    return 100 * _column(table(evidence, budget, side.measure), side)


def contrast(evidence: Evidence, budget: Budget, first: Side, second: Side) -> Difference:
    """``second - first`` in points at a budget, by the rule of ``infer``."""
    values = side_values(evidence, budget, (first, second))
    return infer(evidence, values[1] - values[0])


def infer(evidence: Evidence, differences: pd.Series) -> Difference:
    """Estimate and interval of paired differences, one a replicate or one a (replicate, fold).

    Independent replicates: the ordinary paired t. Repetitions of cross-validation on the same rows:
    the corrected variance of ``nadeau_bengio`` over all fold differences; without fold scores there
    is no interval, for the spread of repetitions says nothing of other rows.
    """
    differences = differences.dropna()
    values = differences.to_numpy(dtype=np.float64)
    if differences.index.nlevels == 2:
        replicates = differences.index.get_level_values(0).nunique()
        return replace(nadeau_bengio(values, fold_ratio(evidence)), n=int(replicates))
    result = student(values)
    if evidence.repetitions and result.se is not None:
        return replace(result, sd=None, se=None, df=None, reason=NO_FOLDS)
    return result


def fold_ratio(evidence: Evidence) -> float:
    """Held-out rows per training row of a fold: f / (1 - f) with the header's ``test_fraction_nb``.

    Where the header has none, 1 / (folds - 1) with its ``folds``, else with the folds seen.
    """
    fraction = evidence.header.get("test_fraction_nb")
    if fraction is not None:
        return float(fraction / (1 - fraction))
    folds = evidence.header.get("folds") or evidence.folds["fold"].nunique()
    return 1 / (int(folds) - 1)


def fold_means(evidence: Evidence, budget: Budget, sides: Sequence[Side]) -> tuple[float, ...]:
    """Mean score on the folds of each side over the replicates that all have; what choices rest on.

    Missing (nan) when the ledger has no score on the folds.
    """
    if evidence.repetitions:
        columns = _columns([table(evidence, budget, "cv")] * len(sides), sides).dropna()
    else:
        columns = side_values(evidence, budget, [replace(side, measure="cv") for side in sides]).dropna()
    means = columns.to_numpy(dtype=np.float64).mean(axis=0) if len(columns) else np.full(len(sides), np.nan)
    return tuple(float(mean) for mean in means)


def _fold_table(evidence: Evidence, measure: str) -> pd.DataFrame:
    def pivot() -> pd.DataFrame:
        frame = evidence.folds if measure in evidence.folds else evidence.folds.assign(**{measure: np.nan})
        index = ["replicate", "fold"]
        return frame.pivot_table(index=index, columns="trial_key", values=measure, aggfunc="first")

    return evidence.once(("folds", measure), pivot)


def _columns(tables: Sequence[pd.DataFrame], sides: Sequence[Side]) -> pd.DataFrame:
    """Mean over each side's cells, in points; missing where one of its cells is missing."""
    return pd.DataFrame(
        {i: 100 * _column(t, side) for i, (t, side) in enumerate(zip(tables, sides, strict=True))}
    )


def _column(values: pd.DataFrame, side: Side) -> pd.Series:
    if len(side.keys) == 1 and side.keys[0] in values:
        return values[side.keys[0]]  # reindexing costs a millisecond
    return values.reindex(columns=list(side.keys)).mean(axis=1, skipna=False)
