"""The question of the method: arms against the cheap baselines, at several training budgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..analysis.evidence import Cell, Evidence
from ..analysis.scores import Budget, Side, common_budgets, contrast, own_budget
from .answer import Answer
from .compare import Reply, answer_of, basis, compare, indistinct, keys_of, not_applicable, ranked
from .decompose import decompositions
from .sentences import budget_phrase, effect, level_text, names

BASELINES = ("none", "logit_adjust", "ros")
WINNERS_CURSE = (
    "the estimand tuned takes the cell with the best score on the folds; the optimism of taking the best "
    "(winner's curse) is not corrected yet"
)


def answer_method(evidence: Evidence, margin: float) -> Reply:
    """Compare the arms at their default, tuned, and averaged over their grid.

    First who leads at each budget, then each arm against the baselines at its own best budget and at
    the smallest, middle and largest rung, then what moving the threshold also gives.
    """
    sides = default_sides(evidence)
    own, common = own_budget(evidence), common_budgets(evidence)
    if len(sides) < 2:
        text = "Only one arm has results; add arms to the spec, at least none and logit_adjust."
        return [not_applicable(text, own, "summary")], []
    pairs = baseline_pairs(sides)
    answers = [_leader(evidence, budget, list(sides.values()), margin) for budget in (own, *common)]
    answers += [
        compare(
            evidence, own, pair, margin, by_rung=by_rung(evidence, pair), settings=_settings(evidence, pair)
        )
        for pair in pairs
    ]
    answers += decompositions(evidence, (own, *common), sides, margin)
    answers += [compare(evidence, budget, pair, margin) for budget in common for pair in pairs]
    other, warnings = _other_estimands(evidence, own, pairs, margin)
    return answers + other, warnings + _default_warnings(evidence)


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


def by_rung(evidence: Evidence, pair: tuple[Side, Side]) -> list[dict[str, Any]]:
    """The pair's difference with its 95 % interval at every rung of the ladder."""
    rows = []
    for steps in evidence.rungs:
        d = contrast(evidence, Budget("common", steps), *pair)
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


def _other_estimands(
    evidence: Evidence, own: Budget, pairs: Sequence[tuple[Side, Side]], margin: float
) -> Reply:
    answers: list[Answer] = []
    warnings: list[str] = []
    for first, second in pairs:
        tuned = (_tuned(evidence, own, first.label), _tuned(evidence, own, second.label))
        if _largest_grid(evidence, pair_of=(first, second), exploit=True) > 1 and tuned[0] and tuned[1]:
            settings = _settings(evidence, (tuned[0], tuned[1]))
            pair = (tuned[0], tuned[1])
            answers.append(compare(evidence, own, pair, margin, estimand="tuned", settings=settings))
            warnings = [WINNERS_CURSE]
        if _largest_grid(evidence, pair_of=(first, second)) > 1:
            pair = (_average(evidence, first.label), _average(evidence, second.label))
            counts = [len(side.keys) for side in pair]
            answers.append(compare(evidence, own, pair, margin, estimand="average", cell_counts=counts))
    return answers, warnings


def _largest_grid(evidence: Evidence, pair_of: tuple[Side, Side], *, exploit: bool = False) -> int:
    return max(len(evidence.grid(side.label, exploit=exploit)) for side in pair_of)


def _tuned(evidence: Evidence, own: Budget, arm: str) -> Side | None:
    cells = evidence.grid(arm, exploit=True)
    order = ranked(evidence, own, [Side(cell_label(cell), (cell.key,)) for cell in cells])
    return order[0] if order else None


def _average(evidence: Evidence, arm: str) -> Side:
    keys = tuple(cell.key for cell in evidence.grid(arm))
    label = arm if len(keys) == 1 else f"{arm} averaged over its grid of {len(keys)} cells"
    return Side(label, keys)


def cell_label(cell: Cell) -> str:
    """``smote (k 5, ratio 100)``; the arm alone when it has no knobs."""
    knobs = ", ".join(f"{name} {level_text(value)}" for name, value in cell.knobs.items())
    return f"{cell.arm} ({knobs})" if knobs else cell.arm


def _settings(evidence: Evidence, pair: Sequence[Side]) -> dict[str, dict[str, Any]]:
    keys = set(keys_of(pair))
    return {cell.key: {"arm": cell.arm, **cell.knobs} for cell in evidence.cells if cell.key in keys}


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
