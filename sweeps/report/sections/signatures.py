"""Failure signatures: formal rules on records, each fired, not fired or not testable, arm by arm."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ...answers.sentences import knobs_text
from ...answers.signature import signature_label
from ..claims import Claim
from ..look import in_order
from ..model import Column, Part, Section, Source, Table, headed, suffix

LEAD = (
    "Rules that were fixed before any result was seen. Fired means that the records show the signature, not "
    "that it caused a loss; not testable says that the records hold too little."
)
STATES = ("fired", "not_fired", "not_testable")
Found = Mapping[str, Any]  # one cell or series of ratios, as the claim has it


def signatures(source: Source) -> Section:
    """Two tables a context: each rule with the arms that it fired for, and by which numbers it did."""
    claims = [c for c in source.claims if c.detail.get("signature")]  # also where nothing could be tested
    parts: list[Part] = []
    for number, heading, part in source.detailed():
        context = dict(part.cells[0].context)
        here = {c: [f for f in c.detail["found"] if f["context"] == context] for c in claims}
        if any(here.values()):
            parts.append(_rules(here, heading, suffix(number)))
        if rows := [row for claim, found in here.items() for row in _readings(claim, found)]:
            parts.append(_numbers(rows, heading, suffix(number)))
    wanting = "results of arms that make synthetic rows"
    return Section("signatures", "Failure signatures", LEAD, tuple(parts), wanting)


def _rules(here: Mapping[Claim, Sequence[Found]], heading: str, end: str) -> Table:
    rows = []
    for claim, found in here.items():
        row = {"signature": _title(claim), "rule": claim.detail["what"]}
        rows.append(row | {state: _arms(found, state) for state in STATES})
    columns = (
        Column("signature", "Signature"),
        Column("rule", "rule"),
        Column("fired", "fired"),
        Column("not_fired", "not fired"),
        Column("not_testable", "not testable"),
    )
    caption = (
        "Cells of the design (how many), or series that differ by ratio alone, at their own best budget."
    )
    return Table(f"signatures{end}", headed(heading, caption), pd.DataFrame(rows), columns)


def _arms(found: Sequence[Found], state: str) -> str:
    """``ros (1), smote (6)``: how many cells or series of each arm are in a state."""
    counts = Counter(one["arm"] for one in found if one["state"] == state)
    return ", ".join(f"{arm} ({counts[arm]})" for arm in in_order(counts))


def _readings(claim: Claim, found: Sequence[Found]) -> list[dict[str, Any]]:
    """The numbers behind each cell or series that a rule fired for."""
    rows = []
    for one in found:
        if one["state"] == "fired":
            cell = {"signature": _title(claim), "arm": one["arm"], "knobs": knobs_text(one["knobs"])}
            rows += [cell | dict(reading) for reading in one["readings"]]
    return rows


def _numbers(rows: Sequence[Mapping[str, Any]], heading: str, end: str) -> Table:
    columns = (
        Column("signature", "Signature"),
        Column("arm", "arm"),
        Column("knobs", "knobs"),
        Column("name", "what the rule reads"),
        Column("estimate", "mean", 2, ends=("low", "high")),
        Column("bound", "bound", 2),
        Column("unit", "unit"),
        Column("n", "n"),
    )
    caption = "What fired: the numbers that the rule read, with intervals, and what it compares them with."
    return Table(f"signatures-fired{end}", headed(heading, caption), pd.DataFrame(rows), columns)


def _title(claim: Claim) -> str:
    """``Unrealistic clusters``."""
    label = signature_label(claim.detail["signature"])
    return f"{label[:1].upper()}{label[1:]}"
