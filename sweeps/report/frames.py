"""The records of a report as frames: the design, every result, every fold."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import pandas as pd

from ..analysis.records import Line, folds, records, scored

KEYS = ["trial_key", "replicate"]


def design(lines: Sequence[Line]) -> pd.DataFrame:
    """One row per cell that the ledger knows: key, number, stage, configuration, how it ended.

    Columns after those: status and reason of its last ``cell`` line (missing while it is open), and
    ``results``, the replicates that have a score.
    """
    cells: dict[str, dict[str, Any]] = {}
    for line in lines:
        if line.get("kind") not in ("start", "result", "cell") or "config" not in line:
            continue
        row = cells.setdefault(
            line["trial_key"],
            {"trial_key": line["trial_key"], "number": None, "stage": line.get("stage", "design")}
            | dict(line["config"]),
        )
        if row["number"] is None:
            row["number"] = line.get("number")
        if line["kind"] == "cell":
            row |= {"status": line.get("status"), "reason": line.get("reason")}
    results = pd.Series([line["trial_key"] for line in scored(lines)], dtype=object).value_counts()
    frame = pd.DataFrame(list(cells.values()))
    if len(frame):
        frame["results"] = frame["trial_key"].map(results).fillna(0).astype("int64")
    return frame


def results(lines: Sequence[Line]) -> pd.DataFrame:
    """``records`` with, per result, its counts of rows, diagnostics, recall of each class and seconds."""
    more = pd.DataFrame([_more(line) for line in scored(lines)])
    frame = records(lines)
    return frame.merge(more, on=KEYS, how="left", validate="one_to_one") if len(frame) else frame


def _more(line: Line) -> dict[str, Any]:
    row: dict[str, Any] = {"trial_key": line["trial_key"], "replicate": line["replicate"]}
    for kind, counts in (line.get("counts") or {}).items():
        row[f"rows.{kind}"] = sum(counts.values())
    for name, value in (line.get("diagnostics") or {}).items():
        if isinstance(value, int | float):
            row[f"diagnostics.{name}"] = float(value)
    for name, scores in (line.get("per_class") or {}).items():
        row |= {f"{measure}.{name}": value for measure, value in scores.items()}
    return row | {f"seconds.{name}": value for name, value in (line.get("seconds") or {}).items()}


def parquet(frame: pd.DataFrame) -> bytes:
    """A frame as Parquet; a column that holds numbers and words is written as text."""
    plain = frame.copy()
    for name in [n for n in plain.columns if plain[n].dtype.kind == "O"]:
        kinds = {type(value) for value in plain[name].dropna()}
        if len(kinds) > 1 and not kinds <= {int, float}:
            plain[name] = plain[name].map(str, na_action="ignore")
        elif kinds and kinds <= {int, float}:
            plain[name] = plain[name].astype("float64")
    stream = io.BytesIO()
    plain.to_parquet(stream, index=False, engine="pyarrow")
    return stream.getvalue()


def all_frames(lines: Sequence[Line]) -> dict[str, pd.DataFrame]:
    """The frames by the stem of their file."""
    return {"design": design(lines), "records": results(lines), "folds": folds(lines)}
