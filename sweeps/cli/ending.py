"""What a sweep and the gate print when they end: scores, the first answer, where to look."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.text import Text

from ..answers import arm_table, ask
from ..answers.method import BASELINES
from ..launch import Ended
from ..ledger import Line, read
from ..places import Places
from ..record import interval
from .showing import out, say, table

MOST_RUNGS = 8  # columns of a table


def percent(mean: float, ends: tuple[float, float] | None) -> str:
    """A fraction as per cent with its interval."""
    return f"{100 * mean:.1f}" + (f" [{100 * ends[0]:.1f}, {100 * ends[1]:.1f}]" if ends else "")


def show_test(lines: Sequence[Line]) -> None:
    """Print the test scores of each cell: at the chosen budget and along the ladder."""
    cells: dict[str, list[Line]] = {}
    for line in lines:
        if line["status"] == "ok":
            cells.setdefault(line["trial_key"], []).append(line)
    ladder = [rung["steps"] for rung in next(iter(cells.values()))[0]["curve"]] if cells else []
    shown = _thinned(len(ladder))
    rungs = [ladder[i] for i in shown]
    rows = table("cell", "n", "test balanced accuracy, % [95 %]", *(f"{steps} steps" for steps in rungs))
    for results in cells.values():
        values = [r["scores"]["test_balanced_accuracy"] for r in results]
        curve = [np.mean([r["curve"][i]["test_balanced_accuracy"] for r in results]) for i in shown]
        config = results[0]["config"]
        knobs = " ".join(
            f"{k}={v}" for k, v in config.items() if k in ("k", "metric", "ratio", "latent", "kind")
        )
        name = f"{config['arm']} {knobs}"
        scores = percent(float(np.mean(values)), interval(values))
        rows.add_row(Text(name), str(len(values)), scores, *(f"{100 * v:.1f}" for v in curve))
    part = f", {len(rungs)} of {len(ladder)} rungs" if len(rungs) < len(ladder) else ""
    say(f"Test rows, read once; columns by steps are means over replicates and fold models{part}:")
    out.print(rows)


def _thinned(rungs: int) -> list[int]:
    """Positions of the rungs that a table has room for: the first, the last and some between."""
    return sorted({round(float(i)) for i in np.linspace(0, rungs - 1, min(rungs, MOST_RUNGS))})


def show_arms(lines: Sequence[Line]) -> None:
    """Print every arm at its default cell: score, chosen budget, difference to the baselines."""
    frame = arm_table(lines)
    if not len(frame):
        return
    bases = [base for base in BASELINES if frame[f"to_{base}"].notna().any()]
    heads = [f"- {base}, points" for base in bases]
    say("Each arm at its default knobs and at its own best budget, which the folds choose:")
    for context, part in frame.groupby("context", sort=False):
        if frame["context"].nunique() > 1:
            say(f"{context}:")
        rows = table("arm", "cells", "n", "balanced accuracy, % [95 %]", "steps", *heads)
        for row in part.to_dict("records"):
            gains = [_signed(row, f"to_{base}") for base in bases]
            steps = f"{row['steps_low']:.0f} to {row['steps_high']:.0f}"
            score = f"{row['mean']:.1f}{_ends(row['low'], row['high'])}"
            rows.add_row(row["arm"], str(row["cells"]), str(row["n"]), score, steps, *gains)
        out.print(rows)


def _signed(row: Mapping[Hashable, Any], name: str) -> str:
    if pd.isna(row[name]):
        return "-"
    return f"{row[name]:+.1f}{_ends(row[f'{name}_low'], row[f'{name}_high'])}"


def _ends(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None or pd.isna(low) else f" [{low:.1f}, {high:.1f}]"


def end_facts(places: Places, ended: Ended) -> dict[str, Any]:
    """How a sweep ended, for ``--json``."""
    from ..standing import standing

    return {
        "exit": int(ended.exit),
        "done": ended.done,
        "total": ended.total,
        "notes": list(ended.notes),
        "out": str(places.out),
        "status": standing(places.out, read(places.ledger, strict=False).lines),
    }


def show_end(places: Places, ended: Ended, console: Console) -> None:
    """Print the table of arms, the first answer, where to look, and how to go on."""
    lines = read(places.ledger, strict=False).lines
    show_arms(lines)
    if any(line["kind"] == "result" and line["status"] == "ok" for line in lines):
        say(ask(lines, "method").answers[0].sentence)
    for text in ended.notes:
        console.print(Text(f"note: {text}"), soft_wrap=True)
    console.print(f"{ended.done} of {ended.total} cells are finished, in {places.out}", soft_wrap=True)
    if ended.done < ended.total:
        console.print(f"go on:   synaug sweep {places.spec} --out {places.out}", soft_wrap=True)
    console.print(f"compare: synaug ui {places.out}", soft_wrap=True)
    console.print(
        f"ask:     synaug ask {places.out} method   (or budget, ratio, k, metric, latent, vae, winner, all)",
        soft_wrap=True,
    )
