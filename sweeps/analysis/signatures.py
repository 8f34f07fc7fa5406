"""Failure signatures of synthetic rows as formal rules: fired, not fired or not testable, with numbers.

A rule reads means over replicates with t intervals, so a cell of one replicate is not testable. Rules
speak of design cells with synthetic rows, one cell at a time or one series of ratios at a time, within
one context. They are exploratory: none is corrected for the number of cells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .evidence import CONTEXT, Cell, gather
from .quality import minority_recalls, quality
from .records import Line
from .signature_rules import (
    CELL_RULES,
    CROSSING,
    PLATEAU,
    SERIES_RULES,
    Finding,
    Known,
    Reading,
    State,
    has_model,
    ratio_of,
)  # fmt: skip

NO_ROW = "no synthetic row"  # how a method says that it made none
SIGNATURES: Mapping[str, str] = {
    "unrealistic_clusters": "more synthetic rows in islands away from real rows than real rows give",
    "minority_plateau": f"minority recall moves less than {PLATEAU} points per 25 % over the last ratios",
    "minority_overfit": "the minority's gap of training and held-out recall grows, its recall does not",
    "vae_collapse": "a VAE makes one row: no dimension in use, no divergence, no variance or one direction",
    "label_crossing": f"{CROSSING:.0f} points more rows among other classes than real rows have",
    "prior_overshift": "the score falls beyond ratio 100, the adjusted score and AUC stay equivalent",
    "no_synthetic": "fewer synthetic rows made than asked for",
}


@dataclass(frozen=True)
class Signature:
    """What a rule found in one cell or one series of ratios.

    Attributes:
        name: a key of ``SIGNATURES``.
        state: fired, not_fired or not_testable.
        arm: the method.
        knobs: its settings; of a series without the ratio.
        context: data, encoder, classifier and steps.
        cells: trial keys of what was read.
        readings: the numbers that it was decided by.
        reason: why it is not testable.
    """

    name: str
    state: State
    arm: str
    knobs: Mapping[str, Any]
    context: Mapping[str, Any]
    cells: tuple[str, ...]
    readings: tuple[Reading, ...] = ()
    reason: str | None = None


def signatures(lines: Sequence[Line]) -> tuple[Signature, ...]:
    """Apply every rule to every design cell, or series of ratios, with synthetic rows.

    Raises:
        SynaugError: lines that cannot be read (exit 4).
    """
    frame, recalls = quality(lines), minority_recalls(lines)
    counts: dict[str, list[Mapping[str, Mapping[str, int]]]] = {}
    for line in lines:
        if line.get("kind") == "result" and line.get("status", "ok") == "ok":
            counts.setdefault(line["trial_key"], []).append(line.get("counts") or {})
    found: list[Signature] = []
    for evidence in gather(lines).contexts():
        known = Known(evidence, frame, recalls, counts)
        cells = [cell for cell in evidence.cells if cell.stage == "design" and cell.synthetic]
        for name, rule in CELL_RULES.items():
            arms = [cell for cell in cells if name != "vae_collapse" or has_model(known, cell)]
            found += [_signature(name, (cell,), cell.knobs, rule(known, cell)) for cell in arms]
        for name, of_series in SERIES_RULES.items():
            found += [_signature(name, s, _common(s), of_series(known, s)) for s in _series(cells)]
    return (*found, *_made_nothing(lines))


def _signature(name: str, cells: Sequence[Cell], knobs: Mapping[str, Any], finding: Finding) -> Signature:
    state, readings, reason = finding
    first = cells[0]
    keys = tuple(cell.key for cell in cells)
    return Signature(name, state, first.arm, knobs, dict(first.context), keys, readings, reason)


def _series(cells: Sequence[Cell]) -> list[tuple[Cell, ...]]:
    """Cells that differ by ratio alone, ascending."""
    groups: dict[Any, list[Cell]] = {}
    for cell in cells:
        if "ratio" in cell.knobs:
            groups.setdefault((cell.arm, tuple(sorted(_common([cell]).items()))), []).append(cell)
    return [tuple(sorted(group, key=ratio_of)) for group in groups.values()]


def _common(cells: Sequence[Cell]) -> dict[str, Any]:
    return {name: value for name, value in cells[0].knobs.items() if name != "ratio"}


def _made_nothing(lines: Sequence[Line]) -> list[Signature]:
    """Cells that do not apply because not one synthetic row was made; they have no counts."""
    last = {line["trial_key"]: line for line in lines if line.get("kind") == "cell"}
    found = []
    for key, line in last.items():
        if line.get("status") == "not_applicable" and str(line.get("reason")).startswith(NO_ROW):
            knobs = {name: v for name, v in line["config"].items() if name not in (*CONTEXT, "arm")}
            context = {name: line["config"][name] for name in CONTEXT if name in line["config"]}
            reading = Reading("achieved / requested", 0.0, 0.0, 0.0, 1.0, "%", 100.0, 0)
            arm = line["config"]["arm"]
            found.append(
                Signature("no_synthetic", "fired", arm, knobs, context, (key,), (reading,), line["reason"])
            )
    return found
