"""The cards on top of a report: one a question, with its leading answer and what stands beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from . import words
from .claims import Claim
from .look import in_order

MOST_BESIDE = 12
LEADING = (
    "summary",
    "correcting",
    "winner",
    "transfer",
    "size",
    "ablation",
    "moments",
    "pooled",
    "robustness",
)
BAR_WIDTH, BAR_PAD = 300.0, 8.0


@dataclass(frozen=True)
class Bar:
    """Positions of an interval against the margin, in a strip of ``BAR_WIDTH``."""

    low: float
    high: float
    estimate: float
    zero: float
    band_low: float
    band_high: float
    text: str


@dataclass(frozen=True)
class Line:
    """One answer on a card."""

    claim: Claim
    word: str
    tone: str
    symbol: str
    label: str
    bar: Bar | None


@dataclass(frozen=True)
class Card:
    """A question with its answers."""

    question: str
    title: str
    section: str
    first: Line
    beside: tuple[Line, ...]
    more: int


def cards(claims: Sequence[Claim]) -> tuple[Card, ...]:
    """One card a question; those without data come last."""
    questions = sorted(dict.fromkeys(claim.question for claim in claims), key=_place)
    made = [_card(question, [c for c in claims if c.question == question]) for question in questions]
    return tuple(sorted(made, key=lambda card: card.first.claim.empty))


def _place(question: str) -> int:
    """The budget comes second: which arm helps depends on it."""
    return {"method": 0, "budget": 1, "noise": 3}.get(question, 2)


def _card(question: str, claims: Sequence[Claim]) -> Card:
    """The leading answers are summaries that speak of no single common budget."""
    own = [claim for claim in claims if claim.entry["budget"] != "common"] or list(claims)
    leading = [claim for claim in own if claim.kind in LEADING] or own[:1]
    leading = _in_order(leading)
    largest = max((_reach(claim) for claim in leading), default=0.0)
    lines = [_line(claim, largest) for claim in leading[: MOST_BESIDE + 1]]
    return Card(
        question, words.title(question), words.section_of(question), lines[0], tuple(lines[1:]),
        len(leading) - len(lines),
    )  # fmt: skip


def _in_order(claims: Sequence[Claim]) -> list[Claim]:
    """Claims by their arm; several of one arm, and those of no arm, as they come."""
    arms = in_order(dict.fromkeys(str(claim.detail.get("arm", "")) for claim in claims))
    return sorted(claims, key=lambda claim: arms.index(str(claim.detail.get("arm", ""))))


def _reach(claim: Claim) -> float:
    if claim.unit != "points":
        return 0.0
    ends = [claim.entry[name] for name in ("low", "high") if claim.entry[name] is not None]
    margin = float(claim.detail.get("margin") or 0.0)
    return max([abs(float(end)) for end in ends] + [2 * margin])


def _line(claim: Claim, largest: float) -> Line:
    return Line(
        claim, words.word(claim), words.tone(claim), words.symbol(claim), _label(claim), _bar(claim, largest)
    )


def _label(claim: Claim) -> str:
    """What tells an answer from the others of its card: its arm or what is changed of it, its context."""
    names = [claim.detail.get(name) for name in ("ablation", "arm", "leader")]
    names += ["without none"] if claim.kind == "correcting" else []
    names += [claim.detail.get("second")] if claim.kind == "moments" else []
    arm = str(next(filter(None, names), ""))
    base = claim.detail.get("base")
    arm = f"{arm} over {base}" if arm and base else arm
    context = ", ".join(str(value) for value in (claim.detail.get("context") or {}).values())
    budget = "averaged over budgets" if claim.entry["budget"] == "averaged" and arm else ""
    return ", ".join(part for part in (arm, context, budget) if part)


def _bar(claim: Claim, largest: float) -> Bar | None:
    """The interval on a scale around zero that all bars of a card share."""
    low, high, estimate = (claim.entry[name] for name in ("low", "high", "estimate"))
    if claim.unit != "points" or low is None or high is None or estimate is None or not largest:
        return None
    margin = float(claim.detail.get("margin") or 0.0)

    def place(value: float) -> float:
        return round(BAR_PAD + (value + largest) / (2 * largest) * (BAR_WIDTH - 2 * BAR_PAD), 1)

    text = f"{estimate:+.2f} [{low:+.2f}, {high:+.2f}]"
    return Bar(place(low), place(high), place(estimate), place(0), place(-margin), place(margin), text)
