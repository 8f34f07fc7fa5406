"""Diagnostics of synthetic rows as a frame: each beside its band of real against real."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from synaug.diagnostics import band
from synaug.diagnostics.table import NULL

from .records import Line, scored

COLUMNS = ("trial_key", "replicate", "name", "value", "null", "null_low", "null_high")


def quality(lines: Sequence[Line]) -> pd.DataFrame:
    """One row per (trial_key, replicate, diagnostic), in ledger order.

    Columns: trial_key, replicate, name, value, and the mean, least and greatest value of real rows in
    the place of synthetic ones: ``null``, ``null_low``, ``null_high``; missing where there is no band.
    """
    rows = []
    for line in scored(lines):
        given = line.get("diagnostics") or {}
        for name, value in given.items():
            if NULL not in name:
                ends = band(given, name) or (None, None, None)
                rows.append((line["trial_key"], line["replicate"], name, value, *ends))
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(dict.fromkeys(COLUMNS[3:], "float64"))


def values_of(frame: pd.DataFrame, key: str, name: str, above: str | None = None) -> pd.Series:
    """A diagnostic of a cell by replicate, less a column of its band where one is named."""
    mine = frame[(frame["trial_key"] == key) & (frame["name"] == name)].set_index("replicate")
    return mine["value"] if above is None else mine["value"] - mine[above]


def minority_recalls(lines: Sequence[Line]) -> pd.DataFrame:
    """Mean recall over the classes with fewer rows than the largest: rows replicates, columns trial keys.

    Fractions, on the rows that the line is scored on; missing where a line does not hold it.
    """
    rows = [(line["replicate"], line["trial_key"], _minority_recall(line)) for line in scored(lines)]
    frame = pd.DataFrame(rows, columns=["replicate", "trial_key", "recall"]).astype({"recall": "float64"})
    return frame.pivot_table(index="replicate", columns="trial_key", values="recall", aggfunc="first")


def _minority_recall(line: Line) -> float | None:
    real, classes = (line.get("counts") or {}).get("real") or {}, line.get("per_class") or {}
    found = [classes.get(name, {}).get("recall") for name, n in real.items() if n < max(real.values())]
    return sum(found) / len(found) if found and None not in found else None
