"""The levels of a knob that may be the best one: multiple comparisons with the best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from .dose import lacking
from .simultaneous import t_between_levels

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Rival:
    """A level against the best of the others.

    Attributes:
        level: the level.
        mean: its mean over the replicates.
        member: whether it may be the best.
        low: lower end of the interval of its mean less that of the best other level, at most 0.
        high: upper end, at least 0; 0 for levels that are shown to be worse than another.
    """

    level: Any
    mean: float
    member: bool
    low: float
    high: float


@dataclass(frozen=True)
class BestSet:
    """The levels that are not shown to be worse than another one.

    Attributes:
        rivals: one a level, in the order of the table; empty when ``reason`` says why.
        n: rows that have all levels.
        reason: why there is no set.
    """

    rivals: tuple[Rival, ...] = ()
    n: int = 0
    reason: str | None = None

    @property
    def members(self) -> tuple[Any, ...]:
        """The levels of the set in the order of the table: of ascending ones, the first is the smallest."""
        return tuple(rival.level for rival in self.rivals if rival.member)

    @property
    def leader(self) -> Any:
        """The level with the largest mean; None without a set."""
        return max(self.rivals, key=lambda rival: rival.mean).level if self.rivals else None


def best_levels(
    values: pd.DataFrame,
    random: np.random.Generator,
    *,
    test_to_train: float = 0.0,
    level: float = 0.95,
) -> BestSet:
    """Find the levels that may be the best one.

    Constrained multiple comparisons with the best (Hsu 1984, doi:10.1214/aos/1176346732). We differ in
    that every two levels have their own paired standard error, and that each level has a one-sided
    critical value of its own: a quantile of the largest t of the others against it, by the bootstrap
    of ``t_between_levels``.

    Args:
        values: rows replicates, columns levels, larger is better; rows that lack a level are left out.
        random: draws the bootstrap.
        test_to_train: for folds of repeated cross-validation as rows: see ``nadeau_bengio``.
        level: probability that the true best level is in the set.
    """
    complete = values.dropna()
    reason = lacking(complete, "a set of best levels")
    if reason is not None:
        return BestSet(n=len(complete), reason=reason)
    table = complete.to_numpy(dtype=np.float64)
    drawn = t_between_levels(table, random)
    np.einsum("bii->bi", drawn)[:] = -np.inf
    critical = np.quantile(drawn.max(axis=2), level, axis=0)  # (L,), of each level against the others
    margins = critical[:, None] * _standard_errors(table, test_to_train)
    return BestSet(_rivals(complete.columns.tolist(), table.mean(axis=0), margins), len(table))


def _rivals(levels: Sequence[Any], means: Array, margins: Array) -> tuple[Rival, ...]:
    """Compare with the best of the others; margins (L, L) have the critical value of their row's level."""
    gaps = means[:, None] - means[None, :]
    reach = gaps + margins
    np.fill_diagonal(reach, np.inf)
    nearest = reach.min(axis=1)
    member = nearest >= 0
    short = gaps - margins.T  # the critical value of the level that is compared with
    np.fill_diagonal(short, np.inf)
    low = np.minimum(0.0, np.where(member, short, np.inf).min(axis=1))
    high = np.maximum(0.0, nearest)
    return tuple(
        Rival(level, float(means[i]), bool(member[i]), float(low[i]), float(high[i]))
        for i, level in enumerate(levels)
    )


def _standard_errors(table: Array, test_to_train: float) -> Array:
    """Standard errors (L, L) of the paired differences between every two levels."""
    differences = table[:, :, None] - table[:, None, :]
    same = (differences == differences[0]).all(axis=0)
    sd = np.where(same, 0.0, differences.std(axis=0, ddof=1))
    return np.asarray(sd * np.sqrt(1 / len(table) + test_to_train))
