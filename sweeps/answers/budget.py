"""The question of the training budget: how far it moves an arm, and whether arms change order."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import combinations
from typing import Any

import pandas as pd

from ..analysis.evidence import Evidence
from ..analysis.paired import Difference
from ..analysis.scores import (
    Budget,
    Side,
    classifier_of,
    common_budget,
    contrast,
    infer,
    own_budget,
    table,
)
from .answer import Answer
from .compare import Reply, answer_of, basis, keys_of, not_applicable, proof_of, ranked
from .method import default_sides
from .sentences import brackets, effect, names, rungs_word, signed, steps_text

BASELINE = "none"


def answer_budget(evidence: Evidence, margin: float) -> Reply:
    """Compare what the budget moves with what the choice of the arm moves, then look at their order."""
    sides = list(default_sides(evidence).values())
    rungs = evidence.rungs
    if len(rungs) < 2:
        text = "No result has a curve over two or more training budgets; set classifier.ladder in the spec."
        return [not_applicable(text, own_budget(evidence), "summary")], []
    answers = [_arms_or_budget(evidence, sides, margin)] if len(sides) > 1 else []
    correcting = [side for side in sides if side.label != BASELINE]
    if 1 < len(correcting) < len(sides):  # none alone, far below, makes the arm look decisive
        answers.append(_arms_or_budget(evidence, correcting, margin, without=BASELINE))
    answers += [_reversal(evidence, sides, margin), _reversal_anywhere(evidence, sides, margin)]
    answers += [_span(evidence, side, margin) for side in sides]
    return [*answers, *_edges(evidence, sides, margin)], []


def _ends_over_rungs(evidence: Evidence, side: Side) -> tuple[int, int] | None:
    """The rungs with the best and the worst mean of this arm on the folds."""
    means = {}
    for steps in evidence.rungs:
        for measure in ("cv", side.measure):  # the folds choose; the headline score where they are silent
            values = (
                table(evidence, common_budget(evidence, steps), measure)
                .reindex(columns=list(side.keys))
                .mean(axis=1)
            )
            if values.notna().any():
                means[steps] = float(values.mean())
                break
    if len(means) < 2:
        return None
    return max(means, key=lambda s: means[s]), min(means, key=lambda s: means[s])


def _series(evidence: Evidence, side: Side, steps: int) -> pd.Series:
    values = table(evidence, common_budget(evidence, steps), side.measure).reindex(columns=list(side.keys))
    return 100 * values.mean(axis=1, skipna=False)


def _span_values(evidence: Evidence, side: Side) -> tuple[int, int, pd.Series] | None:
    ends = _ends_over_rungs(evidence, side)
    if ends is None:
        return None
    return (*ends, _series(evidence, side, ends[0]) - _series(evidence, side, ends[1]))


def _span(evidence: Evidence, side: Side, margin: float) -> Answer:
    """How far the budget moves one arm: its best rung on the folds against its worst."""
    found = _span_values(evidence, side)
    if found is None:
        return not_applicable(
            f"{side.label} has scores at fewer than two budgets.",
            common_budget(evidence, evidence.rungs[0]),
            "span",
        )
    best, worst, values = found
    d = infer(evidence, values)
    owner = classifier_of(evidence)
    labels = [f"{side.label} at {steps_text(steps, owner)}" for steps in (worst, best)]
    text = effect(labels[0], labels[1], d, margin, evidence)
    where = basis(evidence, common_budget(evidence, best), [side])
    sentence = f"Between the common budgets where it is highest and lowest {where}, {text}."
    detail = {"kind": "span", "arm": side.label, "best_steps": best, "worst_steps": worst}
    curve = [{"steps": s, "mean": _series(evidence, side, s).mean()} for s in evidence.rungs]
    return answer_of(
        sentence, d, common_budget(evidence, best), margin, cells=side.keys, detail={**detail, "curve": curve}
    )


def _arms_or_budget(
    evidence: Evidence, sides: Sequence[Side], margin: float, without: str | None = None
) -> Answer:
    """Mean over arms of what the budget moves, less mean over rungs of what the arm moves.

    ``without`` names an arm that is not among the sides.
    """
    spans = {side.label: found for side in sides if (found := _span_values(evidence, side)) is not None}
    ranges: dict[int, tuple[Side, Side, pd.Series]] = {}
    for steps in evidence.rungs:
        order = ranked(evidence, common_budget(evidence, steps), sides)
        if len(order) > 1:
            moved = _series(evidence, order[0], steps) - _series(evidence, order[-1], steps)
            ranges[steps] = (order[0], order[-1], moved)
    by_budget = pd.DataFrame({arm: found[2] for arm, found in spans.items()}).mean(axis=1, skipna=False)
    by_arm = pd.DataFrame({s: found[2] for s, found in ranges.items()}).mean(axis=1, skipna=False)
    d, budget_d, arm_d = (infer(evidence, v) for v in (by_budget - by_arm, by_budget, by_arm))
    start = "Averaged" if without is None else f"Without {without}, averaged"
    sentence = (
        f"{start} over {len(spans)} arms, the training budget moves balanced accuracy by "
        f"{brackets(budget_d)} points; averaged over {len(ranges)} common budgets, the choice of "
        f"the arm moves it by {brackets(arm_d)} points: {_larger(d, margin)} ({proof_of(d, evidence)})."
    )
    per_arm = {
        a: {"best_steps": f[0], "worst_steps": f[1], **_part(evidence, f[2])} for a, f in spans.items()
    }
    per_rung = [
        {"steps": s, "best": f[0].label, "worst": f[1].label, **_part(evidence, f[2])}
        for s, f in ranges.items()
    ]
    detail = {
        "kind": "summary" if without is None else "correcting",
        "arms": len(spans),
        "rungs": len(ranges),
        "by_arm": per_arm,
        "by_rung": per_rung,
    }
    parts = {"budget_moves": _part(evidence, by_budget), "arm_moves": _part(evidence, by_arm)}
    return answer_of(
        sentence, d, Budget("averaged"), margin, cells=keys_of(sides), detail={**detail, **parts}
    )


def _larger(d: Difference, margin: float) -> str:
    """Say which of the two moves the score more."""
    judged = d.verdict(margin)
    if judged == "inconclusive":
        return f"which of the two is larger has no answer, the budget less the arm is {brackets(d)} points"
    if judged == "equivalent":
        return f"the two are equal at the {margin:.2f} point margin, difference {brackets(d)} points"
    more = "more" if judged.startswith("better") else "less"
    return f"the budget moves it {more} than the arm does, by {brackets(d)} points"


def _part(evidence: Evidence, values: pd.Series) -> dict[str, Any]:
    d = infer(evidence, values)
    low, high = d.interval() or (None, None)
    return {"estimate": d.estimate, "low": low, "high": high, "n": d.n}


def _reversal(evidence: Evidence, sides: Sequence[Side], margin: float) -> Answer:
    """Pairs whose difference changes its sign from the smallest to the largest rung."""
    first, last = evidence.rungs[0], evidence.rungs[-1]
    found = []
    for a, b in combinations(sides, 2):
        early, late = (contrast(evidence, common_budget(evidence, steps), a, b) for steps in (first, last))
        if _opposite(early, late, 0.95):
            found.append((a, b, early, late))
    ends = [steps_text(steps, classifier_of(evidence)) for steps in (first, last)]
    span = f"Between the common budgets of {ends[0]} and {ends[1]}"
    return _reversal_answer(evidence, span, [(*f, first, last) for f in found], margin, "reversal")


def _reversal_anywhere(evidence: Evidence, sides: Sequence[Side], margin: float) -> Answer:
    """Pairs that change order between any two rungs, intervals widened for the number of rungs."""
    level = 1 - 0.05 / len(evidence.rungs)
    found = []
    for a, b in combinations(sides, 2):
        at = {steps: contrast(evidence, common_budget(evidence, steps), a, b) for steps in evidence.rungs}
        told = {steps: d for steps, d in at.items() if d.excludes_zero(level)}
        ends = [s for s in told if _opposite(told[min(told)], told[s], level)]
        if ends:
            found.append((a, b, told[min(told)], told[ends[0]], min(told), ends[0]))
    rungs = f"{len(evidence.rungs)} common budgets"
    span = f"Anywhere among {rungs} (exploratory, intervals widened for their number)"
    return _reversal_answer(evidence, span, found, margin, "reversal_anywhere")


def _opposite(early: Difference, late: Difference, level: float) -> bool:
    told = early.excludes_zero(level) and late.excludes_zero(level)
    return told and (early.estimate or 0.0) * (late.estimate or 0.0) < 0


def _reversal_answer(
    evidence: Evidence,
    span: str,
    found: Sequence[tuple[Side, Side, Difference, Difference, int, int]],
    margin: float,
    kind: str,
) -> Answer:
    """Say which pairs change order; the number is the widest change of a difference."""
    rungs = evidence.rungs
    detail: dict[str, Any] = {"kind": kind, "rungs": len(rungs), "ends": [rungs[0], rungs[-1]], "pairs": []}
    if not found:
        text = f"{span}, no pair of arms changes order with both intervals excluding zero."
        return answer_of(text, Difference(None), common_budget(evidence, rungs[-1]), margin, detail=detail)
    detail["pairs"] = [
        {"first": a.label, "second": b.label, "early": _numbers(e, s), "late": _numbers(z, t)}
        for a, b, e, z, s, t in found
    ]
    rung = partial(steps_text, classifier=classifier_of(evidence))
    said = [
        f"{b.label} against {a.label} ({brackets(e)} at {rung(s)}, {brackets(z)} at {rung(t)})"
        for a, b, e, z, s, t in found
    ]
    a, b, _, _, s, t = max(found, key=lambda f: abs((f[2].estimate or 0.0) - (f[3].estimate or 0.0)))
    turn = (
        _series(evidence, b, t) - _series(evidence, a, t) - _series(evidence, b, s) + _series(evidence, a, s)
    )
    d = infer(evidence, turn)
    text = (
        f"{span}, arms change order: {names(said)}. The widest turn, {b.label} against {a.label}, is "
        f"{signed(d.estimate or 0.0)} points ({proof_of(d, evidence)})."
    )
    return answer_of(text, d, common_budget(evidence, t), margin, cells=keys_of((a, b)), detail=detail)


def _numbers(d: Difference, steps: int) -> dict[str, Any]:
    low, high = d.interval() or (None, None)
    return {"steps": steps, "estimate": d.estimate, "low": low, "high": high}


def _edges(evidence: Evidence, sides: Sequence[Side], margin: float) -> list[Answer]:
    """Say for which arms the folds chose a rung at the edge of the ladder."""
    own = own_budget(evidence)
    if own.name != "own_best":
        return []
    answers = []
    for side in sides:
        chosen = table(evidence, own, "chosen_steps").reindex(columns=list(side.keys)).iloc[:, 0].dropna()
        edge = int(chosen.isin((evidence.rungs[0], evidence.rungs[-1])).sum())
        if edge:
            steps, unit = sorted({int(s) for s in chosen}), rungs_word(classifier_of(evidence))
            text = (
                f"The own best budget of {side.label} is at the edge of the ladder in {edge} of "
                f"{len(chosen)} replicates (chosen on the folds: {names(steps)} {unit}); "
                "a wider ladder may move its score."
            )
            detail = {
                "kind": "edge",
                "arm": side.label,
                "edge": edge,
                "replicates": len(chosen),
                "chosen": steps,
            }
            answers.append(
                answer_of(text, Difference(None, n=len(chosen)), own, margin, cells=side.keys, detail=detail)
            )
    return answers
