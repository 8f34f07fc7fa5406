"""The share of a gap that a change closes: a ratio of two paired differences, by Fieller's method."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats


@dataclass(frozen=True)
class Closed:
    """How much of a gap is closed: 0 nothing, 1 all of it.

    Attributes:
        share: the estimate; None when there is no gap.
        low: lower end of its 95 % interval.
        high: upper end.
        n: replicates behind it.
        reason: why there is no share, or no interval.
    """

    share: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    reason: str | None = None

    def moved(self) -> bool:
        """Whether the interval lies above 0: the change closes some of the gap."""
        return self.low is not None and self.low > 0


def gap_closed(change: pd.Series, gap: pd.Series, level: float = 0.95) -> Closed:
    """The mean of ``change`` over the mean of ``gap``, both paired differences of the same replicates.

    The interval holds all shares s for which ``change - s * gap`` does not differ from 0 by a t test
    (Fieller 1954, doi:10.1111/j.2517-6161.1954.tb00159.x). A gap that itself does not differ from 0
    cannot be closed: then there is no share.

    Args:
        change: what the change gains, one value a replicate.
        gap: what is missing without it.
        level: of the interval.
    """
    both = pd.DataFrame({"change": change, "gap": gap}).dropna()
    count = len(both)
    if count < 2:
        return Closed(None, n=count, reason="a share of a gap needs two replicates in common")
    top, bottom = both["change"].to_numpy(np.float64), both["gap"].to_numpy(np.float64)
    t = float(stats.t.ppf((1 + level) / 2, count - 1))
    spread = np.cov(top, bottom, ddof=1) / count * t**2
    a = bottom.mean() ** 2 - spread[1, 1]
    if a <= 0 or bottom.mean() <= 0:
        return Closed(None, n=count, reason="no gap could be shown")
    b = top.mean() * bottom.mean() - spread[0, 1]
    c = top.mean() ** 2 - spread[0, 0]
    root = math.sqrt(max(0.0, b * b - a * c))
    share = float(top.mean() / bottom.mean())
    return Closed(share, float((b - root) / a), float((b + root) / a), count)
