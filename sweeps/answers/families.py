"""Corrections: the family of comparisons that an answer is in, and its p-value corrected within it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..analysis.evidence import Evidence
from ..analysis.families import Correction, adjusted_p, family
from ..analysis.scores import contrast, own_budget
from ..comparisons import EXPLORATORY, arms_of
from .answer import Answer
from .method import default_sides
from .sentences import FLOOR, SLOT

ALPHA = 0.05
SHOWN: Mapping[Correction, str] = {"holm": "Holm", "bh": "BH", "bonferroni": "Bonferroni"}


@dataclass(frozen=True)
class Corrected:
    """A p-value corrected for the size of its family, by Holm or by Benjamini and Hochberg (BH)."""

    family: str
    size: int
    p: float
    correction: str

    def text(self, told: bool) -> str:
        """``; Holm p = 0.012 in family F1 of 5``; ``told``: whether the interval excludes 0."""
        value = f"< {FLOOR:.3f}" if self.p < FLOOR else f"= {self.p:.3f}"
        first = "exploratory, " if self.family == EXPLORATORY else ""
        left = ", which leaves it open" if told and self.p > ALPHA else ""
        return f"; {first}{self.correction} p {value} in family {self.family} of {self.size}{left}"

    def numbers(self) -> dict[str, Any]:
        """What ``text`` prints, for ``detail``."""
        return {
            "family": self.family,
            "family_size": self.size,
            "p_adjusted": self.p,
            "p_floor": FLOOR,
            "correction": self.correction,
        }


Declared = Mapping[tuple[str, str], Corrected]  # (second, first) arms of a declared comparison


def declared_families(evidence: Evidence) -> Declared:
    """Correct the declared comparisons of one context, arms at their default cells and own best budget.

    All members of a family that this context can compare count, whichever question is asked.
    """
    return evidence.once("declared families", lambda: _declared_families(evidence))


def _declared_families(evidence: Evidence) -> Declared:
    sides, own = default_sides(evidence), own_budget(evidence)
    found: dict[tuple[str, str], Corrected] = {}
    for name, texts in evidence.families.items():
        pairs = [pair for pair in map(arms_of, texts) if set(pair) <= set(sides)]
        differences = {f"{a} against {b}": contrast(evidence, own, sides[b], sides[a]) for a, b in pairs}
        members = family(name, differences)
        for text, value in members.adjusted.items():
            pair = arms_of(text)
            found[pair] = found[pair[::-1]] = Corrected(name, members.size, value, "Holm")
    return found


def corrected(answers: Sequence[Answer], declared: Declared) -> list[Answer]:
    """Put the corrected p-value into every sentence that has a place for it.

    Declared comparisons are corrected within their family by Holm; so are answers whose ``detail``
    names a ``family``, with all others of that name here. What is left is the exploratory family.
    """
    groups: dict[str, list[int]] = {}
    done: dict[int, Corrected] = {}
    for i, answer in enumerate(answers):
        if SLOT not in answer.sentence or answer.detail.get("p") is None:
            continue
        member = _declared(answer, declared)
        if member is None:
            groups.setdefault(answer.detail.get("family", EXPLORATORY), []).append(i)
        else:
            done[i] = member
    for name, places in groups.items():
        p = {str(i): float(answers[i].detail["p"]) for i in places}
        method: Correction = "bh" if name == EXPLORATORY else "holm"
        values = adjusted_p(p, method)
        done |= {i: Corrected(name, len(p), values[str(i)], SHOWN[method]) for i in places}
    return [_settled(answer, done.get(i)) for i, answer in enumerate(answers)]


def _declared(answer: Answer, declared: Declared) -> Corrected | None:
    """The member of a declared family that this answer is; None for other estimands and budgets."""
    detail = answer.detail
    own = answer.budget not in ("common", "averaged")
    if detail.get("kind") != "pair" or answer.estimand != "default" or not own:
        return None
    return declared.get((str(detail["second"]), str(detail["first"])))


def _settled(answer: Answer, member: Corrected | None) -> Answer:
    if member is None:
        return replace(answer, sentence=answer.sentence.replace(SLOT, ""))
    told = answer.low is not None and answer.high is not None and answer.low * answer.high > 0
    sentence = answer.sentence.replace(SLOT, member.text(told))
    return replace(answer, sentence=sentence, detail={**answer.detail, **member.numbers()})
