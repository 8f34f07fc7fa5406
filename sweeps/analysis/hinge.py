"""Where a dose-response curve turns: two straight lines that meet, fitted by least squares."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from .simultaneous import p_of_largest_t

Array = npt.NDArray[np.float64]
GRID = 201  # candidate change points between the second level and the last but one
FEWEST_LEVELS = 5  # two lines that meet have four parameters
FEWEST_REPLICATES = 5  # fewer resamples than that are too coarse for an interval
FEW = f"a change point needs {FEWEST_REPLICATES} replicates that have all levels"
BENDS = 10  # every so many candidates are tested for a bend: neighbours are nearly the same test


@dataclass(frozen=True)
class Estimate:
    """An estimate with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Hinge:
    """Two straight lines that meet, fitted to the mean curve.

    Attributes:
        turn: where they meet, in the unit of the levels; None where ``reason`` says why.
        before: slope up to there, per unit of the levels.
        after: slope beyond.
        p: p-value of a straight line, over all candidate change points.
        at_edge: whether the best change point is the second level or the last but one: it may then lie
            outside.
        n: replicates that have all levels.
        reason: why there is no fit.
    """

    turn: Estimate | None = None
    before: Estimate | None = None
    after: Estimate | None = None
    p: float | None = None
    at_edge: bool = False
    n: int = 0
    reason: str | None = None

    @property
    def turns(self) -> bool:
        """Whether a straight line is rejected at 5 %; without it ``turn`` means nothing."""
        return self.p is not None and self.p <= 0.05


def hinge(values: pd.DataFrame, random: np.random.Generator, *, resamples: int = 2000) -> Hinge:
    """Find where the curve over numeric levels turns, and how steep it is on either side.

    The change point is searched on a grid between the second level and the last but one. Intervals
    resample replicates; their percentiles are moved outwards as Hesterberg (2015,
    doi:10.1080/00031305.2015.1089789) does, so that they are as wide as t intervals for few
    replicates. The p-value is that of the largest |t| of the bend over the candidates.

    Args:
        values: rows replicates, columns ascending numeric levels; rows that lack a level are left out.
        random: draws the resamples.
        resamples: how many.
    """
    complete = values.dropna()
    x = np.asarray(complete.columns, dtype=np.float64)
    table = complete.to_numpy(dtype=np.float64)
    if len(x) < FEWEST_LEVELS:
        return Hinge(n=len(table), reason=f"a change point needs {FEWEST_LEVELS} levels, got {len(x)}")
    if len(table) < FEWEST_REPLICATES:
        return Hinge(n=len(table), reason=FEW)
    candidates = np.linspace(x[1], x[-2], GRID)
    designs: Array = np.stack([_design(x, c) for c in candidates])  # (G, L, 3)
    inverses = np.asarray(np.linalg.pinv(designs), dtype=np.float64)  # (G, 3, L)
    means = table[random.integers(len(table), size=(resamples, len(table)))].mean(axis=1)
    fitted = _fit(np.vstack([table.mean(axis=0), means]), designs, inverses)
    turn, before, bend = candidates[fitted[0]], fitted[1], fitted[2]
    turn_at, slope, beyond = (_interval(draws, len(table)) for draws in (turn, before, before + bend))
    p = p_of_largest_t(table, inverses[::BENDS, 2], random)
    edge = int(fitted[0][0]) in (0, GRID - 1)
    return Hinge(turn_at, slope, beyond, p, edge, len(table))


def _design(x: Array, turn: float) -> Array:
    return np.column_stack([np.ones_like(x), x, np.maximum(x - turn, 0)])


def _fit(curves: Array, designs: Array, inverses: Array) -> tuple[npt.NDArray[np.intp], Array, Array]:
    """Best candidate, slope before it and bend there, for every curve (n, L)."""
    bases = np.linalg.qr(designs)[0]  # (G, L, 3), orthonormal columns
    flat = bases.transpose(1, 0, 2).reshape(curves.shape[1], -1)
    explained = ((curves @ flat) ** 2).reshape(len(curves), len(designs), 3).sum(axis=2)
    best = explained.argmax(axis=1)
    slopes = np.einsum("nkl,nl->nk", inverses[best], curves)
    return best, slopes[:, 1], slopes[:, 2]


def _interval(draws: Array, replicates: int) -> Estimate:
    """The first draw with the expanded percentile interval of the others."""
    wide = math.sqrt(replicates / (replicates - 1)) * stats.t.ppf(0.975, replicates - 1)
    tail = float(stats.norm.sf(wide))
    low, high = np.quantile(draws[1:], [tail, 1 - tail])
    return Estimate(float(draws[0]), float(low), float(high))
