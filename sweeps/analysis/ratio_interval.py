"""Intervals of ratios of variances, by resampling replicates."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

Array = npt.NDArray[np.float64]


def bootstrap_weights(count: int, resamples: int, random: np.random.Generator) -> Array:
    """How often each of ``count`` replicates is in each resample: (resamples, count), whole numbers."""
    return random.multinomial(count, [1 / count] * count, size=resamples).astype(np.float64)


@dataclass(frozen=True, eq=False)
class Resampled:
    """An estimate and what it is in each resample.

    Attributes:
        value: the estimate.
        draws: the estimate in each resample (resamples,).
        replicates: how many replicates were resampled.
    """

    value: float
    draws: Array
    replicates: int

    def scaled(self, factor: float) -> Resampled:
        """This times a number."""
        return Resampled(factor * self.value, factor * self.draws, self.replicates)

    def plus(self, other: Resampled) -> Resampled:
        """The sum of two estimates of the same resamples."""
        return Resampled(self.value + other.value, self.draws + other.draws, self.replicates)

    def over(self, whole: Resampled, level: float = 0.95) -> tuple[float, float]:
        """The interval of this as a part of ``whole``, within 0 to 1, by Fieller's method.

        A part s is inside when ``value - s * whole`` does not differ from 0: its standard error is
        that of the resamples times sqrt(R / (R - 1)), its quantile that of t with R - 1 degrees of
        freedom. A whole that does not differ from 0 itself tells nothing: 0 to 1.
        """
        t = float(stats.t.ppf((1 + level) / 2, self.replicates - 1))
        spread = np.cov(self.draws, whole.draws) * self.replicates / (self.replicates - 1) * t**2
        a = whole.value**2 - spread[1, 1]
        b = self.value * whole.value - spread[0, 1]
        c = self.value**2 - spread[0, 0]
        if a <= 0 or whole.value <= 0 or b * b < a * c:
            return 0.0, 1.0
        root = math.sqrt(b * b - a * c)
        low, high = (b - root) / a, (b + root) / a
        return min(1.0, max(0.0, low)), min(1.0, max(0.0, high))


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """Replicates resampled, for mean squares that are quadratic in the replicates.

    Attributes:
        weights: see ``bootstrap_weights``.
    """

    weights: Array

    def signal(self, gram: Array) -> Resampled:
        """The mean square of the mean over replicates, less the noise in it.

        Args:
            gram: inner products of the replicates (R, R).
        """
        count = len(gram)
        raw, own = self._forms(gram)
        noise = (own - raw) / (count - 1)  # of one resampled mean, times R / (R - 1)
        value = (gram.sum() - np.trace(gram)) / (count * (count - 1))
        return Resampled(float(value), raw - noise, count)

    def noise(self, gram: Array) -> Resampled:
        """The mean square of one replicate about the mean of all."""
        count = len(gram)
        raw, own = self._forms(gram)
        value = (np.trace(gram) - gram.sum() / count) / (count - 1)
        return Resampled(float(value), (own - raw) * count / (count - 1), count)

    def _forms(self, gram: Array) -> tuple[Array, Array]:
        """For each resample: the mean square of its mean, and the mean of its mean squares."""
        count = len(gram)
        raw = ((self.weights @ gram) * self.weights).sum(axis=1) / count**2
        own = self.weights @ np.diagonal(gram) / count
        return raw, own
