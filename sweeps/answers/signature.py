"""Failure signatures in sentences: which fired, which did not, and which could not be tested."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ..analysis.evidence import Evidence
from ..analysis.records import Line
from ..analysis.scores import own_budget
from ..analysis.signatures import SIGNATURES, Signature, signatures
from .answer import Answer
from .compare import Reply, not_applicable
from .sentences import knobs_text, names

SHOWN = 3  # cells by name in a sentence; all stand in the detail


def answer_signatures(evidence: Evidence, lines: Sequence[Line]) -> Reply:
    """Say for every failure signature where it fired, with the numbers that it was decided by."""
    found = signatures(lines)
    if not found:
        text = "No design cell with synthetic rows: there is no failure of synthesis to look for."
        return [not_applicable(text, own_budget(evidence), "signature")], []
    answers = []
    for name, what in SIGNATURES.items():
        here = [s for s in found if s.name == name]
        if here:
            answers.append(_answer(evidence, name, what, here))
    warning = "failure signatures are exploratory: they are not corrected for the number of cells"
    return [_summary(evidence, answers), *answers], [warning]


def _summary(evidence: Evidence, answers: Sequence[Answer]) -> Answer:
    """Which signatures fired anywhere."""
    fired = [answer.detail for answer in answers if answer.detail["fired"]]
    idle = [answer.detail["signature"] for answer in answers if not answer.detail["tested"]]
    where = [
        f"{signature_label(d['signature'])} in {d['fired']} of {d['tested']} that could be tested"
        for d in fired
    ]
    said = f"{len(fired) or 'none'} of {len(answers)} failure signatures fired in a cell or series of ratios"
    said += f": {names(where)}" if where else ""
    said += f". Not testable anywhere: {names(map(signature_label, idle))}" if idle else ""
    own = own_budget(evidence)
    detail = {
        "kind": "summary",
        "fired": len(fired),
        "rules": len(answers),
        "where": [{name: d[name] for name in ("signature", "fired", "tested")} for d in fired],
        "not_testable": idle,
    }
    keys = tuple(dict.fromkeys(key for answer in answers for key in answer.cells))
    n = max(answer.n for answer in answers)
    sentence = f"At each cell's own budget, {said}."
    return Answer(sentence, None, None, None, n, "not_applicable", own.name, "cells", keys, detail)


def signature_label(name: str) -> str:
    """``VAE collapse``: a signature as sentences call it."""
    return name.replace("_", " ").replace("vae", "VAE")


def _answer(evidence: Evidence, name: str, what: str, here: Sequence[Signature]) -> Answer:
    states = {
        state: [s for s in here if s.state == state] for state in ("fired", "not_fired", "not_testable")
    }
    counts = {state: len(found) for state, found in states.items()}
    tested = counts["fired"] + counts["not_fired"]
    said = f"{what}: fired in {counts['fired']} of {tested} cells or series of ratios that could be tested"
    if counts["fired"]:
        more = counts["fired"] - SHOWN
        listed = [_told(s) for s in states["fired"][:SHOWN]]
        said += f": {'; '.join(listed)}{f'; and {more} more' if more > 0 else ''}"
    if counts["not_testable"]:
        reasons = dict.fromkeys(str(s.reason) for s in states["not_testable"])
        said += f". Not testable in {counts['not_testable']}: {names(list(reasons)[:SHOWN])}"
    own = own_budget(evidence)
    detail: dict[str, Any] = {
        "kind": "signature",
        "signature": name,
        "what": what,
        **counts,
        "tested": tested,
    }
    detail |= {"more": counts["fired"] - SHOWN, "shown": SHOWN}
    detail["found"] = [asdict(s) for s in here]
    n = max((r.n for s in here for r in s.readings), default=0)
    keys = tuple(dict.fromkeys(key for s in states["fired"] for key in s.cells))
    sentence = f"Failure signature {signature_label(name)}, at each cell's own budget: {said}."
    return Answer(sentence, None, None, None, n, "not_applicable", own.name, "cells", keys, detail)


def _told(found: Signature) -> str:
    knobs = knobs_text(found.knobs)
    label = f"{found.arm} ({knobs})" if knobs else found.arm
    readings = [
        f"{r.name} {r.estimate:.2f} {r.unit} [{r.low:.2f}, {r.high:.2f}]"
        for r in found.readings
        if r.estimate is not None and r.low is not None and r.high is not None
    ]
    return f"{label}: {', '.join(readings)}" if readings else label
