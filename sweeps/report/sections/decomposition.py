"""Every gain in two parts: what a moved threshold also gives, and what the geometry adds."""

from __future__ import annotations

from typing import Any

from ..canvas import Canvas, rows_of
from ..forest import rows_height
from ..look import MUTED, NEUTRAL, SERIES, Style, in_order
from ..model import Chart, Key, headed, said

PRIOR, GEOMETRY = Style(NEUTRAL[1], "-", "s", False), Style(SERIES[0], "-", "D")


def split_chart(parts: list[Any], heading: str, end: str) -> Chart:
    """Two bars an arm: what the moved threshold gives, and what the geometry adds to or takes from it."""
    place = {arm: i for i, arm in enumerate(in_order(part["arm"] for part in parts))}
    parts = sorted(parts, key=lambda part: place[part["arm"]])
    labels = [part["arm"] for part in parts]

    def draw(canvas: Canvas) -> None:
        axes = canvas.figure.subplots()
        rows_of(axes, labels)
        axes.axvline(0, color=MUTED, linewidth=0.8)
        for i, part in enumerate(parts):
            prior, left = part["prior_shift"], part["geometry"]
            start = prior["estimate"]
            axes.barh(i, start, 0.5, color="none", edgecolor=PRIOR.color, hatch="////", linewidth=0.8)
            axes.barh(i, left["estimate"], 0.3, start, color=GEOMETRY.color, alpha=0.85)
            if left["low"] is not None:
                ends = [start + left["low"]], [start + left["high"]]
                canvas.whiskers(axes, [i], *ends, Style(NEUTRAL[0], "-", "o"), horizontal=True)
            texts = [f"{labels[i]}: prior shift {said(prior)}"]
            canvas.points(axes, [start], [i], texts, PRIOR, markersize=3)
            total = part["total"]
            texts = [f"{labels[i]}: geometry {said(left)}; together {said(total)}"]
            canvas.points(axes, [total["estimate"]], [i], texts, GEOMETRY, markersize=4.5)
        axes.set_xlabel("points of balanced accuracy against none")
        if canvas.paper:
            canvas.legend([("prior shift", PRIOR), ("geometry", GEOMETRY)])

    caption = (
        "Every gain against none in two parts: hatched, what moving the threshold of none also gives; "
        "full, what "
        "the synthetic rows' geometry adds (to the right) or takes (to the left), with its 95 % interval."
    )
    height = rows_height(len(labels), 2)
    keys = (Key("prior shift (hatched)", PRIOR), Key("geometry", GEOMETRY))
    return Chart(f"decomposition{end}", headed(heading, caption), draw, (height, height), keys=keys)
