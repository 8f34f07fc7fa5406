"""Whether the level of a knob matters: all pairs equivalent, some pair different, or neither shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import pandas as pd

from .families import adjusted_p
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
        adjusted: p-value of no difference of each pair, corrected by Holm for the number of pairs; None
            for a pair without an interval.
        margin: the margin.
    """

    equivalent: bool
    pairs: tuple[Pair, ...]
    adjusted: tuple[float | None, ...]
    margin: float

    @property
    def different(self) -> tuple[Pair, ...]:
        """The pairs that differ, with an error of 5 % over all pairs."""
        return tuple(
            pair for pair, p in zip(self.pairs, self.adjusted, strict=True) if p is not None and p <= 0.05
        )

    @property
    def verdict(self) -> Literal["equivalent", "different", "inconclusive"]:
        """Equivalent if all pairs are, else different if some pair is shown to differ, else inconclusive."""
        if self.equivalent:
            return "equivalent"
        return "different" if self.different else "inconclusive"

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

        None also where it is shown already, or where a pair is shown to differ.
        """
        spread = [pair.difference.sd for pair in self.pairs]
        if self.verdict != "inconclusive" or not spread or any(sd is None for sd in spread):
            return None
        needed = replicates_for_equivalence(max(sd for sd in spread if sd is not None), self.margin)
        return max(1, needed - min(pair.difference.n for pair in self.pairs))


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
    known = {str(i): p for i, pair in enumerate(pairs) if (p := pair.difference.p) is not None}
    corrected = adjusted_p(known, "holm")
    adjusted = tuple(corrected.get(str(i)) for i in range(len(pairs)))
    within = bool(pairs) and all(pair.difference.within(margin) for pair in pairs)
    return AllEquivalent(within, pairs, adjusted, margin)
