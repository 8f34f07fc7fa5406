"""Beyond balance: what a falling score at ratios above 100 % is consistent with."""

from __future__ import annotations

from typing import Any

from ..analysis.evidence import Evidence
from ..analysis.paired import Difference
from ..analysis.scores import Budget, Side, contrast
from .answer import Answer
from .compare import answer_of, keys_of, proof_of
from .levels import Levels
from .sentences import brackets, budget_phrase

BALANCE = 100.0
READINGS = {
    "rises": "the score does not fall",
    "over_shift": "consistent with prior over-shift, which moving the threshold takes back",
    "overfit": (
        "it overfits the minority in the sense that a score free of the threshold falls and the gap between "
        "training and held-out recall grows"
    ),
    "undecided": "undecided between prior over-shift and overfitting",
    "unseen": "no fall could be shown",
}


def beyond_balance(evidence: Evidence, budget: Budget, levels: Levels, margin: float) -> list[Answer]:
    """Compare the largest ratio above 100 % with the largest one up to 100 %, in four measures.

    Falling balanced accuracy alone is no overfitting: prior over-shift gives it too. It is called so
    only when the adjusted score or the AUC falls as well, not just negligibly, and the minority's gap
    between training and held-out recall grows. Empty when no ratio above 100 % was run.
    """
    above = [value for value in levels.values if value > BALANCE]
    below = [value for value in levels.values if 0 < value <= BALANCE]
    if not above or not below:
        return []
    first, last = levels.side(below[-1]), levels.side(above[-1])

    def change(measure: str) -> Difference:
        sides = [Side(side.label, side.keys, measure) for side in (first, last)]
        return contrast(evidence, budget, sides[0], sides[1])

    score, adjusted, auc, gap = (change(m) for m in ("score", "adjusted", "auc", "minority_gap"))
    if score.estimate is None:
        return []
    reading = read_fall(score, adjusted, auc, gap, margin)
    parts = {"score": score, "adjusted": adjusted, "auc": auc, "minority_gap": gap}
    sentence = (
        f"{budget_phrase(budget)}, from ratio {below[-1]:g} % to {above[-1]:g} % the balanced accuracy of "
        f"{levels.arm} changes by {brackets(score)} points, adjusted for the prior by {brackets(adjusted)}, "
        f"the AUC by {brackets(auc)} points of AUC, and the gap between training and held-out recall of the "
        f"minority by {brackets(gap)} points ({proof_of(score, evidence)}): {READINGS[reading]}."
    )
    detail: dict[str, Any] = {"kind": "beyond_balance", "arm": levels.arm, "reading": reading}
    detail |= {"from_ratio": below[-1], "to_ratio": above[-1]}
    detail |= {name: _part(d) for name, d in parts.items()}
    keys = keys_of((first, last))
    return [answer_of(sentence, score, budget, margin, estimand=levels.estimand, cells=keys, detail=detail)]


def read_fall(
    score: Difference, adjusted: Difference, auc: Difference, gap: Difference, margin: float
) -> str:
    """Name what the four changes are consistent with: a key of ``READINGS``."""
    if not _sign(score, -1):
        return "rises" if score.within(margin) or _sign(score, 1) else "unseen"
    free = [d for d in (adjusted, auc) if d.estimate is not None]
    if any(_sign(d, -1) and not d.within(margin) for d in free):  # a negligible fall counts as none
        return "overfit" if _sign(gap, 1) else "undecided"
    return "over_shift" if free and all(d.within(margin) or _sign(d, 1) for d in free) else "undecided"


def _sign(d: Difference, sign: int) -> bool:
    """Whether the 95 % interval lies on this side of 0."""
    return d.excludes_zero() and (d.estimate or 0.0) * sign > 0


def _part(d: Difference) -> dict[str, float | None]:
    low, high = d.interval() or (None, None)
    return {"estimate": d.estimate, "low": low, "high": high}
