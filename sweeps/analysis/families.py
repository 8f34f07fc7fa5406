"""Families of comparisons: p-values corrected for their number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from .paired import Difference

Correction = Literal["holm", "bh", "bonferroni"]


@dataclass(frozen=True)
class Family:
    """Comparisons that were declared together, before the run.

    Attributes:
        name: of the family.
        correction: holm for confirmatory families, bh for exploratory ones.
        p: p-value of each comparison by its name; those without an interval are left out.
        adjusted: corrected p-values, of the same names.
        without: comparisons without an interval, and why.
    """

    name: str
    correction: Correction
    p: Mapping[str, float]
    adjusted: Mapping[str, float]
    without: Mapping[str, str]

    @property
    def size(self) -> int:
        """How many comparisons the correction is for."""
        return len(self.p)

    def rejected(self, alpha: float = 0.05) -> tuple[str, ...]:
        """The comparisons that are told from no difference with an error of ``alpha`` in the family.

        With bh, ``alpha`` is the expected share of false ones among them.
        """
        return tuple(name for name, p in self.adjusted.items() if p <= alpha)


@dataclass(frozen=True)
class Proportions:
    """Two classifiers on the same items.

    Attributes:
        difference: share of items that the second has right less that of the first.
        low: lower end of the interval (Wald).
        high: upper end.
        p: exact p-value of McNemar's test.
        items: number of items.
    """

    difference: float
    low: float
    high: float
    p: float
    items: int


def adjusted_p(p: Mapping[str, float], correction: Correction = "holm") -> dict[str, float]:
    """Correct p-values for their number: holm, bh (Benjamini-Hochberg) or bonferroni."""
    values = np.array(list(p.values()), dtype=np.float64)
    if correction == "holm":  # not that of statsmodels, which collects garbage on every call, for 0.1 s
        order = values.argsort()
        steps = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
        corrected = np.minimum(1.0, steps[order.argsort()])
    elif correction == "bh":
        corrected = stats.false_discovery_control(values) if len(values) else values
    else:
        corrected = np.minimum(1.0, values * len(values))
    return dict(zip(p, corrected.tolist(), strict=True))


def family(name: str, comparisons: Mapping[str, Difference], correction: Correction = "holm") -> Family:
    """Correct the p-values of named differences for their number."""
    known = {key: d.p for key, d in comparisons.items()}
    p = {key: value for key, value in known.items() if value is not None}
    without = {key: comparisons[key].reason or "no interval" for key in known if key not in p}
    return Family(name, correction, p, adjusted_p(p, correction), without)


def mcnemar(first_only: int, second_only: int, items: int, level: float = 0.95) -> Proportions:
    """Compare two classifiers that scored the same items once.

    Args:
        first_only: items that only the first has right.
        second_only: items that only the second has right.
        items: all items.
        level: of the interval.
    """
    difference = (second_only - first_only) / items
    discordant = (first_only + second_only) / items
    half = float(stats.norm.ppf((1 + level) / 2)) * float(np.sqrt((discordant - difference**2) / items))
    alone = first_only + second_only
    p = float(stats.binomtest(first_only, alone).pvalue) if alone else 1.0
    return Proportions(difference, difference - half, difference + half, p, items)
