"""The questions of transfer: is a gain the same with another classifier, imbalance or encoder."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from ..analysis.evidence import Evidence
from ..analysis.paired import Difference
from ..analysis.scores import Budget, infer, own_budget, side_values
from ..analysis.unpaired import independent
from .answer import Answer
from .compare import Reply, answer_of, not_applicable
from .method import default_sides
from .naming import NATURAL, context_value, context_words, telling_context
from .sentences import SLOT, VERDICT_WORDS, behind, brackets, budget_phrase, interval_text, more_replicates

BASES = ("none", "logit_adjust")  # what a gain is measured against: nothing done, and a moved threshold
FIRST = "mlp"  # the classifier that others are compared with
SIZES = re.compile(r"(\d+):(\d+)")  # rows of the largest class and of the smallest, as in 2000:60


@dataclass(frozen=True)
class Setting:
    """One context as a setting of what is varied: the classifier, the imbalance, or the sweep."""

    label: str
    evidence: Evidence


def answer_classifier(evidence: Evidence, margin: float) -> Reply:
    """Say for every classifier whether each arm gains what it gains with the first one (the MLP)."""
    groups = settings_by(evidence, "classifier")
    answers = [
        answer
        for group in groups
        for other in group[1:]
        for answer in in_group(
            transfers(group[0], other, margin, same_draws=True, what="classifier"), group, groups
        )
    ]
    if answers:
        return answers, []
    text = "No two classifiers have the same arms beside each other; sweep another one on the same data."
    return [not_applicable(text, own_budget(evidence), "transfer")], []


def answer_imbalance(evidence: Evidence, margin: float) -> Reply:
    """Say for every imbalance whether each arm gains what it gains with the natural one, or the first."""
    answers: list[Answer] = []
    warnings: list[str] = []
    groups = settings_by(evidence, "imbalance")
    for group in groups:
        sizes = [sizes_of(setting) for setting in group]
        for other, size in zip(group[1:], sizes[1:], strict=True):
            said = transfers(group[0], other, margin, same_draws=True, what="imbalance")
            answers += in_group(said, group, groups)
            if sizes[0] and size and _confounded(sizes[0], size):
                warnings.append(
                    f"imbalance {group[0].label} and {other.label} differ in their ratio and in the minority "
                    "rows: which of the two matters is not told apart"
                )
    if answers:
        return answers, warnings
    text = (
        "No two imbalances have the same arms beside each other; sweep one, or compare with a sweep of "
        "the natural imbalance by --against."
    )
    return [not_applicable(text, own_budget(evidence), "transfer")], []


def settings_by(evidence: Evidence, name: str) -> list[list[Setting]]:
    """Contexts that differ in ``name`` alone, those of a group side by side, the reference first."""
    groups: dict[tuple[tuple[str, Any], ...], list[Setting]] = {}
    for part in evidence.contexts():
        context = dict(part.cells[0].context)
        rest = tuple((key, value) for key, value in context.items() if key != name)
        groups.setdefault(rest, []).append(Setting(context_value(part, name), part))
    first = {"classifier": FIRST, "imbalance": NATURAL}.get(name)
    return [sorted(group, key=lambda s: s.label != first) for group in groups.values() if len(group) > 1]


def in_group(
    answers: Sequence[Answer], group: Sequence[Setting], groups: Sequence[Sequence[Setting]]
) -> list[Answer]:
    """Put what tells this group from the others, its encoder for instance, before the sentences."""
    telling = telling_context(group[0].evidence, [other[0].evidence for other in groups])
    if not telling:
        return list(answers)
    words = context_words(telling)
    return [
        replace(answer, sentence=f"[{words}] {answer.sentence}", detail={**answer.detail, "context": telling})
        for answer in answers
    ]


def sizes_of(setting: Setting) -> tuple[int, int] | None:
    """Rows of the largest and of the smallest class, where the label of the imbalance says them."""
    match = SIZES.fullmatch(setting.label)
    return None if match is None else (int(match[1]), int(match[2]))


def _confounded(first: tuple[int, int], second: tuple[int, int]) -> bool:
    same_ratio = first[0] * second[1] == first[1] * second[0]
    return first[1] != second[1] and not same_ratio


def gains(evidence: Evidence, budget: Budget, base: str, arm: str) -> pd.Series:
    """What an arm gains over another one, both at their defaults, in points, a replicate (and fold)."""
    sides = default_sides(evidence)
    values = side_values(evidence, budget, (sides[base], sides[arm]))
    return (values[1] - values[0]).dropna()


def transfers(first: Setting, second: Setting, margin: float, *, same_draws: bool, what: str) -> list[Answer]:
    """The gain of every arm in the second setting less its gain in the first, over each base.

    Args:
        first: the reference.
        second: what is compared with it.
        margin: points that count as a difference that matters.
        same_draws: whether a replicate is the same draw in both; else they are not paired.
        what: what the settings are settings of.
    """
    shared = [arm for arm in first.evidence.arms if arm in second.evidence.arms]
    pairs = [
        (base, arm)
        for i, base in enumerate(BASES)
        for arm in shared
        if base in shared and arm not in BASES[: i + 1]
    ]
    same = same_draws and not (first.evidence.repetitions or second.evidence.repetitions)
    return [_transfer(first, second, pair, margin, same, what) for pair in pairs]


def _transfer(
    first: Setting, second: Setting, pair: tuple[str, str], margin: float, same: bool, what: str
) -> Answer:
    base, arm = pair
    own = own_budget(first.evidence)
    found = [gains(s.evidence, own, base, arm) for s in (first, second)]
    parts = [infer(s.evidence, g) for s, g in zip((first, second), found, strict=True)]
    d = infer(first.evidence, found[1] - found[0]) if same else independent(*parts)
    sentence = (
        f"{budget_phrase(own)}, {arm} gains {brackets(parts[1])} points over {base} with {what} "
        f"{second.label} and {brackets(parts[0])} with {first.label}; the gain with {second.label} "
        f"differs by {brackets(d)} points ({_narrow(d)}{behind(d, first.evidence)}{SLOT}): "
        f"{_reading(d, parts, margin)}."
    )
    detail: dict[str, Any] = {"kind": "transfer", "family": "transfer", "what": what}
    detail |= {"first": first.label, "second": second.label, "arm": arm, "base": base, "paired": same}
    detail |= {"gain_first": _part(parts[0]), "gain_second": _part(parts[1])}
    keys = tuple(
        side.keys[0]
        for s in (first, second)
        for name, side in default_sides(s.evidence).items()
        if name in pair
    )
    return answer_of(sentence, d, own, margin, cells=keys, detail=detail)


def _narrow(d: Difference) -> str:
    return "" if d.interval() is None else f"{interval_text(d, 0.9)}; "


def _reading(d: Difference, parts: Sequence[Difference], margin: float) -> str:
    """Whether a gain transfers: by its equivalence, not by a missing difference."""
    judged = d.verdict(margin)
    if judged == "equivalent":
        return f"it transfers, the two are equivalent at the {margin:.2f} point margin"
    if judged == "inconclusive":
        more = more_replicates(d, margin)
        need = f"; about {more} more replicates would be needed" if more is not None else ""
        return f"not shown whether it transfers{f'; {d.reason}' if d.reason else ''}{need}"
    turned = all(part.excludes_zero() for part in parts) and _signs(parts) < 0
    size = "larger" if judged.startswith("better") else "smaller"
    words = VERDICT_WORDS[judged].replace("better", size).replace("worse", size)
    return f"{words} ({margin:.2f} points){', of the other sign' if turned else ''}"


def _signs(parts: Sequence[Difference]) -> float:
    return (parts[0].estimate or 0.0) * (parts[1].estimate or 0.0)


def _part(d: Difference) -> Mapping[str, float | None]:
    low, high = d.interval() or (None, None)
    return {"estimate": d.estimate, "low": low, "high": high, "n": d.n}
