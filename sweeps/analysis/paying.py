"""Up to which size a gain pays: where a curve of gains falls below what counts."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

GRID = 401  # sizes that are tried, evenly on the logarithmic scale
Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Paying:
    """The size at which a gain stops paying.

    Attributes:
        size: where the mean gain falls below the threshold for the first time; None when it does not
            cross it between the smallest and the largest size.
        low: the smallest size that may be it; None when it may lie below the sizes tried.
        high: the largest size that may be it; None when it may lie above.
        pays_first: whether the gain at the smallest size is above the threshold, by a one-sided test
            at 2.5 %; None when neither is shown.
        pays_last: the same at the largest size.
        n: replicates that have all sizes.
        reason: why there is no answer.
    """

    size: float | None = None
    low: float | None = None
    high: float | None = None
    pays_first: bool | None = None
    pays_last: bool | None = None
    n: int = 0
    reason: str | None = None


def paying_up_to(gains: pd.DataFrame, threshold: float, level: float = 0.95) -> Paying:
    """Find the size at which a gain falls below ``threshold``, with its confidence set.

    Between the sizes that were run, the gain of each replicate is drawn as a straight line over the
    logarithm of the size. The interval spans all sizes at which a t test does not tell the gain from
    the threshold: an inversion of the test, so it needs no resampling. It holds the crossing in 95 %
    of sweeps where the lines hold.

    Args:
        gains: rows replicates, columns ascending sizes, in points.
        threshold: the gain from which on it pays.
        level: of the interval.
    """
    complete = gains.dropna()
    sizes = np.asarray(complete.columns, dtype=np.float64)
    table = complete.to_numpy(dtype=np.float64)
    if len(sizes) < 2 or len(table) < 2:
        return Paying(n=len(table), reason="it needs two sizes and two replicates that have all of them")
    grid = np.unique(np.concatenate([np.geomspace(sizes[0], sizes[-1], GRID)[1:-1], sizes]))
    between = np.array([np.interp(np.log(grid), np.log(sizes), row) for row in table])  # (R, grid)
    mean, told = between.mean(axis=0), _told(between, threshold, level)
    ends = [None if told[i] == 0 else bool(told[i] > 0) for i in (0, -1)]
    open_ = np.flatnonzero(told == 0)
    crossing = _crossing(np.log(grid), mean - threshold)
    low = float(grid[open_[0]]) if len(open_) and open_[0] > 0 else None
    high = float(grid[open_[-1]]) if len(open_) and open_[-1] < len(grid) - 1 else None
    if not len(open_) and crossing is not None:
        low = high = crossing
    return Paying(crossing, low, high, ends[0], ends[1], len(table))


def _told(between: Array, threshold: float, level: float) -> npt.NDArray[np.int64]:
    """1 where the gain is above the threshold, -1 where below, 0 where neither is shown."""
    count = len(between)
    above = between.mean(axis=0) - threshold
    same = (between == between[0]).all(axis=0)
    se = np.where(same, 0.0, between.std(axis=0, ddof=1)) / math.sqrt(count)
    critical = float(stats.t.ppf((1 + level) / 2, count - 1))
    return np.where(np.abs(above) > critical * se, np.sign(above), 0).astype(np.int64)


def _crossing(x: Array, above: Array) -> float | None:
    """Where ``above`` falls below 0 for the first time, on the scale of the sizes."""
    falls = np.flatnonzero((above[:-1] >= 0) & (above[1:] < 0))
    if not len(falls):
        return None
    i = int(falls[0])
    share = above[i] / (above[i] - above[i + 1])
    return float(np.exp(x[i] + share * (x[i + 1] - x[i])))
