"""Variances that replicates have in common, their ratios, and intervals by leaving replicates out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

Array = npt.NDArray[np.float64]
FEWEST = 3  # leaving one out has to leave a pair


@dataclass(frozen=True, eq=False)
class Jackknifed:
    """An estimate, and what it is without each replicate.

    Attributes:
        value: the estimate.
        without: the estimate without each replicate (R,).
    """

    value: float
    without: Array

    def scaled(self, factor: float) -> Jackknifed:
        """This times a number."""
        return Jackknifed(factor * self.value, factor * self.without)

    def plus(self, other: Jackknifed) -> Jackknifed:
        """The sum of two estimates of the same replicates."""
        return Jackknifed(self.value + other.value, self.without + other.without)

    def over(self, whole: Jackknifed, level: float = 0.95) -> tuple[float, float]:
        """The interval of this as a part of ``whole``, within 0 to 1, by Fieller's method.

        A part s is inside when ``value - s * whole`` does not differ from 0 by its jackknife standard
        error and the t quantile with R - 1 degrees of freedom. A whole that does not differ from 0
        itself tells nothing: 0 to 1.
        """
        count = len(self.without)
        t = float(stats.t.ppf((1 + level) / 2, count - 1))
        spread = t**2 * (count - 1) ** 2 / count * np.cov(self.without, whole.without)
        a = whole.value**2 - spread[1, 1]
        b = self.value * whole.value - spread[0, 1]
        c = self.value**2 - spread[0, 0]
        if a <= 0 or whole.value <= 0:
            return 0.0, 1.0
        root = math.sqrt(max(0.0, b * b - a * c))
        low, high = (b - root) / a, (b + root) / a
        return min(1.0, max(0.0, low)), min(1.0, max(0.0, high))


def in_common(gram: Array) -> Jackknifed:
    """The mean square of what replicates have in common: the mean product of two different ones.

    It has no noise in it: the noise of one replicate is independent of another's.

    Args:
        gram: inner products of the replicates (R, R), R at least 3.
    """
    return _over_pairs(gram)


def of_its_own(gram: Array) -> Jackknifed:
    """The mean square of what a replicate has of its own: half the squared distance of two."""
    own = np.diagonal(gram)
    return _over_pairs((own[:, None] + own[None, :]) / 2 - gram)


def _over_pairs(values: Array) -> Jackknifed:
    """Mean over pairs of different replicates, with all and without each."""
    count = len(values)
    sums = values.sum(axis=1) - np.diagonal(values)
    total = float(sums.sum())
    without = (total - 2 * sums) / ((count - 1) * (count - 2))
    return Jackknifed(total / (count * (count - 1)), np.asarray(without))
