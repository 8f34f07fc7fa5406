"""Power of a paired t test: what a number of replicates can detect, and how many are needed."""

from __future__ import annotations

import math
from collections.abc import Callable

from scipy import optimize, stats

MOST = 100_000  # more replicates than this are answered by this number


def power_of_t(effect: float, se: float, df: int, alpha: float = 0.05) -> float:
    """Probability that a two-sided t test at ``alpha`` sees a true ``effect`` of either sign.

    Args:
        effect: the true difference, in any unit.
        se: standard error of the estimate, in the same unit.
        df: degrees of freedom of ``se``.
        alpha: error of the first kind.
    """
    critical = stats.t.ppf(1 - alpha / 2, df)
    return float(stats.nct.sf(critical, df, abs(effect) / se))


def detectable_effect(se: float, df: int, alpha: float = 0.05, power: float = 0.8) -> float:
    """The smallest true difference that a two-sided t test sees with probability ``power``.

    ``se`` may be a factor of the standard deviation: 1/sqrt(R) for R independent replicates,
    sqrt(1/J + test/train) for J repeated folds (Nadeau and Bengio 2003, doi:10.1023/A:1024068626366).
    """
    if se == 0:
        return 0.0
    high = 2.0 * (float(stats.t.ppf(1 - alpha / 2, df)) + 3.0)
    root = optimize.brentq(lambda effect: power_of_t(effect, 1.0, df, alpha) - power, 0.01, high)
    return float(root) * se


def replicates_needed(sd: float, delta: float, alpha: float = 0.05, power: float = 0.8) -> int:
    """How many independent replicates see a true difference ``delta`` with probability ``power``.

    Args:
        sd: standard deviation of the paired differences, in the unit of ``delta``.
        delta: the true difference, not 0.
        alpha: error of the first kind, two-sided.
        power: wanted probability.
    """
    return _smallest(lambda n: power_of_t(delta, sd / math.sqrt(n), n - 1, alpha) >= power, sd)


def replicates_for_equivalence(
    sd: float, margin: float, true: float = 0.0, alpha: float = 0.05, power: float = 0.8
) -> int:
    """How many independent replicates show equivalence within +-``margin`` by two one-sided tests.

    Args:
        sd: standard deviation of the paired differences, in the unit of ``margin``.
        margin: half width of what counts as no difference; larger than ``abs(true)``.
        true: the true difference.
        alpha: error of each one-sided test.
        power: wanted probability.
    """

    def enough(n: int) -> bool:
        critical = stats.t.ppf(1 - alpha, n - 1)
        root = math.sqrt(n) / sd
        too_low = float(stats.nct.cdf(critical, n - 1, (margin + true) * root))
        too_high = float(stats.nct.cdf(critical, n - 1, (margin - true) * root))
        return 1 - too_low - too_high >= power

    return _smallest(enough, sd)


def items_needed(discordant: float, difference: float, alpha: float = 0.05, power: float = 0.8) -> int:
    """How many test items show a difference of two classifiers that are scored on the same ones.

    The normal approximation to McNemar's test (Connor 1987, doi:10.2307/2531961).

    Args:
        discordant: share of the items that one of the two alone has right.
        difference: true difference of their accuracies, as a fraction, at most ``discordant``.
        alpha: error of the first kind, two-sided.
        power: wanted probability.
    """
    return math.ceil(_items(discordant, difference, alpha, power))


def detectable_accuracy(discordant: float, items: int, alpha: float = 0.05, power: float = 0.8) -> float:
    """The smallest difference of accuracies that a test set of so many items shows.

    Infinite where even the largest possible one, ``discordant``, is not seen.
    """

    def too_many(difference: float) -> float:
        return _items(discordant, difference, alpha, power) - items

    if too_many(discordant) > 0:
        return math.inf
    return float(optimize.brentq(too_many, 1e-9, discordant))


def _items(discordant: float, difference: float, alpha: float, power: float) -> float:
    chance = float(stats.norm.isf(alpha / 2)) * math.sqrt(discordant)
    sure = float(stats.norm.ppf(power)) * math.sqrt(discordant - difference**2)
    return (chance + sure) ** 2 / difference**2


def replicates_for_ranks(probability: float, alpha: float = 0.05, power: float = 0.95) -> int:
    """How many replicates a group the Wilcoxon-Mann-Whitney test needs.

    Noether (1987, doi:10.1080/01621459.1987.10478478), two groups of equal size that share no draws.

    Args:
        probability: that a replicate of one group is better than one of the other, not 0.5.
        alpha: error of the first kind, one-sided.
        power: wanted probability.
    """
    z = float(stats.norm.isf(alpha) + stats.norm.ppf(power))
    return math.ceil(z**2 / (6 * (probability - 0.5) ** 2))


def _smallest(enough: Callable[[int], bool], sd: float) -> int:
    """The smallest n from 2 on that is enough, by doubling and bisection."""
    if sd == 0 or enough(2):
        return 2
    low, high = 2, 4
    while not enough(high):
        low, high = high, 2 * high
        if high > MOST:
            return MOST
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
