"""The question of the method: arms against the cheap baselines, at several training budgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..analysis.evidence import Evidence
from ..analysis.scores import Budget, Side, common_budget, common_budgets, contrast, own_budget
from ..comparisons import arms_of
from .answer import Answer
from .compare import (
    Reply,
    answer_of,
    basis,
    compare,
    indistinct,
    keys_of,
    not_applicable,
    ranked,
    settings_of,
)
from .decompose import decompositions
from .naming import cell_label
from .sentences import budget_phrase, effect, names
from .shares import arm_by_ratio
from .tuned import other_estimands

BASELINES = ("none", "logit_adjust", "class_weight", "ros")


def answer_method(evidence: Evidence, margin: float) -> Reply:
    """Compare the arms at their default, tuned, and averaged over their grids.

    First who leads at each budget, then each arm against the baselines at its own best budget, at the
    smallest, middle and largest rung and averaged over the ladder, then what a moved threshold gives.
    """
    sides = default_sides(evidence)
    own, common = own_budget(evidence), common_budgets(evidence)
    if len(sides) < 2:
        text = "Only one arm has results; add arms to the spec, at least none and logit_adjust."
        return [not_applicable(text, own, "summary")], []
    pairs = baseline_pairs(sides)
    pairs += _declared_pairs(evidence, sides, pairs)
    several = (Budget("averaged"), *common) if len(evidence.rungs) > 1 else common
    answers = [_leader(evidence, budget, list(sides.values()), margin) for budget in (own, *several)]
    answers += [
        compare(
            evidence, own, pair, margin, by_rung=by_rung(evidence, pair), settings=settings_of(evidence, pair)
        )
        for pair in pairs
    ]
    answers += decompositions(evidence, (own, *several), sides, margin)
    answers += [compare(evidence, budget, pair, margin) for budget in several for pair in pairs]
    other, warnings = other_estimands(evidence, own, pairs, margin)
    return answers + other + arm_by_ratio(evidence, own, margin), warnings + _default_warnings(evidence)


def default_sides(evidence: Evidence) -> dict[str, Side]:
    """Each arm at its default cell, by the arm's name."""
    cells = {arm: evidence.default(arm) for arm in evidence.arms}
    return {arm: Side(arm, (cell.key,)) for arm, cell in cells.items() if cell is not None}


def baseline_pairs(sides: Mapping[str, Side]) -> list[tuple[Side, Side]]:
    """Every arm against none, logit_adjust and ros where present, no pair twice."""
    present = [name for name in BASELINES if name in sides]
    return [
        (sides[base], side)
        for i, base in enumerate(present)
        for arm, side in sides.items()
        if arm not in present[: i + 1]
    ]


def _declared_pairs(
    evidence: Evidence, sides: Mapping[str, Side], known: Sequence[tuple[Side, Side]]
) -> list[tuple[Side, Side]]:
    """The declared comparisons that are none with a baseline."""
    told = {frozenset(side.label for side in pair) for pair in known}
    declared = [arms_of(text) for texts in evidence.families.values() for text in texts]
    return [
        (sides[first], sides[second])
        for second, first in declared
        if {first, second} <= set(sides) and frozenset((first, second)) not in told
    ]


def by_rung(evidence: Evidence, pair: tuple[Side, Side]) -> list[dict[str, Any]]:
    """The pair's difference with its 95 % interval at every rung of the ladder."""
    rows = []
    for steps in evidence.rungs:
        d = contrast(evidence, common_budget(evidence, steps), *pair)
        low, high = d.interval() or (None, None)
        rows.append({"steps": steps, "estimate": d.estimate, "low": low, "high": high, "n": d.n})
    return rows


def _leader(evidence: Evidence, budget: Budget, sides: Sequence[Side], margin: float) -> Answer:
    """Who leads on the folds, what that is worth, and who cannot be told apart from it."""
    order = ranked(evidence, budget, sides)
    if len(order) < 2:
        return not_applicable(f"{budget_phrase(budget)}, fewer than two arms have scores.", budget, "summary")
    leader, others = order[0], order[1:]
    reference = next((side for side in others if side.label == "none"), others[0])
    d = contrast(evidence, budget, reference, leader)
    where = basis(evidence, budget, sides)
    near = [side.label for side in indistinct(evidence, budget, leader, others)]
    text = effect(reference.label, leader.label, d, margin, evidence)
    sentence = (
        f"{budget_phrase(budget)}, {leader.label} leads {where}; {text}. Not told apart from "
        f"{leader.label} by a 95 % interval: {names(near, 'no other arm')}."
    )
    detail = {"kind": "summary", "leader": leader.label, "against": reference.label, "not_told_apart": near}
    return answer_of(sentence, d, budget, margin, cells=keys_of(order), detail=detail)


def _default_warnings(evidence: Evidence) -> list[str]:
    """Say where another cell stands in for an arm's default."""
    warnings = []
    for arm in evidence.arms:
        cell = evidence.default(arm)
        if cell is not None and evidence.first_planned[cell.context, arm] != cell.key:
            warnings.append(
                f"the default cell of {arm} has no results in this sweep; {cell_label(cell)} stands for it"
            )
    return warnings
