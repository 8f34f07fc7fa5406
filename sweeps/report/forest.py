"""Estimates with intervals, one a row: the chart that most comparisons are drawn with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from .canvas import Canvas, margin_band, rows_of
from .look import Style

Rows = Sequence[Mapping[str, Any]]


def forest(
    canvas: Canvas,
    axes: Axes,
    labels: Sequence[str],
    groups: Sequence[tuple[Style, Rows]],
    margin: float | None,
    xlabel: str,
) -> None:
    """Draw rows of estimates; groups stand below one another within a row.

    Args:
        canvas: the figure.
        axes: where in it.
        labels: names of the rows, from the top.
        groups: style and rows of each group; a row has label, estimate, low, high and text.
        margin: half width of the shaded band around 0; None for none.
        xlabel: what the estimates are, with unit.
    """
    rows_of(axes, labels)
    if margin is not None:
        margin_band(axes, margin)
    shifts = np.linspace(-0.22, 0.22, len(groups)) if len(groups) > 1 else np.zeros(1)
    places = {label: i for i, label in enumerate(labels)}
    for number, ((style, rows), shift) in enumerate(zip(groups, shifts, strict=True)):
        shown = [row for row in rows if row["label"] in places and row["estimate"] is not None]
        at = np.array([places[row["label"]] + shift for row in shown])
        low, high = (
            np.array([np.nan if row[e] is None else row[e] for row in shown], dtype=float)
            for e in ("low", "high")
        )
        canvas.whiskers(axes, at, low, high, style, number, horizontal=True)
        canvas.points(
            axes, [row["estimate"] for row in shown], at, [row["text"] for row in shown], style, number
        )
    axes.set_xlabel(xlabel)
    axes.margins(x=0.06)


def rows_height(rows: int, groups: int = 1, panels: int = 1) -> float:
    """Inches that a forest of so many rows needs."""
    return panels * (0.62 + rows * (0.2 + 0.075 * max(1, groups)))
