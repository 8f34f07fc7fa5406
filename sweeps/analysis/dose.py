"""Dose and response: the curve over a knob's levels, with a band that holds for all of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .paired import Difference, nadeau_bengio
from .simultaneous import t_between_levels


@dataclass(frozen=True)
class Point:
    """A level's difference to the first level, with the simultaneous band.

    Attributes:
        level: the level.
        difference: to the first level, with its own interval; of the first level itself 0.
        low: lower end of the band; None where there is none.
        high: upper end.
    """

    level: Any
    difference: Difference
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Curve:
    """Paired differences of all levels to the first one.

    Attributes:
        points: one a level, in the order of the table; the first is 0.
        critical: what standard errors are multiplied by for the band; None where ``reason`` says why.
        n: rows that have all levels.
        reason: why there is no band.
    """

    points: tuple[Point, ...]
    critical: float | None = None
    n: int = 0
    reason: str | None = None


def dose_response(
    values: pd.DataFrame,
    random: np.random.Generator,
    *,
    test_to_train: float = 0.0,
    level: float = 0.95,
) -> Curve:
    """Compare every level with the first one; the band holds for all levels together.

    The critical value is a quantile of the largest |t| over the levels when none differs, by a
    parametric bootstrap of the table: see ``t_between_levels``.

    Args:
        values: rows replicates, columns levels in ascending order; rows that lack a level are left out.
        random: draws the bootstrap.
        test_to_train: for folds of repeated cross-validation as rows: see ``nadeau_bengio``.
        level: probability that the band holds the whole true curve.
    """
    complete = values.dropna()
    table = complete.to_numpy(dtype=np.float64)
    found = {
        name: nadeau_bengio(table[:, i] - table[:, 0], test_to_train)
        for i, name in enumerate(complete.columns)
    }
    reason = lacking(complete, "a band")
    if reason is not None:
        return Curve(tuple(Point(name, d) for name, d in found.items()), n=len(table), reason=reason)
    largest = np.abs(t_between_levels(table, random)[:, :, 0]).max(axis=1)
    critical = float(np.quantile(largest, level))
    return Curve(tuple(_point(name, d, critical) for name, d in found.items()), critical, len(table))


def lacking(complete: pd.DataFrame, what: str) -> str | None:
    """Why a table of complete rows has no ``what``; None when it has two rows and two levels."""
    if complete.shape[1] < 2:
        return f"{what} needs two levels"
    return f"{what} needs two replicates that have all levels" if len(complete) < 2 else None


def _point(level: Any, d: Difference, critical: float) -> Point:
    assert d.estimate is not None
    assert d.se is not None
    return Point(level, d, d.estimate - critical * d.se, d.estimate + critical * d.se)
