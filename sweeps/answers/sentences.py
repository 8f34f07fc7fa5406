"""Sentences: templates filled from an answer's own numbers, and the check that they are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from synaug.classifiers import CLASSIFIERS

from ..analysis.evidence import Evidence
from ..analysis.paired import Difference, Verdict
from ..analysis.power import MOST, detectable_effect, replicates_for_equivalence, replicates_needed
from ..analysis.scores import Budget
from ..spec_classifier import DEFAULT
from .answer import Answer

VERDICT_WORDS: dict[Verdict, str] = {
    "better": "better by a margin that matters",
    "better_size_uncertain": "better; the size may be below the margin",
    "better_negligible": "better but negligible",
    "worse": "worse by a margin that matters",
    "worse_size_uncertain": "worse; the size may be below the margin",
    "worse_negligible": "worse but negligible",
}
SLOT = "{correction}"  # of a sentence, until the p-values of its family are known
FLOOR = 0.001  # p-values below are printed as that
NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d+)?(?!\w)")


def budget_phrase(budget: Budget) -> str:
    """Say which training budget a sentence speaks of."""
    if budget.name == "own_best":
        return "At each arm's own best budget (chosen on the folds)"
    if budget.name == "default":
        return f"At the budget that the spec fixes ({steps_text(budget.steps, budget.classifier)})"
    if budget.name == "averaged":
        return "Averaged over the budget ladder"
    return f"At the common budget of {steps_text(budget.steps, budget.classifier)}"


def steps_text(steps: int | None, classifier: str = DEFAULT) -> str:
    """A rung in the words of its classifier: ``1 step``, ``64 steps``, ``9 neighbours``, ``rung 3``."""
    if steps is not None and classifier in CLASSIFIERS:
        return CLASSIFIERS[classifier].rung_text(steps)
    return f"rung {steps}"


def rungs_word(classifier: str) -> str:
    """What the rungs of a classifier count."""
    if classifier == DEFAULT:
        return "steps"
    return CLASSIFIERS[classifier].rung if classifier in CLASSIFIERS else "rungs"


def names(items: Iterable[object], nothing: str = "nothing") -> str:
    """Join with commas; numbers in their shortest form."""
    return ", ".join(level_text(item) for item in items) or nothing


def level_text(value: object) -> str:
    """A knob's value as people write it: 100.0 as 100, 12.5 as 12.5."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def knobs_text(knobs: Mapping[str, object]) -> str:
    """``k 5, ratio 100``: a cell's settings."""
    return ", ".join(f"{name} {level_text(value)}" for name, value in knobs.items())


def signed(value: float) -> str:
    """Points with sign and two decimals; what rounds to nothing is +0.00."""
    return f"{round(value, 2) + 0.0:+.2f}"


def interval_text(d: Difference, level: float = 0.95) -> str:
    """``95 % CI +0.50 to +1.90``; only for a difference that has an interval."""
    interval = d.interval(level)
    assert interval is not None
    return f"{100 * level:.0f} % CI {signed(interval[0])} to {signed(interval[1])}"


def brackets(d: Difference) -> str:
    """``+1.20 [+0.50, +1.90]``, or the estimate alone without an interval."""
    if d.estimate is None:
        return "unknown"
    interval = d.interval()
    if interval is None:
        return f"{signed(d.estimate)} (no interval)"
    return f"{signed(d.estimate)} [{signed(interval[0])}, {signed(interval[1])}]"


def behind(d: Difference, evidence: Evidence) -> str:
    """What stands behind a difference: replicates and their folds, or repetitions of cross-validation."""
    if d.n_first is not None:
        return f"{d.n_first} and {d.n} independent replicates, not paired"
    if not evidence.repetitions:
        folds = evidence.header.get("folds")
        each = "" if folds is None else f" x {folds} folds"
        return f"{d.n} independent {'replicate' if d.n == 1 else 'replicates'}{each}, paired"
    scores = f" with {d.values} fold scores, Nadeau-Bengio" if d.se is not None else ""
    return f"{d.n} {'repetition' if d.n == 1 else 'repetitions'} of cross-validation{scores}, paired"


def effect(first: str, second: str, d: Difference, margin: float, evidence: Evidence, slot: str = "") -> str:
    """Say how ``second`` stands against ``first``, with interval, replicates and verdict.

    ``slot`` stands where the corrected p-value belongs.
    """
    if d.estimate is None:
        return f"{second} against {first}: no answer: {d.reason}"
    proof = behind(d, evidence)
    if d.se is None:
        return f"{second} against {first}: no answer: {signed(d.estimate)} points ({proof}); {d.reason}"
    judged = d.verdict(margin)
    if judged == "equivalent":
        return (
            f"{second} and {first} are equivalent at the {margin:.2f} point margin: {signed(d.estimate)} "
            f"points balanced accuracy ({interval_text(d, 0.9)}; {interval_text(d)}; {proof}{slot})"
        )
    if judged == "inconclusive":
        return (
            f"{second} against {first}: no answer: {signed(d.estimate)} points balanced accuracy "
            f"({interval_text(d)}; {proof}{slot}); {_what_it_takes(d, margin, evidence)}"
        )
    verb = "gains" if d.estimate > 0 else "loses"
    return (
        f"{second} {verb} {signed(d.estimate)} points balanced accuracy against {first} "
        f"({interval_text(d)}; {proof}{slot}): {VERDICT_WORDS[judged]} ({margin:.2f} points)"
    )


def _what_it_takes(d: Difference, margin: float, evidence: Evidence) -> str:
    text = f"this run could detect {detectable(d):.2f} points"
    more = None if evidence.repetitions else more_replicates(d, margin)
    if more is None:
        return text
    return f"{text}; about {more} more replicates would be needed if the difference stays as it is"


def detectable(d: Difference) -> float | None:
    """The true difference that this comparison sees with probability 0.8; None without interval."""
    return None if d.se is None or d.df is None else detectable_effect(d.se, d.df)


def more_replicates(d: Difference, margin: float) -> int | None:
    """Replicates to add so that the present estimate, if true, would get a verdict.

    Either the difference from 0 is seen or, when it is below the margin, equivalence is: whichever
    comes first. None without an interval, when none are missing, or when the number has no end.
    """
    if d.estimate is None or not d.sd:
        return None
    size, needed = abs(d.estimate), []
    if size > 0.01 * d.sd:
        needed.append(replicates_needed(d.sd, size))
    if margin - size > 0.01 * d.sd:
        needed.append(replicates_for_equivalence(d.sd, margin, size))
    least = min(needed, default=MOST)
    return least - d.n if d.n < least < MOST else None


def numbers_of(d: Difference, margin: float) -> dict[str, Any]:
    """The numbers that any sentence about a difference may print, for ``detail``."""
    interval, narrow = d.interval() or (None, None), d.interval(0.9) or (None, None)
    return {
        "estimate": d.estimate,
        "low": interval[0],
        "high": interval[1],
        "low90": narrow[0],
        "high90": narrow[1],
        "levels_of_confidence": [95, 90],
        "margin": margin,
        "sd": d.sd,
        "se": d.se,
        "df": d.df,
        "p": d.p,
        "n": d.n,
        "values": d.values,
        "n_first": d.n_first,
        "detectable": detectable(d),
        "more_replicates": more_replicates(d, margin) if d.verdict(margin) == "inconclusive" else None,
        "reason": d.reason,
    }


def unsourced_numbers(answer: Answer) -> tuple[str, ...]:
    """The numbers of an answer's sentence that no field of the answer holds; empty when sound."""
    entry = answer.to_json()
    known = list(_numbers([value for name, value in entry.items() if name not in ("sentence", "cells")]))
    return tuple(token for token in NUMBER.findall(answer.sentence) if not _known(token, known))


def _known(token: str, known: list[float]) -> bool:
    decimals = len(token.partition(".")[2])
    return any(float(f"{value:.{decimals}f}") == float(token) for value in known)


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        for entry in value:
            yield from _numbers(entry)
    elif isinstance(value, str):
        yield from (float(token) for token in NUMBER.findall(value))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield float(value)
