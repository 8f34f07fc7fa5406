"""The table of arms for the console: one row an arm at its default cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from ..analysis.evidence import Evidence, gather
from ..analysis.records import Line
from ..analysis.scores import Side, contrast, infer, own_budget, side_values, table
from .method import BASELINES, default_sides

STAGES = ("design", "exploit")  # clones and confirmations are no cells of their own
COLUMNS = ("context", "arm", "cells", "n", "mean", "low", "high", "steps_low", "steps_high")


def arm_table(lines: Sequence[Line]) -> pd.DataFrame:
    """One row per context and arm, the highest mean first, at each arm's own best budget.

    Columns: context, arm, cells (with results), n replicates, ``mean`` balanced accuracy of the default
    cell in per cent with its 95 % interval ``low`` and ``high``, the range of the chosen steps, and for each
    of none, logit_adjust and ros the paired difference in points ``to_X``, ``to_X_low``, ``to_X_high``.
    Missing where there is no such number.
    """
    rows = [
        row for part in gather(lines).contexts() for row in sorted(_rows(part), key=lambda row: -row["mean"])
    ]
    differences = [f"to_{base}{end}" for base in BASELINES for end in ("", "_low", "_high")]
    return pd.DataFrame(rows, columns=[*COLUMNS, *differences])


def _rows(evidence: Evidence) -> list[dict[str, Any]]:
    sides = default_sides(evidence)
    return [_row(evidence, side, sides) for side in sides.values()]


def _row(evidence: Evidence, side: Side, sides: dict[str, Side]) -> dict[str, Any]:
    own = own_budget(evidence)
    mean = infer(evidence, side_values(evidence, own, [side])[0])
    low, high = mean.interval() or (None, None)
    steps = table(evidence, own, "chosen_steps").reindex(columns=list(side.keys)).iloc[:, 0].dropna()
    row: dict[str, Any] = {
        "context": ", ".join(str(value) for _, value in evidence.cells[0].context),
        "arm": side.label,
        "cells": sum(cell.arm == side.label and cell.stage in STAGES for cell in evidence.cells),
        "n": mean.n,
        "mean": mean.estimate,
        "low": low,
        "high": high,
        "steps_low": int(steps.min()) if len(steps) else None,
        "steps_high": int(steps.max()) if len(steps) else None,
    }
    for base in BASELINES:
        if base in sides and base != side.label:
            d = contrast(evidence, own, sides[base], side)
            ends = d.interval() or (None, None)
            row |= {f"to_{base}": d.estimate, f"to_{base}_low": ends[0], f"to_{base}_high": ends[1]}
    return row
