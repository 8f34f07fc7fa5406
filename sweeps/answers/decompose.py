"""A gain split in two: what moving the threshold of none also gives, and what is left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..analysis.evidence import Evidence
from ..analysis.paired import Difference
from ..analysis.scores import Budget, Side, contrast
from .answer import Answer
from .compare import answer_of, keys_of, proof_of
from .sentences import VERDICT_WORDS, brackets, budget_phrase, signed


def decompositions(
    evidence: Evidence, budgets: Sequence[Budget], sides: Mapping[str, Side], margin: float
) -> list[Answer]:
    """Split the gain over none of every arm that makes synthetic rows, at every budget.

    The moved threshold is the adjusted score of none at a common rung; at own budgets it is the arm
    logit_adjust, which chooses its rung by its own score, or none adjusted at the rung that none
    chose. Arms without an adjusted score of none beside them get no answer.
    """
    if "none" not in sides:
        return []
    synthetic = [
        sides[cell.arm]
        for cell in evidence.cells
        if cell.arm in sides and cell.synthetic and sides[cell.arm].keys == (cell.key,)
    ]
    answers = []
    for budget in budgets:
        moved = _moved(budget, sides)
        answers += [_decompose(evidence, budget, sides["none"], moved, arm, margin) for arm in synthetic]
    return [answer for answer in answers if answer is not None]


def _moved(budget: Budget, sides: Mapping[str, Side]) -> Side:
    if budget.name in ("own_best", "default") and "logit_adjust" in sides:
        return Side("moving the threshold of none (logit_adjust)", sides["logit_adjust"].keys)
    where = " at the budget that none chose" if budget.name == "own_best" else ""
    return Side(f"moving the threshold of none{where}", sides["none"].keys, "adjusted")


def _decompose(
    evidence: Evidence, budget: Budget, none: Side, moved: Side, arm: Side, margin: float
) -> Answer | None:
    prior, left = contrast(evidence, budget, none, moved), contrast(evidence, budget, moved, arm)
    total = contrast(evidence, budget, none, arm)
    if prior.estimate is None or left.estimate is None or total.estimate is None:
        return None
    verb = "gains" if total.estimate >= 0 else "loses"
    sentence = (
        f"{budget_phrase(budget)}, {arm.label} {verb} {signed(total.estimate)} points balanced "
        f"accuracy against none ({proof_of(total, evidence)}). Of this, {brackets(prior)} is the prior shift "
        f"that {moved.label} also gives; {brackets(left)} is left for the synthetic geometry: "
        f"{_judge(left, margin)}."
    )
    detail = {"kind": "decomposition", "arm": arm.label, "moved": moved.label}
    parts = {"total": _part(total), "prior_shift": _part(prior), "geometry": _part(left)}
    cells = keys_of((none, moved, arm))
    return answer_of(sentence, left, budget, margin, cells=cells, detail={**detail, **parts})


def _judge(left: Difference, margin: float) -> str:
    judged = left.verdict(margin)
    if judged == "equivalent":
        return f"equivalent to moving the threshold at the {margin:.2f} point margin"
    if judged == "inconclusive":
        return "no answer on its sign" if left.reason is None else f"no answer; {left.reason}"
    return f"{VERDICT_WORDS[judged]} ({margin:.2f} points)"


def _part(d: Difference) -> dict[str, float | None]:
    low, high = d.interval() or (None, None)
    return {"estimate": d.estimate, "low": low, "high": high}
