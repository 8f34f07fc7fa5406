"""The question of a knob: does its level matter within an arm, and which levels are as good."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

from ..analysis.evidence import Evidence
from ..analysis.paired import Difference
from ..analysis.power import replicates_for_equivalence
from ..analysis.scores import Budget, Side, common_budgets, contrast, own_budget
from .answer import Answer
from .compare import Reply, answer_of, basis, compare, indistinct, keys_of, not_applicable, proof_of, ranked
from .levels import Levels, levels_of
from .metric import identical, same_metrics
from .ratio import beyond_balance
from .sentences import budget_phrase, effect, interval_text, names, signed


def answer_knob(evidence: Evidence, knob: str, margin: float) -> Reply:
    """Say for every arm with two levels of the knob whether it matters, at several budgets.

    Then each level against the default one (for ratio: against none) at the own best budget.
    """
    own = own_budget(evidence)
    answers: list[Answer] = []
    for arm in evidence.arms:
        levels = levels_of(evidence, arm, knob)
        if levels is None:
            continue
        answers += [_summary(evidence, b, levels, margin) for b in (own, *common_budgets(evidence))]
        if knob == "metric":
            answers += same_metrics(evidence, own, levels, margin)
        if knob == "ratio":
            answers += beyond_balance(evidence, own, levels, margin)
        answers += _to_default(evidence, own, levels, margin)
    if not answers:
        return [not_applicable(_what_to_add(evidence, knob), own, "summary")], []
    return answers, []


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


@dataclass(frozen=True)
class _Pair:
    sides: tuple[Side, Side]
    d: Difference

    @property
    def reach(self) -> float:
        """The farthest end of the 90 % interval from 0; infinite without one."""
        interval = self.d.interval(0.9)
        return float("inf") if interval is None else max(abs(interval[0]), abs(interval[1]))


def _summary(evidence: Evidence, budget: Budget, levels: Levels, margin: float) -> Answer:
    pairs = [_Pair((a, b), contrast(evidence, budget, a, b)) for a, b in combinations(levels.sides, 2)]
    order = ranked(evidence, budget, levels.sides)
    if len(order) < 2:
        text = f"{budget_phrase(budget)}, {levels.arm} has no scores at two levels of {levels.knob}."
        return not_applicable(text, budget, "summary")
    near = [levels.value(side) for side in indistinct(evidence, budget, order[0], order[1:])]
    detail: dict[str, Any] = {
        "kind": "summary",
        "arm": levels.arm,
        "knob": levels.knob,
        "levels": list(levels.values),
        "settings": levels.settings,
        "leader": levels.value(order[0]),
        "last": levels.value(order[-1]),
        "not_told_apart": sorted(near, key=lambda value: levels.values.index(value)),
        "pairs": len(pairs),
    }
    text, d, extra = _finding(evidence, budget, levels, pairs, order, margin)
    where = basis(evidence, budget, levels.sides)
    sentence = f"{budget_phrase(budget)}, {text}{_tail(levels, where, detail)}"
    return answer_of(
        sentence,
        d,
        budget,
        margin,
        estimand=levels.estimand,
        cells=keys_of(levels.sides),
        detail={**detail, **extra},
        verdict=extra.get("verdict"),
    )


def _finding(
    evidence: Evidence, budget: Budget, levels: Levels, pairs: list[_Pair], order: list[Side], margin: float
) -> tuple[str, Difference, dict[str, Any]]:
    """Identical, equivalent, an effect, or not shown: the clause, its difference, more detail."""
    subject = f"{levels.knob} in {names(levels.values)}"
    largest = max(pairs, key=lambda pair: abs(pair.d.estimate or 0.0))
    if identical(evidence, levels.sides):
        text = f"{levels.arm} has the same score in every replicate with {subject} "
        text += f"({proof_of(largest.d, evidence)})"
        return text, largest.d, {"identical": True}
    if all(pair.d.within(margin) for pair in pairs):
        count = f"{len(pairs)} {'pair' if len(pairs) == 1 else 'pairs'}"
        most = f"{signed(largest.d.estimate or 0.0)}, {interval_text(largest.d, 0.9)}"
        text = (
            f"{subject} does not matter for {levels.arm} at the {margin:.2f} point margin: every pairwise "
            f"90 % CI lies within that margin of zero (largest difference {most}; {count}; "
            f"{proof_of(largest.d, evidence)})"
        )
        return text, largest.d, {"verdict": "equivalent"}
    ends = contrast(evidence, budget, order[-1], order[0])
    if ends.excludes_zero():
        text = effect(order[-1].label, order[0].label, ends, margin, evidence)
        return f"{levels.knob} moves the score of {levels.arm}: {text}", ends, {}
    widest = max(pairs, key=lambda pair: pair.reach)
    return _not_shown(evidence, levels, widest.d, margin)


def _not_shown(
    evidence: Evidence, levels: Levels, widest: Difference, margin: float
) -> tuple[str, Difference, dict[str, Any]]:
    text = (
        f"we could not show that {levels.knob} does not matter for {levels.arm} in {names(levels.values)}: "
    )
    if widest.se is None:
        return f"{text}{widest.reason}", widest, {"verdict": "inconclusive"}
    text += (
        f"the widest {interval_text(widest, 0.9)} exceeds the {margin:.2f} point margin "
        f"({proof_of(widest, evidence)})"
    )
    needed = None if evidence.repetitions or not widest.sd else replicates_for_equivalence(widest.sd, margin)
    more = needed - widest.n if needed is not None and needed > widest.n else None
    if more is not None:
        text += f"; about {more} more replicates would be needed"
    return text, widest, {"verdict": "inconclusive", "more_for_equivalence": more}


def _tail(levels: Levels, where: str, detail: dict[str, Any]) -> str:
    """Who leads and who is as good; for ratio also the smallest that is."""
    near = names(detail["not_told_apart"], "no other level")
    text = f". {levels.knob} {names([detail['leader']])} leads {where}; not told apart from it: {near}"
    if levels.knob == "ratio":
        least = min([detail["leader"], *detail["not_told_apart"]])
        return f"{text}; the smallest of these, {names([least])} %, is recommended."
    return f"{text}."
