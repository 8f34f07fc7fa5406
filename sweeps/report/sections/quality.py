"""Synthetic rows beside real ones: diagnostics with the band that real rows give against real ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ...analysis.evidence import Evidence
from ...analysis.paired import student
from ...analysis.records import Line
from ...answers.naming import cell_label
from ..model import Column, Note, Part, Section, Source, Table, headed, rows_in, suffix
from .parts import per_result, sides_of
from .rows_map import rows_map

LEAD = (
    "Diagnostics of synthetic rows say little alone: beside each stands the band that held-out real rows "
    "give "
    "against real ones. In high dimensions density and coverage reward rows that collapse to the mean; "
    "read them "
    "with recall and variance ratio."
)
PICTURES = (
    "A larger picture of the rows of every cell, made in the same way, is in its MLflow run (points.png)."
)
ELSEWHERE = r"_parents$|^vae_kl_\d+$"  # in the longer table, and in the figure of latent dimensions
NULLS = ("_null_low", "_null_high", "_null")


def quality(source: Source) -> Section:
    """Diagnostics of every arm's default cell, inside or outside of the band."""
    parts: list[Part] = []
    for number, heading, part in source.detailed():
        frame = diagnostics_of(source, part, [side.keys[0] for side in sides_of(part).values()])
        if len(frame):
            shown = frame[~frame["diagnostic"].str.contains(ELSEWHERE)]
            parts += [_across(shown, heading, suffix(number))] if len(shown) else []
            parts.append(_table(frame, heading, suffix(number)))
            figure = rows_map(source, part, heading, suffix(number))
            parts += [figure] if figure else []
    if parts:
        parts.append(
            Note("A value outside of the band is a difference from real rows, not a verdict on usefulness.")
        )
    if parts and source.evidence.header:
        parts.append(Note(PICTURES))
    wanting = "results with diagnostics of synthetic rows (diagnostics of a result line)"
    return Section("quality", "Synthetic rows", LEAD, tuple(parts), wanting)


def numbers(line: Line) -> Mapping[str, float]:
    """The diagnostics of a result that are numbers."""
    found = line.get("diagnostics") or {}
    return {
        name: float(v) for name, v in found.items() if isinstance(v, int | float) and not isinstance(v, bool)
    }


def diagnostics_of(source: Source, part: Evidence, keys: list[str]) -> pd.DataFrame:
    """One row per cell and diagnostic: mean over replicates with interval, mean band, where it lies."""
    cells = {cell.key: cell for cell in part.cells}
    rows: list[dict[str, Any]] = []
    for key, table in per_result(source.lines, part, keys, numbers).items():
        for name in table.columns:
            if name.endswith(NULLS):
                continue
            d = student(table[name].dropna().to_numpy())
            low, high = d.interval() or (None, None)
            row: dict[str, Any] = {
                "cell": cell_label(cells[key]),
                "arm": cells[key].arm,
                "key": key,
                "diagnostic": name,
            }
            row |= {"mean": d.estimate, "low": low, "high": high, "n": d.n}
            rows.append(row | _band(table, name, d.estimate))
    return pd.DataFrame(rows)


def _band(table: pd.DataFrame, name: str, mean: float | None) -> dict[str, Any]:
    names = (f"{name}_null_low", f"{name}_null_high")
    if not set(names) <= set(table.columns) or mean is None:
        return {"band_low": None, "band_high": None, "lies": None}
    low, high = (float(table[n].mean()) for n in names)
    return {
        "band_low": low,
        "band_high": high,
        "lies": "below" if mean < low else "above" if mean > high else "within",
    }


def _across(frame: pd.DataFrame, heading: str, end: str) -> Table:
    """One row a diagnostic, one column an arm; an arrow where the mean lies outside of the band."""
    arms = list(dict.fromkeys(frame["arm"]))
    rows: list[dict[str, Any]] = []
    for name, group in frame.groupby("diagnostic", sort=False):
        found = {row["arm"]: row for row in rows_in(group)}
        banded = [row for row in found.values() if row["band_low"] is not None]
        row: dict[str, Any] = {"diagnostic": str(name).replace("_", " "), "band": None}
        if banded:
            ends = [sum(r[f"band_{e}"] for r in banded) / len(banded) for e in ("low", "high")]
            row["band"] = f"{_short(ends[0])} to {_short(ends[1])}"
        for arm in arms:
            mark = {"below": " ↓", "above": " ↑"}.get(str(found[arm]["lies"]), "") if arm in found else ""
            row[arm] = _short(found[arm]["mean"]) + mark if arm in found else None
        rows.append(row)
    columns = (Column("diagnostic", "Diagnostic"), Column("band", "real rows"), *(Column(a, a) for a in arms))
    caption = (
        "Diagnostics of each arm's default cell, means over replicates; an arrow marks a mean outside of "
        "the band "
        "that real rows give against real rows."
    )
    return Table(f"quality{end}", headed(heading, caption), pd.DataFrame(rows), columns)


def _short(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def _table(frame: pd.DataFrame, heading: str, end: str) -> Table:
    shown = frame.assign(diagnostic=frame["diagnostic"].str.replace("_", " "))
    columns = (
        Column("arm", "Arm"),
        Column("diagnostic", "diagnostic"),
        Column("mean", "mean [95 %]", 3, ends=("low", "high")),
        Column("band_low", "real rows from", 3),
        Column("band_high", "to", 3),
        Column("lies", "lies"),
        Column("n", "n"),
    )
    caption = (
        "Diagnostics of the default cells: mean over replicates, and the band of real rows against real rows."
    )
    return Table(f"quality-all{end}", headed(heading, caption), shown, columns)
