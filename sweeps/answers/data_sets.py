"""Arms over data sets: the pooled difference, what a new data set would give, and average ranks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from ..analysis.evidence import Evidence
from ..analysis.paired import Difference
from ..analysis.pooled import Pooled, pooled
from ..analysis.ranks import ENOUGH, Friedman, critical_difference, friedman, nemenyi
from ..analysis.scores import contrast, infer, own_budget, side_values
from .answer import Answer
from .compare import Reply, answer_of, not_applicable
from .method import default_sides
from .naming import context_words
from .sentences import FLOOR, SLOT, VERDICT_WORDS, budget_phrase, names, signed
from .transfer import BASES

FAMILY = "data sets"
FEWEST_RANKED = 5  # data sets that a critical-difference diagram needs
APART = ("data", "imbalance")  # of a context: what may differ between the data sets of one comparison
Parts = Mapping[str, Evidence]  # one context a data set, by its name


def answer_data_sets(sweeps: Sequence[Evidence], margin: float) -> Reply:
    """Compare arms over the data sets of one sweep or several, for each encoder and classifier.

    Blocks are data sets and nothing else: draws and folds of one say nothing of another.
    """
    answers: list[Answer] = []
    warnings: list[str] = []
    groups = _groups(sweeps, warnings)
    usable = {rest: parts for rest, parts in groups.items() if len(parts) > 1}
    for rest, parts in usable.items():
        said = _pooled(parts, margin) + _ranked(parts, margin)
        context = {name: str(value) for name, value in rest} if len(usable) > 1 else {}
        answers += [_in_context(answer, context) for answer in said]
    if answers:
        return answers, list(dict.fromkeys(warnings))
    text = "Only one data set has these arms; compare with sweeps of others, each by an --against of its own."
    return [not_applicable(text, own_budget(sweeps[0]), "pooled")], list(dict.fromkeys(warnings))


def _groups(sweeps: Sequence[Evidence], warnings: list[str]) -> dict[tuple[tuple[str, Any], ...], Parts]:
    """Contexts that differ in their data alone, one a data set: the first, where one is there twice."""
    found: dict[tuple[tuple[str, Any], ...], dict[str, Evidence]] = {}
    seen: dict[tuple[Any, ...], str] = {}
    for sweep in sweeps:
        for part in sweep.contexts():
            context = dict(part.cells[0].context)
            rest = tuple((name, value) for name, value in context.items() if name not in APART)
            data = str(context.get("data", sweep.header.get("sweep", "")))
            same = (rest, sweep.header.get("data_digest") or data)
            if same in seen:
                warnings.append(
                    f"data set {data} is there more than once: its first results count, as one block"
                )
                continue
            group = found.setdefault(rest, {})
            name = data if data not in group else f"{data} ({sweep.header.get('sweep', len(group) + 1)})"
            seen[same] = name
            group[name] = part
    return {rest: parts for rest, parts in found.items()}


def _in_context(answer: Answer, context: Mapping[str, str]) -> Answer:
    if not context:
        return answer
    sentence = f"[{context_words(context)}] {answer.sentence}"
    return replace(answer, sentence=sentence, detail={**answer.detail, "context": dict(context)})


def _shared(parts: Parts) -> list[str]:
    """Arms that every data set has results of."""
    first, *others = parts.values()
    return [arm for arm in first.arms if all(arm in part.arms for part in others)]


def _pooled(parts: Parts, margin: float) -> list[Answer]:
    arms = _shared(parts)
    pairs = [(base, arm) for i, base in enumerate(BASES) for arm in arms if arm not in BASES[: i + 1]]
    return [_pair(parts, base, arm, margin) for base, arm in pairs if base in arms]


def _pair(parts: Parts, base: str, arm: str, margin: float) -> Answer:
    """One arm over a base: the mean over data sets with its interval, and that of a new data set."""
    effects = {}
    for name, part in parts.items():
        sides = default_sides(part)
        effects[name] = contrast(part, own_budget(part), sides[base], sides[arm])
    found = pooled(effects)
    own, d = own_budget(next(iter(parts.values()))), _difference(found)
    sentence = f"{budget_phrase(own)}, {_clause(found, d, base, arm, margin)}."
    detail: dict[str, Any] = {"kind": "pooled", "family": FAMILY, "arm": arm, "base": base}
    detail |= {
        "data_sets": list(found.data_sets),
        "exploratory": len(found.data_sets) < ENOUGH,
        "enough": ENOUGH,
    }
    detail |= {"prediction": found.prediction, "interval_normal": found.interval, "tau2": found.tau2}
    detail |= {"q": found.q, "i2": None if found.i2 is None else 100 * found.i2, "why": found.reason}
    detail["effects"] = [{"data": name, **_part(each)} for name, each in effects.items()]
    keys = [side.keys[0] for p in parts.values() for n, side in default_sides(p).items() if n in (base, arm)]
    return answer_of(sentence, d, own, margin, cells=tuple(dict.fromkeys(keys)), detail=detail)


def _difference(found: Pooled) -> Difference:
    """The pooled mean as a difference whose 95 % interval is that of Hartung and Knapp."""
    count = len(found.data_sets)
    if found.estimate is None or found.adjusted is None:
        return Difference(None, n=count, reason=found.reason)
    unit = Difference(0.0, se=1.0, df=count - 1).interval()
    assert unit is not None
    se = (found.adjusted[1] - found.adjusted[0]) / (unit[1] - unit[0])
    return Difference(found.estimate, None, se, count - 1, count, count)


def _clause(found: Pooled, d: Difference, base: str, arm: str, margin: float) -> str:
    count = len(found.data_sets)
    interval = d.interval()
    if d.estimate is None or interval is None or found.i2 is None:
        return f"{arm} over {base} has no answer over data sets: {found.reason}"
    judged = d.verdict(margin)
    verdict = VERDICT_WORDS.get(judged, "no answer" if judged == "inconclusive" else judged)
    new = "a prediction for a new data set needs three"
    if found.prediction is not None:
        low, high = found.prediction
        new = f"on a new data set like these {signed(low)} to {signed(high)} (95 % prediction interval)"
    return (
        f"over {count} data sets {arm} gains {signed(d.estimate)} points over {base} (random effects, 95 % "
        f"CI {signed(interval[0])} to {signed(interval[1])} by Hartung and Knapp{SLOT}): {verdict} "
        f"({margin:.2f} points{_warned(count)}); {new}; {100 * found.i2:.0f} % of what differs between the "
        "data sets is no noise"
    )


def _warned(count: int) -> str:
    return f"; exploratory, fewer than {ENOUGH} data sets" if count < ENOUGH else ""


def _ranked(parts: Parts, margin: float) -> list[Answer]:
    """Average ranks by Friedman's test, and what differs by more than the critical difference."""
    arms = _shared(parts)
    rows = {name: {arm: _mean(part, arm) for arm in arms} for name, part in parts.items()}
    scores = pd.DataFrame.from_dict(rows, orient="index")
    found, count = friedman(scores), len(parts)
    own = own_budget(next(iter(parts.values())))
    detail: dict[str, Any] = {"kind": "ranks", "data_sets": list(parts), "scores": rows, "why": found.reason}
    detail |= {"exploratory": count < ENOUGH, "enough": ENOUGH, "fewest": FEWEST_RANKED, "level": 5}
    said = f"ranks of arms over data sets have no answer: {found.reason}"
    if found.reason is None:
        said, more = _ranks(found, count)
        detail |= more
    keys = [
        side.keys[0] for part in parts.values() for arm, side in default_sides(part).items() if arm in arms
    ]
    return [
        answer_of(f"{budget_phrase(own)}, {said}.", Difference(None, n=count), own, margin,
                  cells=tuple(dict.fromkeys(keys)), detail=detail, verdict="not_applicable")
    ]  # fmt: skip


def _ranks(found: Friedman, count: int) -> tuple[str, dict[str, Any]]:
    order = sorted(found.ranks, key=found.ranks.__getitem__)
    listed = ", ".join(f"{arm} {found.ranks[arm]:.2f}" for arm in order)
    text = (
        f"average ranks of {len(order)} arms over {count} data sets, 1 for the highest score: {listed} "
        f"(Friedman p {_p(found.p_tied)}, Iman and Davenport p {_p(found.p_F)}{_warned(count)}); "
    )
    detail: dict[str, Any] = {"ranks": dict(found.ranks), "chi2": found.chi2, "chi2_tied": found.chi2_tied}
    detail |= {"p_friedman": found.p_tied, "p_F": found.p_F, "F": found.F, "arms": len(order)}
    detail["p_floor"] = FLOOR
    if count < FEWEST_RANKED:
        return f"{text}no critical difference is drawn with fewer than {FEWEST_RANKED} data sets", detail
    cd = critical_difference(found)
    pairs = nemenyi(found)
    told = [f"{pair.first} from {pair.second}" for pair in pairs if pair.p <= 0.05]
    detail |= {"critical_difference": cd, "differing": len(told), "pairs": [vars(pair) for pair in pairs]}
    which = f": {names(told)}" if told else ""
    return f"{text}ranks differ when {cd:.2f} apart (Nemenyi, 5 %), and {len(told)} pairs do{which}", detail


def _p(value: float | None) -> str:
    assert value is not None
    return f"< {FLOOR:.3f}" if value < FLOOR else f"= {value:.3f}"


def _mean(part: Evidence, arm: str) -> float | None:
    """Mean score of an arm's default cell on a data set, in per cent."""
    return infer(part, side_values(part, own_budget(part), [default_sides(part)[arm]])[0]).estimate


def _part(d: Difference) -> dict[str, float | int | None]:
    low, high = d.interval() or (None, None)
    return {"estimate": d.estimate, "low": low, "high": high, "n": d.n}
