"""Knobs of the arms: k against metric as a map, every other knob level by level."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.patches import Rectangle

from ...analysis.evidence import Cell, Evidence
from ...analysis.scores import Side, contrast, own_budget
from ...answers.levels import levels_of
from ...answers.sentences import level_text
from ..canvas import Canvas
from ..forest import forest, rows_height
from ..look import INK, in_order, plain_styles
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
    rows_in,
    said,
    suffix,
)
from .bars import share_chart
from .parts import claims_in, row_of
from .views import shares_in, unexplained, view_table, views_of

LEAD = (
    "Within one arm, at otherwise equal settings and at its own best budget: does the level of a knob "
    "matter? "
    "A wide interval is no evidence that it does not."
)
OTHERS = ("ratio", "latent")  # have sections of their own
NOT_KNOBS = ("nuisance", "draws", "imbalance")


def knobs(source: Source) -> Section:
    """The map of k and metric, then each knob's levels against the default one."""
    parts: list[Part] = []
    for number, heading, part in source.detailed():
        for arm in in_order(part.arms):
            grid = _grid(part, arm)
            if grid is not None:
                name = f"k-metric-{arm}{suffix(number)}"
                parts += [_map(source, grid, arm, name, heading), _map_table(grid, arm, name, heading)]
        for knob in _names(part):
            frame = _levels(part, knob)
            if len(frame):
                parts.append(_level_chart(source, frame, knob, f"{knob}{suffix(number)}", heading))
                parts.append(_level_table(frame, knob, f"{knob}{suffix(number)}", heading))
        shares = shares_in(source, part, (*_names(part), *OTHERS))
        if shares:
            parts.append(share_chart(f"shares{suffix(number)}", shares, heading))
        if views := views_of(source, part):
            parts.append(view_table(views, heading, suffix(number)))
        parts += [Note(text) for text in unexplained(source, part)]
        found = [
            claim
            for knob in _names(part)
            for claim in claims_in(source, part, knob)
            if claim.kind in ("summary", "curve", "cross", "identical", "share", "second_view")
            and claim.entry["budget"] != "common"
        ]
        if found:
            parts.append(Said(f"Knobs{': ' + heading if heading else ''}", tuple(found)))
    wanting = "an arm with two levels of k, metric or another knob at otherwise equal settings"
    return Section("knobs", "Neighbours, metric and other knobs", LEAD, tuple(parts), wanting)


def _names(part: Evidence) -> list[str]:
    found = dict.fromkeys(name for cell in part.cells if cell.stage == "design" for name in cell.knobs)
    first = [name for name in ("k", "metric") if name in found]
    skipped = {*first, *OTHERS, *NOT_KNOBS}
    return [*first, *(name for name in found if name not in skipped and "." not in name)]


def _levels(part: Evidence, knob: str) -> pd.DataFrame:
    """One row per arm and level: the paired difference to the arm's default level."""
    own, rows = own_budget(part), []
    for arm in in_order(part.arms):
        levels = levels_of(part, arm, knob)
        if levels is None:
            continue
        start = levels.side(levels.default)
        for value in levels.values:
            if value == levels.default:
                continue
            d = contrast(part, own, start, levels.side(value))
            row = row_of(f"{arm}, {level_text(value)}", d, arm=arm, level=level_text(value))
            rows.append(row | {"default": level_text(levels.default), "settings": levels.settings})
    return pd.DataFrame(rows)


def _level_chart(source: Source, frame: pd.DataFrame, knob: str, name: str, heading: str) -> Chart:
    rows = rows_in(frame)
    [style] = plain_styles(1)

    def draw(canvas: Canvas) -> None:
        axes = canvas.figure.subplots()
        forest(canvas, axes, [r["label"] for r in rows], [(style, rows)], source.margin, "points")

    defaults = ", ".join(
        f"{arm} {value}" for arm, value in dict(zip(frame["arm"], frame["default"], strict=True)).items()
    )
    caption = (
        f"{knob}: each level against the arm's default level ({defaults}), paired, 95 % intervals, "
        f"n = {int(frame['n'].max())}. The band is ±{source.margin:.2f} points."
    )
    height = rows_height(len(rows))
    return Chart(f"knob-{name}", headed(heading, caption), draw, (height, height))


def _level_table(frame: pd.DataFrame, knob: str, name: str, heading: str) -> Table:
    columns = (
        Column("arm", "Arm"),
        Column("level", knob),
        Column("estimate", "points [95 %]", 2, signed=True, ends=("low", "high")),
        Column("n", "n"),
        Column("settings", "settings"),
    )
    caption = f"Levels of {knob} against the default level, paired; averaged over settings of other knobs."
    return Table(
        f"knob-{name}", headed(heading, caption), frame.drop(columns=["label", "text"]), columns, wide=False
    )


def _grid(part: Evidence, arm: str) -> pd.DataFrame | None:
    """Cells of k by metric at the default's other knobs, each against the default; None without a grid."""
    default = part.default(arm)
    if default is None or not {"k", "metric"} <= set(default.knobs):
        return None
    cells = {(c.knobs["k"], c.knobs["metric"]): c for c in _like(part, default)}
    ks, metrics = sorted({k for k, _ in cells}), sorted({m for _, m in cells})
    if len(ks) < 2 or len(metrics) < 2:
        return None
    own, start = own_budget(part), Side(arm, (default.key,))
    rows = []
    for k, metric in product(ks, metrics):
        cell = cells.get((k, metric))
        row: dict[str, Any] = {"k": k, "metric": metric, "default": cell is default}
        if cell is not None:
            d = contrast(part, own, start, Side(arm, (cell.key,)))
            row |= estimate(d) | {"apart": d.excludes_zero(), "difference": d}
        rows.append(row)
    return pd.DataFrame(rows)


def _like(part: Evidence, default: Cell) -> Iterator[Cell]:
    """Design cells of the default's arm that differ from it in k and metric alone."""
    for cell in part.grid(default.arm):
        names = set(cell.knobs) | set(default.knobs)
        if all(cell.knobs.get(n) == default.knobs.get(n) for n in names - {"k", "metric"}):
            yield cell


def _map(source: Source, grid: pd.DataFrame, arm: str, name: str, heading: str) -> Chart:
    ks, metrics = sorted(set(grid["k"])), sorted(set(grid["metric"]))
    top = max(float(grid["estimate"].abs().max()), source.margin)
    [style] = plain_styles(1)

    def draw(canvas: Canvas) -> None:
        axes = canvas.figure.subplots()
        for row in rows_in(grid):
            x, y = metrics.index(row["metric"]), ks.index(row["k"])
            if pd.isna(row.get("estimate")):
                axes.text(x, y, "not run", ha="center", va="center", fontsize=7, color="#68727d")
                continue
            share = row["estimate"] / top
            color = "#0b5fa5" if share > 0 else "#c4501b"
            axes.add_patch(
                Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=color, alpha=0.55 * abs(share), linewidth=0)
            )
            _frame(axes, x, y, row, source.margin)
            text = (
                "default"
                if row["default"]
                else f"{row['estimate']:+.2f}\n[{row['low']:+.2f}, {row['high']:+.2f}]"
            )
            axes.text(x, y, text, ha="center", va="center", fontsize=7)
            label = f"k {row['k']}, {row['metric']}: {said(row)}"
            canvas.points(axes, [x], [y], [label], style, alpha=0, markersize=22)
        axes.set_xticks(range(len(metrics)), metrics)
        axes.set_yticks(range(len(ks)), [str(k) for k in ks])
        axes.set(xlim=(-0.5, len(metrics) - 0.5), ylim=(-0.5, len(ks) - 0.5), xlabel="metric", ylabel="k")

    caption = (
        f"{arm}: paired difference in points to its default (k and metric), 95 % intervals below. "
        "Hatched: the "
        f"interval holds 0. Framed: equivalent within ±{source.margin:.2f} points."
    )
    height = 0.8 + 0.46 * len(ks)
    return Chart(name, headed(heading, caption), draw, (height, height))


def _frame(axes: Any, x: int, y: int, row: dict[Any, Any], margin: float) -> None:
    """Hatch what cannot be told from the default, frame what is equivalent to it."""
    if row["default"]:
        return
    if not row["apart"]:
        axes.add_patch(
            Rectangle(
                (x - 0.48, y - 0.48), 0.96, 0.96, fill=False, hatch="///", edgecolor="#dfe3e8", linewidth=0
            )
        )
    if row["difference"].within(margin):
        axes.add_patch(Rectangle((x - 0.46, y - 0.46), 0.92, 0.92, fill=False, edgecolor=INK, linewidth=1.3))


def _map_table(grid: pd.DataFrame, arm: str, name: str, heading: str) -> Table:
    columns = (
        Column("k", "k"),
        Column("metric", "metric"),
        Column("estimate", "points [95 %]", 2, signed=True, ends=("low", "high")),
        Column("n", "n"),
    )
    frame = grid.drop(columns=["difference"]).dropna(subset=["estimate"]).reset_index(drop=True)
    caption = f"{arm}: k by metric against the default cell, paired."
    return Table(name, headed(heading, caption), frame.astype({"n": np.int64}), columns, wide=False)
