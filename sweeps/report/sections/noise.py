"""The noise floor: what draws alone do, what this run can detect, what clones differ by."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from ...analysis.evidence import Cell, Evidence
from ...analysis.power import detectable_effect
from ...analysis.scores import Budget, Side, contrast, own_budget, side_values
from ...answers.naming import cell_label
from ..canvas import Canvas, margin_band, rows_of
from ..look import plain_styles
from ..model import (
    Chart,
    Column,
    Note,
    Part,
    Said,
    Section,
    Source,
    Table,
    estimate,
    headed,
    suffix,
)
from .parts import sides_of

LEAD = (
    "How much a score moves from draw to draw, how much of that pairing takes away, and the smallest true "
    "difference that this run sees in four of five cases."
)


def noise(source: Source) -> Section:
    """Spread over draws, detectable differences, clones."""
    parts: list[Part] = []
    for number, heading, part in source.detailed():
        frame = _floor(part)
        if len(frame):
            parts.append(_table(frame, heading, suffix(number)))
        clones = list(_clones(source, part))
        if clones:
            parts.append(_clone_chart(clones, source.margin, heading, suffix(number)))
            parts.append(_clone_table(clones, heading, suffix(number)))
        elif number == 0:
            parts.append(
                Note(
                    "This ledger holds no A/A clones (cells of the stage control that differ in nothing "
                    "but their seeds); with them, their differences would stand here."
                )
            )
        found = [claim for claim in source.of("noise") if claim.kind != "clones"]
        if found and number == 0:
            parts.append(Said("Noise floor", tuple(found)))
    return Section("noise", "Noise floor", LEAD, tuple(parts), "results with two replicates in common")


def _floor(part: Evidence) -> pd.DataFrame:
    """One row an arm: spread over draws, spread of the paired difference, detectable difference."""
    sides, budget = sides_of(part), own_budget(part)
    base = next((arm for arm in ("none", *sides) if arm in sides), None)
    rows = []
    for arm, side in sides.items():
        scores = side_values(part, budget, [side])[0].dropna()
        row: dict[str, Any] = {"arm": arm, "n": scores.index.get_level_values(0).nunique()}
        row["sd"] = float(scores.std(ddof=1)) if len(scores) > 1 else None
        if base is not None and arm != base:
            d = contrast(part, budget, sides[base], side)
            row |= {"against": base, "sd_paired": d.sd}
            if d.se is not None and d.df is not None:
                row["detectable"] = detectable_effect(d.se, d.df)
        rows.append(row)
    columns = ["arm", "n", "sd", "against", "sd_paired", "detectable"]
    return pd.DataFrame(rows, columns=columns)


def _table(frame: pd.DataFrame, heading: str, end: str) -> Table:
    caption = (
        "Spread over draws in points, each arm at its default cell and own best budget. Detectable: the true "
        "paired difference that a two-sided 5 % test sees with probability 0.8."
    )
    return Table(
        f"noise{end}",
        headed(heading, caption),
        frame,
        (
            Column("arm", "Arm"),
            Column("n", "n"),
            Column("sd", "sd of the score", 2),
            Column("against", "paired with"),
            Column("sd_paired", "sd of the difference", 2),
            Column("detectable", "detectable", 2),
        ),
    )


def _clones(source: Source, part: Evidence) -> Iterator[dict[str, Any]]:
    """Pairs of cells that differ in ``nuisance`` alone, with their differences per replicate."""
    groups: dict[tuple[str, tuple[tuple[str, Any], ...]], list[Cell]] = {}
    for cell in part.cells:
        if cell.stage not in ("design", "control"):
            continue
        rest = tuple(sorted((n, v) for n, v in cell.knobs.items() if n != "nuisance"))
        groups.setdefault((cell.arm, rest), []).append(cell)
    budget: Budget = own_budget(part)
    seeds = {
        line["trial_key"]: int(line["config"].get("nuisance", 0))
        for line in source.lines
        if line.get("kind") == "result"
    }
    for (arm, _), cells in groups.items():
        for first, second in combinations(cells, 2):
            sides = [Side(cell_label(cell), (cell.key,)) for cell in (first, second)]
            values = side_values(part, budget, sides)
            d = contrast(part, budget, *sides)
            yield {
                "arm": arm,
                "first": seeds[first.key],
                "second": seeds[second.key],
                "differences": (values[1] - values[0]).dropna(),
                **estimate(d),
                "sd": d.sd,
                "difference": d,
            }


def _label(clone: dict[str, Any]) -> str:
    return f"{clone['arm']}, seeds {clone['first']} and {clone['second']}"


def _clone_chart(clones: list[dict[str, Any]], margin: float, heading: str, end: str) -> Chart:
    labels = [_label(clone) for clone in clones]
    [small, mean] = plain_styles(2)

    def draw(canvas: Canvas) -> None:
        axes = canvas.figure.subplots()
        rows_of(axes, labels)
        margin_band(axes, margin)
        for i, clone in enumerate(clones):
            values = clone["differences"]
            texts = [
                f"{labels[i]}, replicate {where}: {v:+.2f} points"
                for where, v in zip(values.index, values, strict=True)
            ]
            shifts = i + np.linspace(-0.25, 0.25, len(values)) if len(values) > 1 else [i]
            canvas.points(axes, values, shifts, texts, small, markersize=2.6, alpha=0.6)
            if clone["low"] is not None:
                canvas.whiskers(axes, [i], [clone["low"]], [clone["high"]], mean, horizontal=True)
            canvas.points(
                axes, [clone["estimate"]], [i], [f"{labels[i]}: mean {clone['estimate']:+.2f}"], mean
            )
        axes.set_xlabel("difference between clones, points")

    caption = (
        "A/A clones: the same cell with other seeds of sampler, first weights and batches. Small marks are "
        f"replicates, large ones means with 95 % intervals; the band is ±{margin:.2f} points."
    )
    height = 0.75 + 0.34 * len(clones)
    return Chart(f"clones{end}", headed(heading, caption), draw, (height, height))


def _clone_table(clones: list[dict[str, Any]], heading: str, end: str) -> Table:
    names = ("arm", "first", "second", "estimate", "low", "high", "sd", "n")
    frame = pd.DataFrame([{name: clone[name] for name in names} for clone in clones])
    frame["verdict"] = [clone["difference"].verdict() for clone in clones]
    return Table(
        f"clones{end}",
        headed(heading, "A/A clones: differences in points between cells that differ in their seeds alone."),
        frame,
        (
            Column("arm", "Arm"),
            Column("first", "seed"),
            Column("second", "other seed"),
            Column("estimate", "difference [95 %]", 2, signed=True, ends=("low", "high")),
            Column("sd", "sd", 2),
            Column("n", "n"),
            Column("verdict", "verdict"),
        ),
    )
