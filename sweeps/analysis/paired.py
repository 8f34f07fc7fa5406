"""Paired differences: estimate, interval, p-value and the verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from ..comparisons import MARGIN as MARGIN  # others take it from here

Verdict = Literal[
    "better",
    "better_size_uncertain",
    "better_negligible",
    "equivalent",
    "inconclusive",
    "worse",
    "worse_size_uncertain",
    "worse_negligible",
    "not_applicable",
]
Values = Sequence[float] | npt.NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """A paired difference with its uncertainty, in the unit of what was compared.

    Attributes:
        estimate: mean difference; None when nothing is in common.
        sd: standard deviation of the single differences.
        se: standard error of the estimate; None when there is no interval, and ``reason`` says why.
        df: degrees of freedom of ``se``.
        n: independent replicates (or repetitions) behind it.
        values: single differences behind it: n, or n times folds.
        reason: why there is no interval.
        n_first: replicates of the first side where the sides are not paired; ``n`` are the second's.
    """

    estimate: float | None
    sd: float | None = None
    se: float | None = None
    df: int | None = None
    n: int = 0
    values: int = 0
    reason: str | None = None
    n_first: int | None = None

    def interval(self, level: float = 0.95) -> tuple[float, float] | None:
        """The t interval at ``level``; None when there is none. TOST at 5 % reads the one at 0.9."""
        if self.estimate is None or self.se is None or self.df is None:
            return None
        half = _quantile(level, self.df) * self.se
        return self.estimate - half, self.estimate + half

    @property
    def p(self) -> float | None:
        """Two-sided p-value of no difference; None without an interval."""
        if self.estimate is None or self.se is None or self.df is None:
            return None
        if self.se == 0:
            return 1.0 if self.estimate == 0 else 0.0
        return float(2 * stats.t.sf(abs(self.estimate) / self.se, self.df))

    def excludes_zero(self, level: float = 0.95) -> bool:
        """Whether there is an interval at ``level`` and 0 lies outside it."""
        interval = self.interval(level)
        return interval is not None and (interval[0] > 0 or interval[1] < 0)

    def within(self, margin: float) -> bool:
        """Whether two one-sided tests at 5 % show it to lie within +-``margin``."""
        interval = self.interval(0.9)
        return interval is not None and -margin < interval[0] and interval[1] < margin

    def verdict(self, margin: float = MARGIN) -> Verdict:
        """The verdict at ``margin``; inconclusive without an interval."""
        return verdict(self.estimate, self.se, self.df, margin)


@lru_cache(maxsize=1024)
def _quantile(level: float, df: int) -> float:
    return float(stats.t.ppf((1 + level) / 2, df))


def student(differences: Values) -> Difference:
    """Mean of independent differences with the ordinary t interval, df = n - 1.

    Fewer than two differences give no interval.
    """
    return _difference(differences, 0.0, "an interval needs two replicates in common")


def nadeau_bengio(differences: Values, test_to_train: float) -> Difference:
    """Mean of J fold differences of repeated cross-validation with a corrected variance.

    J is repetitions times folds: every fold score counts as one value. The variance of the mean is
    ``sd**2 * (1 / J + test_to_train)``, df = J - 1 (Nadeau and Bengio 2003,
    doi:10.1023/A:1024068626366; Bouckaert and Frank 2004 for repetitions). It is a heuristic: no
    unbiased estimate exists for one data set.

    Args:
        differences: fold differences (J,).
        test_to_train: held-out rows per training row, 1 / (folds - 1) for cross-validation.
    """
    return _difference(differences, test_to_train, "an interval needs two folds in common")


def paired(first: pd.Series, second: pd.Series) -> Difference:
    """``second - first`` over the replicates (the index) that both have, by ``student``."""
    return student((second - first).dropna().to_numpy(dtype=np.float64))


def _difference(differences: Values, extra: float, too_few: str) -> Difference:
    d = np.asarray(differences, dtype=np.float64)
    count = len(d)
    if count == 0:
        return Difference(None, reason="no replicate in common")
    if count == 1:
        return Difference(float(d[0]), n=1, values=1, reason=too_few)
    sd = 0.0 if np.all(d == d[0]) else float(d.std(ddof=1))
    se = sd * math.sqrt(1 / count + extra)
    return Difference(float(d.mean()), sd, se, count - 1, count, count)


def verdict(estimate: float | None, se: float | None, df: int | None, margin: float = MARGIN) -> Verdict:
    """Judge a difference by its 95 % interval and, for equivalence, its 90 % interval.

    In this order, with the 95 % interval [L, U]: L > margin better; L > 0 and U > margin better, size
    uncertain; L > 0 better but negligible; the same below 0; 90 % interval inside +-margin
    equivalent; else inconclusive. Without a standard error it is inconclusive.
    """
    difference = Difference(estimate, se=se, df=df)
    interval = difference.interval()
    if interval is None:
        return "inconclusive"
    low, high = interval
    if low > 0:
        if low > margin:
            return "better"
        return "better_size_uncertain" if high > margin else "better_negligible"
    if high < 0:
        if high < -margin:
            return "worse"
        return "worse_size_uncertain" if low < -margin else "worse_negligible"
    return "equivalent" if difference.within(margin) else "inconclusive"
