"""Racing: a searched cell that falls behind its arm's best on the same draws is given up early."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .entry import headline

RACE_AFTER = 3  # replicates that a cell has before it may be given up
ERROR = 0.05  # of giving a cell up that is as good as the best, for one cell

Results = Mapping[int, Mapping[str, Any]]


@dataclass(frozen=True)
class Best:
    """The best cell of an arm so far.

    Attributes:
        label: the cell as people read it.
        value: its mean score.
        scores: its score on each replicate.
    """

    label: str
    value: float
    scores: Mapping[int, float]

    @classmethod
    def of(cls, label: str, value: float, results: Results) -> Best:
        """Keep the scores of results by replicate."""
        return cls(label, value, {replicate: headline(line) for replicate, line in results.items()})


def lost(results: Results, best: Best | None) -> str | None:
    """Why a cell with these results is given up; None where it stays.

    It is when a one-sided paired t test over the replicates in common says at 5 % that it is worse.
    """
    if best is None or any(line["status"] != "ok" for line in results.values()):
        return None
    common = sorted(best.scores.keys() & results.keys())
    if len(common) < RACE_AFTER:
        return None
    from scipy import stats

    mine, theirs = [headline(results[r]) for r in common], [best.scores[r] for r in common]
    differences = [100 * (a - b) for a, b in zip(mine, theirs, strict=True)]
    mean = sum(differences) / len(differences)
    if mean >= 0:
        return None
    same = len(set(differences)) == 1
    p = 0.0 if same else float(stats.ttest_1samp(differences, 0.0, alternative="less").pvalue)
    if p >= ERROR:
        return None
    return f"{mean:+.2f} points against {best.label} on {len(common)} replicates, one-sided p = {p:.3f}"
