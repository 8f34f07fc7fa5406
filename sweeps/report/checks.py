"""The self-check: what a report computes once more on its ledger, by another way than the answers did."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from ..analysis.paired import verdict
from ..analysis.records import Line, is_scored, scored_on
from ..answers.sentences import NUMBER
from ..canonical import crc32
from .claims import Claim, repeated, unsourced

CLOSE = 1e-6  # points: two computations of one number differ by less
FEWEST = 2  # replicates that an interval needs


@dataclass(frozen=True)
class Check:
    """One thing that was computed again.

    Attributes:
        name: what was looked at.
        found: what was seen, with counts.
        wrong: what does not hold; empty when all does.
    """

    name: str
    found: str
    wrong: tuple[str, ...] = ()


def self_check(lines: Sequence[Line], claims: Sequence[Claim], inference: str) -> tuple[Check, ...]:
    """Run all checks."""
    return (
        sentences(claims),
        differences(lines, claims, inference),
        verdicts(claims),
        results(lines),
        checksums(lines),
    )


def sentences(claims: Sequence[Claim]) -> Check:
    """Every number of every answer's sentence is a rounded field of its claim, and ids are unique."""
    answered = [claim for claim in claims if not claim.empty]  # the others say what to run
    wrong = [f"{claim.id}: {', '.join(bad)}" for claim in answered if (bad := unsourced(claim.entry))]
    wrong += [f"{name} stands twice" for name in repeated(claims)]
    texts = [text for claim in answered for text in (claim.sentence, claim.entry.get("would_change")) if text]
    count = sum(len(NUMBER.findall(text)) for text in texts)
    found = f"{count} numbers in {len(texts)} sentences, each looked up in the fields of its claim"
    return Check("Sentences against claims.json", found, tuple(wrong))


def differences(lines: Sequence[Line], claims: Sequence[Claim], inference: str) -> Check:
    """Paired differences of two cells, straight from the result lines with the t interval of their mean."""
    name = "Differences and intervals against the ledger's lines"
    if inference != "replicates":
        return Check(name, "not run: replicates are repetitions on the same rows, not independent draws")
    pairs = [claim for claim in claims if claim.kind == "pair" and len(claim.entry["cells"]) == 2]
    pairs = [c for c in pairs if c.entry["estimand"] == "default" and c.entry["budget"] != "averaged"]
    scores = _scores(lines)
    wrong = [text for claim in pairs for text in _differing(claim, scores)]
    return Check(name, f"{len(pairs)} paired differences with estimate, interval and n", tuple(wrong))


def verdicts(claims: Sequence[Claim]) -> Check:
    """Every verdict of a pair follows from its estimate, standard error and margin."""
    judged = [claim for claim in claims if claim.kind == "pair" and claim.detail.get("se") is not None]
    wrong = [
        f"{claim.id}: {claim.verdict}"
        for claim in judged
        if claim.verdict
        != verdict(claim.entry["estimate"], claim.detail["se"], claim.detail["df"], claim.detail["margin"])
    ]
    return Check("Verdicts against their intervals", f"{len(judged)} verdicts", tuple(wrong))


def results(lines: Sequence[Line]) -> Check:
    """Each (cell, replicate) has one result, and scores are fractions."""
    found = [line for line in lines if line.get("kind") == "result"]
    seen: set[tuple[str, int]] = set()
    wrong = []
    for line in found:
        name = (str(line["trial_key"]), int(line["replicate"]))
        if name in seen:
            wrong.append(f"{name[0]}, replicate {name[1]}: two results; the first is used")
        seen.add(name)
        if is_scored(line) and not 0 <= line["scores"][f"{scored_on(line)}_balanced_accuracy"] <= 1:
            wrong.append(f"{name[0]}, replicate {name[1]}: a score outside of 0 to 1")
    usable = sum(is_scored(line) for line in found)
    cells = len({key for key, _ in seen})
    return Check("Results", f"{usable} results with a score of {len(found)}, in {cells} cells", tuple(wrong))


def checksums(lines: Sequence[Line]) -> Check:
    """Lines with a ``crc`` are as they were written."""
    marked = [(number, line) for number, line in enumerate(lines, start=1) if "crc" in line]
    wrong = [f"line {number}: its crc does not fit" for number, line in marked if not _intact(line)]
    found = f"{len(marked)} of {len(lines)} lines carry a checksum"
    return Check("Checksums", found, tuple(wrong))


def _intact(line: Line) -> bool:
    try:
        return bool(crc32({name: value for name, value in line.items() if name != "crc"}) == line["crc"])
    except ValueError:  # not a number: no writer of ours lets it in
        return False


def _scores(lines: Sequence[Line]) -> Mapping[str, Mapping[int, Line]]:
    """The first scored result of each cell and replicate."""
    found: dict[str, dict[int, Line]] = {}
    for line in lines:
        if line.get("kind") == "result" and is_scored(line):
            found.setdefault(str(line["trial_key"]), {}).setdefault(int(line["replicate"]), line)
    return found


def _value(line: Line, claim: Claim) -> float | None:
    name = f"{scored_on(line)}_balanced_accuracy"
    if claim.entry["budget"] != "common":
        return float(line["scores"][name])
    steps = claim.detail["steps"]
    return next((float(r[name]) for r in line.get("curve") or () if r["steps"] == steps and name in r), None)


def _differing(claim: Claim, scores: Mapping[str, Mapping[int, Line]]) -> list[str]:
    """What a claim says otherwise than its lines do."""
    first, second = (scores.get(key, {}) for key in claim.entry["cells"])
    values = [
        100 * (after - before)
        for replicate in sorted(first.keys() & second.keys())
        if (before := _value(first[replicate], claim)) is not None
        and (after := _value(second[replicate], claim)) is not None
    ]
    expected: dict[str, float | int | None] = {"n": len(values), "estimate": None, "low": None, "high": None}
    if values:
        expected["estimate"] = float(np.mean(values))
    if len(values) >= FEWEST:
        ends = stats.sem(values) * stats.t.ppf(0.975, len(values) - 1)
        expected |= {"low": np.mean(values) - ends, "high": np.mean(values) + ends}
    return [
        f"{claim.id}: {name} {claim.entry[name]}, the lines give {value}"
        for name, value in expected.items()
        if not _same(claim.entry[name], value)
    ]


def _same(said: float | None, found: float | None) -> bool:
    if said is None or found is None:
        return said is found
    return math.isclose(said, found, rel_tol=0, abs_tol=CLOSE)
