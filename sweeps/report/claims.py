"""Claims: every answer of a sweep with an id, and the check that sentences say what their claim says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from ..analysis.records import Line
from ..answers import QUESTIONS, Answer, Answers, ask, unsourced_numbers

SCHEMA = 1
DATA_SETS = "data_sets"
TOGETHER = ("all",)  # questions that repeat the others


@dataclass(frozen=True, eq=False)
class Claim:
    """One answer as it stands in ``claims.json``.

    Attributes:
        entry: id, question, the fields of the answer, ``would_change``.
    """

    entry: Mapping[str, Any]

    @property
    def id(self) -> str:
        """``method-3``: the question and the number of the answer."""
        return str(self.entry["id"])

    @property
    def question(self) -> str:
        """The question that it answers."""
        return str(self.entry["question"])

    @property
    def sentence(self) -> str:
        """The answer in words."""
        return str(self.entry["sentence"])

    @property
    def verdict(self) -> str:
        """The verdict."""
        return str(self.entry["verdict"])

    @property
    def detail(self) -> Mapping[str, Any]:
        """What else the answer rests on."""
        found: Mapping[str, Any] = self.entry["detail"]
        return found

    @property
    def empty(self) -> bool:
        """Whether there is no answer for want of data."""
        return self.verdict == "not_applicable" and not self.entry["n"]

    @property
    def unit(self) -> str:
        """The unit of the estimate: points, or percent."""
        return str(self.entry.get("unit", "points"))

    @property
    def kind(self) -> str:
        """The kind of the answer: summary, pair, decomposition, ..."""
        return str(self.detail.get("kind", ""))


def ask_all(
    lines: Sequence[Line], margin: float, others: Sequence[Sequence[Line]] = ()
) -> tuple[Answers, ...]:
    """Answer every question that there is; that of data sets over the other sweeps too."""
    asked = [name for name in QUESTIONS if name not in TOGETHER]
    if not others:
        return tuple(ask(lines, name, margin) for name in asked)
    first, *further = others
    over = ask(lines, DATA_SETS, margin, against=first, further=further)
    return tuple(over if name == DATA_SETS else ask(lines, name, margin) for name in asked)


def claims_of(answers: Sequence[Answers]) -> tuple[Claim, ...]:
    """Number the answers, each within its question."""
    return tuple(
        Claim(
            {
                "id": f"{asked.question}-{number}",
                "question": asked.question,
                **answer.to_json(),
                "would_change": would_change(answer),
            }
        )
        for asked in answers
        for number, answer in enumerate(asked.answers, start=1)
    )


def document(
    sweep: str, answers: Sequence[Answers], claims: Sequence[Claim], margin: float
) -> dict[str, Any]:
    """What ``claims.json`` holds."""
    return {
        "schema": SCHEMA,
        "sweep": sweep,
        "margin": margin,
        "claims": [dict(claim.entry) for claim in claims],
        "warnings": {asked.question: list(asked.warnings) for asked in answers},
    }


def would_change(answer: Answer) -> str | None:
    """Say what would turn the verdict, in the numbers of the answer; None where it has none."""
    detail, verdict = answer.detail, answer.verdict
    margin, low, high = detail.get("margin"), answer.low, answer.high
    if margin is None or verdict == "not_applicable":
        return None
    more = detail.get("more_for_equivalence") or detail.get("more_replicates")
    if verdict == "inconclusive":
        if more is not None:
            return f"with about {more} more replicates, if the estimate stays as it is"
        return f"if the interval left out zero, or lay within ±{margin:.2f} points"
    if verdict == "equivalent":
        ends = [end for end in (detail.get("low90"), detail.get("high90")) if end is not None]
        far = max(ends, key=abs, default=None)
        if far is None:
            return None
        return f"if the margin were no wider than the far end of the 90 % interval, {far:+.2f} points"
    if low is None or high is None:
        return None
    near, far = (low, high) if low > 0 else (high, low)
    if verdict in ("better", "worse"):
        return f"if the margin reached the near end of the interval, {near:+.2f} points (it is {margin:.2f})"
    if verdict.endswith("uncertain"):
        return f"if more replicates moved the near end, {near:+.2f}, beyond {margin:.2f} points in size"
    return f"if the margin were below the far end of the interval, {far:+.2f} points (it is {margin:.2f})"


def unsourced(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """The numbers of a claim's sentences that none of its fields rounds to; empty when it is sound.

    Digits within a name that the claim holds (of data, an arm, a class) are no numbers.
    """
    answer = Answer(**{field.name: entry[field.name] for field in fields(Answer) if field.name in entry})
    texts = [text for text in (entry["sentence"], entry.get("would_change")) if text]
    held = {name: value for name, value in entry.items() if name not in ("sentence", "would_change")}
    labels = sorted(set(_labels(held)), key=len, reverse=True)
    plain = [_without(text, labels) for text in texts]
    return tuple(number for text in plain for number in unsourced_numbers(replace(answer, sentence=text)))


def _labels(value: Any) -> Iterator[str]:
    """All texts within a value that have a letter and a digit."""
    if isinstance(value, str):
        if any(letter.isalpha() for letter in value) and any(letter.isdigit() for letter in value):
            yield value
    elif isinstance(value, Mapping):
        for entry in (*value, *value.values()):
            yield from _labels(entry)
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from _labels(entry)


def _without(text: str, labels: Sequence[str]) -> str:
    for label in labels:
        text = text.replace(label, "a name")
    return text


def repeated(claims: Sequence[Claim]) -> list[str]:
    """Ids that stand more than once; there should be none."""
    return [name for name, count in Counter(claim.id for claim in claims).items() if count > 1]
