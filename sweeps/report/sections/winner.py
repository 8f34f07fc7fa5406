"""The winner: its score on the folds, on dev, on fresh draws and on the test rows, side by side."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from ...analysis.evidence import Cell, Evidence
from ...analysis.paired import student
from ...analysis.records import Line
from ...analysis.scores import Budget, Side, own_budget, table
from ...answers.compare import ranked
from ...answers.naming import cell_label
from ..model import (
    Column,
    Note,
    Part,
    Said,
    Section,
    Source,
    Table,
    headed,
    suffix,
)
from .parts import claims_in, mean_of
from .searched import searched

LEAD = (
    "The best of many cells looks better than it is on the numbers that chose it. What counts is the "
    "score on "
    "draws and rows that chose nothing."
)
STAGES = ("design", "exploit")


def winner(source: Source) -> Section:
    """The leading cell of each arm, in every measure that the ledger holds."""
    tests = _test_scores(source.lines)
    parts: list[Part] = []
    for number, heading, part in source.detailed():
        frame = pd.DataFrame(list(_rows(part, tests)))
        if len(frame) > 1:
            parts.append(_table(frame, heading, suffix(number)))
        charts = (searched(source, part, arm, heading, suffix(number)) for arm in part.arms)
        parts += [chart for chart in charts if chart is not None]
        found = claims_in(source, part, "winner")
        if found:
            parts.append(Said(f"Winner{': ' + heading if heading else ''}", tuple(found)))
    if parts and not tests:
        parts.append(Note("The test rows have not been read: the gate (synaug test) is shut."))
    return Section("winner", "Winner", LEAD, tuple(parts), "results of two arms or more")


def _test_scores(lines: Any) -> dict[str, dict[int, float]]:
    """Test balanced accuracy in per cent by cell and replicate."""
    found: dict[str, dict[int, float]] = {}
    for line in lines:
        if line.get("kind") == "test" and line.get("status") == "ok" and "trial_key" in line:
            score = _test_score(line)
            if score is not None:
                found.setdefault(line["trial_key"], {}).setdefault(line["replicate"], 100 * score)
    return found


def _test_score(line: Line) -> float | None:
    score = (line.get("scores") or {}).get("test_balanced_accuracy")
    return float(score) if isinstance(score, int | float) else None


def _rows(part: Evidence, tests: dict[str, dict[int, float]]) -> Iterator[dict[str, Any]]:
    own = own_budget(part)
    for arm in part.arms:
        cells = [cell for cell in part.grid(arm, exploit=True) if cell.stage in STAGES]
        order = ranked(part, own, [Side(cell.key, (cell.key,)) for cell in cells])
        if not order:
            continue
        cell = next(cell for cell in cells if cell.key == order[0].label)
        yield _row(part, own, cell, len(cells), tests)


def _row(
    part: Evidence, own: Budget, cell: Cell, of: int, tests: dict[str, dict[int, float]]
) -> dict[str, Any]:
    row: dict[str, Any] = {"cell": cell_label(cell), "stage": cell.stage, "of": of}
    folds = table(part, own, "cv").reindex(columns=[cell.key]).iloc[:, 0].dropna()
    row["cv"] = 100 * float(folds.mean()) if len(folds) else None
    row |= _named("dev", mean_of(part, own, Side(cell.key, (cell.key,))))
    confirmed = [c for c in part.cells if c.stage == "confirm" and _same(c, cell)]
    if confirmed:
        row |= _named("confirm", mean_of(part, own, Side(confirmed[0].key, (confirmed[0].key,))))
    if cell.key in tests:
        row |= _named("test", student(list(tests[cell.key].values())))
    return row


def _same(confirmed: Cell, cell: Cell) -> bool:
    knobs = {name: value for name, value in confirmed.knobs.items() if name != "draws"}
    return confirmed.arm == cell.arm and knobs == dict(cell.knobs)


def _named(name: str, d: Any) -> dict[str, Any]:
    low, high = d.interval() or (None, None)
    return {name: d.estimate, f"{name}_low": low, f"{name}_high": high, f"{name}_n": d.n}


def _table(frame: pd.DataFrame, heading: str, end: str) -> Table:
    labels = {"dev": "dev, search draws [95 %]", "confirm": "fresh draws [95 %]", "test": "test rows [95 %]"}
    columns = (
        Column("cell", "Leading cell of each arm"),
        Column("of", "chosen from"),
        Column("stage", "stage"),
        Column("cv", "folds (they chose it)", 1),
        *(Column(n, label, 1, ends=(f"{n}_low", f"{n}_high")) for n, label in labels.items() if n in frame),
        Column("dev_n", "n"),
    )
    caption = (
        "Balanced accuracy in per cent of the cell that leads its arm on the folds. Cells of the stage "
        "exploit are "
        "adaptive: they serve to find a winner and answer no question of sensitivity."
    )
    frame = frame.sort_values("dev", ascending=False, kind="stable").reset_index(drop=True)
    return Table(f"winner{end}", headed(heading, caption), frame, columns)
