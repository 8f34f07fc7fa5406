"""The question of the encoder: which is better for an arm, and is an arm's gain the same with another."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

from ..analysis.evidence import Evidence
from ..analysis.scores import Side, contrast, own_budget
from .answer import Answer
from .compare import Reply, answer_of, basis, compare, indistinct, keys_of, not_applicable, ranked
from .sentences import budget_phrase, effect, names
from .transfer import Setting, in_group, settings_by, transfers

FAMILY = "encoder"


def answer_encoder(evidence: Evidence, margin: float) -> Reply:
    """Compare the encoders for each arm, then the arms' gains with each pair of encoders."""
    groups = settings_by(evidence, "encoder")
    answers: list[Answer] = []
    for group in groups:
        said = [answer for arm in _shared(group) for answer in _of_arm(evidence, group, arm, margin)]
        for first, second in combinations(group, 2):
            said += transfers(first, second, margin, same_draws=True, what="encoder")
        answers += in_group(said, group, groups)
    if answers:
        return answers, _raw_metrics(evidence)
    text = "No two encoders have the same arms beside each other; give several under `encoders` in the spec."
    return [not_applicable(text, own_budget(evidence), "transfer")], []


def _shared(group: Sequence[Setting]) -> list[str]:
    """Arms that two encoders or more have, in the order of the plan."""
    every = [arm for setting in group for arm in setting.evidence.arms]
    return [arm for arm in dict.fromkeys(every) if every.count(arm) > 1]


def _of_arm(evidence: Evidence, group: Sequence[Setting], arm: str, margin: float) -> list[Answer]:
    """Which encoder leads for an arm at its default, and every pair of them."""
    sides = []
    for setting in group:
        cell = setting.evidence.default(arm)
        if cell is not None:
            sides.append(Side(f"{arm} on {setting.label}", (cell.key,)))
    own = own_budget(group[0].evidence)
    detail: dict[str, Any] = {"kind": "encoders", "family": FAMILY, "what": "encoder", "arm": arm}
    pairs = [compare(evidence, own, pair, margin, **detail) for pair in combinations(sides, 2)]
    return [*([_leader(evidence, sides, arm, margin)] if len(sides) > 2 else []), *pairs]


def _leader(evidence: Evidence, sides: Sequence[Side], arm: str, margin: float) -> Answer:
    own = own_budget(evidence)
    order = ranked(evidence, own, sides)
    if len(order) < 2:
        return not_applicable(f"{budget_phrase(own)}, {arm} has no scores on two encoders.", own, "summary")
    leader, last = order[0], order[-1]
    d = contrast(evidence, own, last, leader)
    near = [side.label for side in indistinct(evidence, own, leader, order[1:])]
    sentence = (
        f"{budget_phrase(own)}, {leader.label} leads {basis(evidence, own, sides)}; "
        f"{effect(last.label, leader.label, d, margin, evidence)}. Not told apart from {leader.label} by a "
        f"95 % interval: {names(near, 'no other encoder')}."
    )
    detail: dict[str, Any] = {"kind": "summary", "what": "encoder", "arm": arm, "not_told_apart": near}
    detail |= {"leader": leader.label, "against": last.label}
    return answer_of(sentence, d, own, margin, cells=keys_of(order), detail=detail)


def _raw_metrics(evidence: Evidence) -> list[str]:
    """Say of which encoders cosine and euclidean neighbours differ."""
    made = evidence.header.get("encoders") or {}
    raw = [name for name, facts in made.items() if not facts.get("normalized", True)]
    unit = [name for name in made if name not in raw]
    if not raw or not unit:
        return []
    return [
        f"cosine and euclidean are one metric for neighbours only on embeddings of length one: with "
        f"{names(unit)}, not with {names(raw)}"
    ]
