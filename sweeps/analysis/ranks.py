"""Ranks of methods over data sets: Friedman's test and what follows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from .families import adjusted_p

ENOUGH = 6  # with fewer data sets a comparison over them is exploratory


@dataclass(frozen=True)
class Friedman:
    """Average ranks of methods over data sets, and whether they differ.

    Attributes:
        ranks: average rank of every method; 1 is the best.
        chi2: Friedman's statistic as Demsar (2006) prints it, without correction for ties.
        p: its p-value.
        chi2_tied: corrected for ties, as ``scipy.stats.friedmanchisquare`` gives it.
        p_tied: its p-value.
        F: the statistic of Iman and Davenport, from ``chi2``.
        p_F: its p-value.
        data_sets: number of data sets, the blocks.
        reason: why there is no test.
    """

    ranks: Mapping[str, float]
    chi2: float | None = None
    p: float | None = None
    chi2_tied: float | None = None
    p_tied: float | None = None
    F: float | None = None
    p_F: float | None = None
    data_sets: int = 0
    reason: str | None = None

    @property
    def exploratory(self) -> bool:
        """Whether the data sets are too few for more than a look."""
        return self.data_sets < ENOUGH

    @property
    def rank_error(self) -> float:
        """Standard error of the difference of two average ranks."""
        methods = len(self.ranks)
        return float(np.sqrt(methods * (methods + 1) / (6 * self.data_sets)))


@dataclass(frozen=True)
class RankPair:
    """Two methods compared by their average ranks.

    Attributes:
        first: a method.
        second: another.
        difference: average rank of the second less that of the first.
        p: p-value, corrected for the number of comparisons.
    """

    first: str
    second: str
    difference: float
    p: float


def data_set_means(scores: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Average each data set's table (rows replicates, columns methods) to one row.

    A replicate that lacks a method is left out of its data set.
    """
    rows = {name: table.dropna().mean() for name, table in scores.items()}
    return pd.DataFrame(rows.values(), index=pd.Index(rows.keys(), name="data"))


def friedman(scores: pd.DataFrame) -> Friedman:
    """Test whether methods rank alike over data sets (Demsar 2006, JMLR 7:1-30).

    Blocks are data sets and nothing else: folds and replicates of one data set share its rows or its
    population, are not independent samples of data sets, and would make almost any difference
    significant. So the index names each data set once.

    Args:
        scores: rows data sets, columns methods, one mean score each, larger is better.
    """
    methods = [str(name) for name in scores.columns]
    complete = scores.dropna()
    count = len(complete)
    reason = _why_not(complete)
    if reason is not None:
        return Friedman({}, data_sets=count, reason=reason)
    ranks = stats.rankdata(-complete.to_numpy(dtype=np.float64), axis=1)
    k = len(methods)
    mean = ranks.mean(axis=0)
    chi2 = float(12 * count / (k * (k + 1)) * (mean**2).sum() - 3 * count * (k + 1))
    ties = sum(
        int((size**3 - size).sum()) for size in (np.unique(row, return_counts=True)[1] for row in ranks)
    )
    untied = 1 - ties / (count * k * (k**2 - 1))
    if untied == 0:
        return Friedman({}, data_sets=count, reason="all methods have equal scores on every data set")
    tied = chi2 / untied
    room = count * (k - 1) - chi2
    F = float((count - 1) * chi2 / room) if room > 0 else float("inf")
    return Friedman(
        dict(zip(methods, mean.tolist(), strict=True)),
        chi2,
        float(stats.chi2.sf(chi2, k - 1)),
        tied,
        float(stats.chi2.sf(tied, k - 1)),
        F,
        float(stats.f.sf(F, k - 1, (k - 1) * (count - 1))),
        count,
    )


def critical_difference(
    ranked: Friedman, alpha: float = 0.05, kind: Literal["nemenyi", "bonferroni_dunn"] = "nemenyi"
) -> float:
    """How far apart average ranks must be.

    Args:
        ranked: a Friedman test that has ranks.
        alpha: error over all comparisons.
        kind: nemenyi for all pairs, bonferroni_dunn for all methods against one of them.
    """
    methods = len(ranked.ranks)
    if kind == "nemenyi":
        q = float(stats.studentized_range.ppf(1 - alpha, methods, np.inf)) / np.sqrt(2)
    else:
        q = float(stats.norm.isf(alpha / (2 * (methods - 1))))
    return float(q * ranked.rank_error)


def nemenyi(ranked: Friedman) -> tuple[RankPair, ...]:
    """Compare all pairs of methods by Nemenyi's test."""
    pairs = []
    for first, second in combinations(ranked.ranks, 2):
        difference = ranked.ranks[second] - ranked.ranks[first]
        q = abs(difference) / ranked.rank_error * np.sqrt(2)
        p = float(stats.studentized_range.sf(q, len(ranked.ranks), np.inf))
        pairs.append(RankPair(first, second, difference, min(1.0, max(0.0, p))))
    return tuple(pairs)


def against_control(ranked: Friedman, control: str) -> tuple[RankPair, ...]:
    """Compare all methods with one of them by z tests of average ranks, corrected by Holm."""
    others = [name for name in ranked.ranks if name != control]
    gaps = {name: ranked.ranks[name] - ranked.ranks[control] for name in others}
    p = {name: 2 * float(stats.norm.sf(abs(gap) / ranked.rank_error)) for name, gap in gaps.items()}
    corrected = adjusted_p(p, "holm")
    return tuple(RankPair(control, name, gaps[name], corrected[name]) for name in others)


def _why_not(complete: pd.DataFrame) -> str | None:
    if complete.index.nlevels > 1:
        levels = ", ".join(str(name) for name in complete.index.names)
        return f"blocks must be data sets, one row each; got rows by {levels}"
    if not complete.index.is_unique:
        return "blocks must be data sets, one row each; a data set has several rows"
    if len(complete) < 2:
        return f"ranks over data sets need two of them, got {len(complete)}"
    if complete.shape[1] < 3:
        return "ranks need three methods; compare two by their paired difference"
    return None
