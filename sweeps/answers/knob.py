"""The question of a knob: does its level matter within an arm, and which levels are as good."""

from __future__ import annotations

from typing import Any

from ..analysis.evidence import Evidence
from ..analysis.intersection import AllEquivalent, all_equivalent
from ..analysis.paired import Difference
from ..analysis.scores import Budget, Side, common_budgets, contrast, infer, own_budget, side_values
from .answer import Answer
from .compare import Reply, answer_of, basis, compare, keys_of, not_applicable, proof_of, ranked
from .cross import crossed
from .curve import candidates, curve_of
from .levels import Levels, levels_of
from .metric import differing_metrics, identical, same_metrics
from .ratio import beyond_balance
from .sentences import budget_phrase, effect, interval_text, names, signed
from .shares import no_shares, shares_of


def answer_knob(evidence: Evidence, knob: str, margin: float) -> Reply:
    """Say for every arm with two levels of the knob whether it matters, at several budgets.

    Beside it, at the own best budget: the curve over its levels, what it explains of the variance, and
    each level against the default one (for ratio: against none).
    """
    own = own_budget(evidence)
    answers: list[Answer] = []
    warnings: list[str] = []
    for arm in evidence.arms:
        levels = levels_of(evidence, arm, knob)
        if levels is None:
            continue
        answers += [_summary(evidence, b, levels, margin) for b in (own, *common_budgets(evidence))]
        answers += curve_of(evidence, own, levels, margin)
        answers += shares_of(evidence, own, arm, knob, margin)
        if knob in ("k", "metric"):
            answers += crossed(evidence, own, arm, margin)
        if knob == "metric":
            answers += same_metrics(evidence, own, levels, margin)
            warnings += differing_metrics(evidence, levels)
        if knob == "ratio":
            answers += beyond_balance(evidence, own, levels, margin)
        answers += _to_default(evidence, own, levels, margin)
    if not answers:
        return [not_applicable(_what_to_add(evidence, knob), own, "summary")], []
    return answers + no_shares(evidence, own), list(dict.fromkeys(warnings))


def _what_to_add(evidence: Evidence, knob: str) -> str:
    arms = [cell.arm for cell in evidence.cells if knob in cell.knobs]
    where = f"arm {arms[0]}" if arms else f"an arm that has the knob {knob}"
    return (
        f"No arm of this sweep has results at two levels of {knob} at otherwise equal settings; "
        f"give {where} two or more levels of {knob} in the spec and run the sweep again."
    )


def _to_default(evidence: Evidence, own: Budget, levels: Levels, margin: float) -> list[Answer]:
    start = levels.side(levels.default)
    if levels.knob == "ratio" and levels.default == 0:
        start = Side("none", start.keys)
    return [
        compare(
            evidence,
            own,
            (start, levels.side(value)),
            margin,
            estimand=levels.estimand,
            arm=levels.arm,
            level=value,
            default=levels.default,
            settings=levels.settings,
        )
        for value in levels.values
        if value != levels.default
    ]


def _summary(evidence: Evidence, budget: Budget, levels: Levels, margin: float) -> Answer:
    order = ranked(evidence, budget, levels.sides)
    if len(order) < 2:
        text = f"{budget_phrase(budget)}, {levels.arm} has no scores at two levels of {levels.knob}."
        return not_applicable(text, budget, "summary")
    values = side_values(evidence, budget, levels.sides)
    pairs = all_equivalent(values, margin, lambda d: infer(evidence, d))
    best = candidates(evidence, budget, levels)
    members = list(best.members or levels.values)  # without a set nothing is told apart
    leader = levels.value(order[0])
    detail: dict[str, Any] = {
        "kind": "summary",
        "arm": levels.arm,
        "knob": levels.knob,
        "levels": list(levels.values),
        "settings": levels.settings,
        "leader": leader,
        "last": levels.value(order[-1]),
        "best_set": members,
        "not_told_apart": [value for value in members if value != leader],
        "pairs": len(pairs.pairs),
    }
    text, d, extra = _finding(evidence, budget, levels, pairs, order, margin)
    detail |= extra
    where = basis(evidence, budget, levels.sides)
    return answer_of(
        f"{budget_phrase(budget)}, {text}{_tail(levels, where, detail)}",
        d,
        budget,
        margin,
        estimand=levels.estimand,
        cells=keys_of(levels.sides),
        detail=detail,
        verdict=extra.get("verdict"),
    )


def _finding(
    evidence: Evidence, budget: Budget, levels: Levels, pairs: AllEquivalent, order: list[Side], margin: float
) -> tuple[str, Difference, dict[str, Any]]:
    """Identical, equivalent, an effect, or not shown: the clause, its difference, more detail."""
    subject = f"{levels.knob} in {names(levels.values)}"
    assert pairs.largest is not None
    largest = pairs.largest.difference
    if identical(evidence, levels.sides):
        text = f"{levels.arm} has the same score in every replicate with {subject} "
        return f"{text}({proof_of(largest, evidence)})", largest, {"identical": True}
    if pairs.equivalent:
        count = f"{len(pairs.pairs)} {'pair' if len(pairs.pairs) == 1 else 'pairs'}"
        most = f"{signed(largest.estimate or 0.0)}, {interval_text(largest, 0.9)}"
        text = (
            f"{subject} does not matter for {levels.arm} at the {margin:.2f} point margin: every pairwise "
            f"90 % CI lies within that margin of zero (largest difference {most}; {count}; "
            f"{proof_of(largest, evidence)})"
        )
        return text, largest, {"verdict": "equivalent"}
    ends = contrast(evidence, budget, order[-1], order[0])
    if ends.excludes_zero():
        text = effect(order[-1].label, order[0].label, ends, margin, evidence)
        return f"{levels.knob} moves the score of {levels.arm}: {text}", ends, {}
    return _not_shown(evidence, levels, pairs, margin)


def _not_shown(
    evidence: Evidence, levels: Levels, pairs: AllEquivalent, margin: float
) -> tuple[str, Difference, dict[str, Any]]:
    assert pairs.farthest is not None
    widest = pairs.farthest.difference
    text = (
        f"we could not show that {levels.knob} does not matter for {levels.arm} in {names(levels.values)}: "
    )
    if widest.se is None:
        return f"{text}{widest.reason}", widest, {"verdict": "inconclusive"}
    text += (
        f"the widest {interval_text(widest, 0.9)} exceeds the {margin:.2f} point margin "
        f"({proof_of(widest, evidence)})"
    )
    more = None if evidence.repetitions else pairs.more_replicates
    if more is not None:
        text += f"; about {more} more replicates would be needed if no level differs"
    return text, widest, {"verdict": "inconclusive", "more_for_equivalence": more}


def _tail(levels: Levels, where: str, detail: dict[str, Any]) -> str:
    """Who leads unless all scores are the same, which levels may be the best one; of ratios the smallest."""
    if detail.get("identical"):
        return "."
    leads = f"{levels.knob} {names([detail['leader']])} leads {where}"
    text = f". {leads}; not distinguishable from the best level: {names(detail['best_set'])}"
    if levels.knob == "ratio":
        return f"{text}; the smallest of these, {names(detail['best_set'][:1])} %, is recommended."
    return f"{text}."
