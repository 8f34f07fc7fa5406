"""Equivalence of all levels of a knob: every pair must pass, so nothing is corrected."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import pandas as pd

from .paired import Difference, student
from .power import replicates_for_equivalence


@dataclass(frozen=True)
class Pair:
    """Two levels and the second less the first."""

    first: Any
    second: Any
    difference: Difference

    @property
    def reach(self) -> float:
        """The farthest end of the 90 % interval from 0; infinite without one."""
        interval = self.difference.interval(0.9)
        return float("inf") if interval is None else max(abs(interval[0]), abs(interval[1]))


@dataclass(frozen=True)
class AllEquivalent:
    """Whether every two levels are equivalent.

    Attributes:
        equivalent: whether every pairwise 90 % interval lies within the margin.
        pairs: all pairs.
        margin: the margin.
    """

    equivalent: bool
    pairs: tuple[Pair, ...]
    margin: float

    @property
    def largest(self) -> Pair | None:
        """The pair with the largest difference; None without pairs."""
        return max(self.pairs, key=lambda pair: abs(pair.difference.estimate or 0.0), default=None)

    @property
    def farthest(self) -> Pair | None:
        """The pair whose 90 % interval reaches farthest from 0; None without pairs."""
        return max(self.pairs, key=lambda pair: pair.reach, default=None)

    @property
    def more_replicates(self) -> int | None:
        """About how many more replicates would show it if no pair differed; None when not to be told.

        Of no use where it is shown already, or where a pair is shown to differ.
        """
        spread = [pair.difference.sd for pair in self.pairs]
        counts = [pair.difference.n for pair in self.pairs]
        if self.equivalent or not spread or any(sd is None for sd in spread):
            return None
        if any(pair.difference.excludes_zero() for pair in self.pairs):
            return None
        needed = replicates_for_equivalence(max(sd for sd in spread if sd is not None), self.margin)
        return max(1, needed - min(counts))


def all_equivalent(
    values: pd.DataFrame, margin: float, infer: Callable[[pd.Series], Difference] | None = None
) -> AllEquivalent:
    """Test whether all levels are equivalent, as an intersection of tests of every pair.

    Every pair has to pass two one-sided tests at 5 %; the error of the joint claim is then at most 5 %
    without any correction (Berger and Hsu 1996, doi:10.1214/ss/1032280304).

    Args:
        values: rows replicates, columns levels.
        margin: half width of what counts as no difference.
        infer: makes a difference from paired differences; the ordinary paired t by default.
    """
    infer = infer or (lambda d: student(d.dropna().to_numpy()))
    pairs = tuple(Pair(a, b, infer(values[b] - values[a])) for a, b in combinations(values.columns, 2))
    return AllEquivalent(bool(pairs) and all(p.difference.within(margin) for p in pairs), pairs, margin)
