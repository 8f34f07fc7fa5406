"""Words that a sentence may use only with what entitles it to them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from .answer import Answer

Entitled = Callable[[Answer], bool]


def _has_interval_and_n(answer: Answer) -> bool:
    return "CI" in answer.sentence and answer.n > 0 and answer.low is not None


def _has_set(answer: Answer) -> bool:
    said = answer.sentence.lower()
    return "not distinguishable" in said or "not told apart" in said


def _ablation_moved(answer: Answer) -> bool:
    return answer.detail.get("kind") == "ablation" and answer.detail.get("moved") is True


def _both_conditions(answer: Answer) -> bool:
    return answer.detail.get("reading") == "overfit"


def _never(answer: Answer) -> bool:
    return False


NAMED_BUDGET = re.compile(r"own best budget")  # the name of a budget, no claim
FORBIDDEN: Mapping[str, Entitled] = {
    r"significan\w*": _has_interval_and_n,
    r"prove[sdn]?": _never,
    r"best": _has_set,
    r"because": _ablation_moved,
    r"overfits": _both_conditions,
}


def forbidden_words(answer: Answer) -> tuple[str, ...]:
    """The words of an answer's sentence that nothing in the answer entitles it to; empty when sound."""
    text = NAMED_BUDGET.sub("", answer.sentence)
    return tuple(
        found[0]
        for pattern, entitled in FORBIDDEN.items()
        for found in re.finditer(rf"\b(?:{pattern})\b", text, re.IGNORECASE)
        if not entitled(answer)
    )
