"""Where synthetic rows lie: real and synthetic rows of each arm in one plane, with lines to parents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from ...analysis.evidence import Evidence
from ..canvas import Canvas, short
from ..look import MUTED, SERIES, Style
from ..model import Chart, Key, Source, headed
from ..sketches import Sketch
from .parts import sides_of

REAL, MADE, ACROSS = 120, 80, 4  # points a panel, which a page can bear; panels side by side
MARKS = ("o", "s", "^", "D", "v", "P")


def rows_map(source: Source, part: Evidence, heading: str, end: str) -> Chart | None:
    """One panel an arm, at its default cell; None where the sweep kept no sketch of them."""
    keys = {arm: side.keys[0] for arm, side in sides_of(part).items()}
    found = {arm: source.sketches[key] for arm, key in keys.items() if key in source.sketches}
    found = {arm: sketch for arm, sketch in found.items() if len(sketch.synthetic)}
    if not found:
        return None
    codes = sorted({int(code) for sketch in found.values() for code in sketch.real[:, 2]})
    styles = {
        code: Style(SERIES[i % len(SERIES)], "-", MARKS[i % len(MARKS)]) for i, code in enumerate(codes)
    }
    names = source.evidence.header.get("classes") or ()
    labels = [str(names[code]) if code < len(names) else f"class {code}" for code in codes]
    legend = tuple(Key(label, styles[code]) for label, code in zip(labels, codes, strict=True))

    def draw(canvas: Canvas) -> None:
        rows, across = _grid(len(found), 2 if canvas.narrow else ACROSS)
        grid = canvas.figure.subplots(rows, across, squeeze=False, sharex=True, sharey=True)
        panels = grid.ravel()
        for axes, (arm, sketch) in zip(panels, found.items(), strict=False):
            _panel(canvas, axes, sketch, styles)
            axes.set_title(short(arm))
        for axes in panels[len(found) :]:
            axes.set_visible(False)
        grid[-1, 0].set_xlabel("first axis of the real rows")
        grid[-1, 0].set_ylabel("second axis")
        if canvas.paper:
            canvas.legend([(key.label, key.style) for key in legend])

    tall, narrow = (0.5 + 2.3 * _grid(len(found), across)[0] for across in (ACROSS, 2))
    text = headed(heading, caption(list(found.values())))
    return Chart(f"rows{end}", text, draw, (tall, narrow), len(found) > 2, legend)


def _grid(panels: int, most: int) -> tuple[int, int]:
    """Rows and columns, at most so many of these, with few places left empty."""
    rows = -(-panels // most)
    return rows, -(-panels // rows)


def caption(sketches: Sequence[Sketch]) -> str:
    """What the figure shows, and how far the plane can be trusted."""
    explained = _range([sketch.explained for sketch in sketches])
    trusts = [sketch.trustworthiness for sketch in sketches if sketch.trustworthiness is not None]
    trust = f", trustworthiness {_range(trusts)} of 1" if trusts else ""
    return (
        "Where synthetic rows (crosses) lie: rows of one fold of replicate 0 at each arm's default cell, in "
        "the plane of the two main axes of the real training rows, which is fitted on these alone "
        f"(share of their variance {explained}{trust}). Grey lines lead to the parents of some. Two "
        "dimensions illustrate: distances between islands mean nothing here, the island rate in the table is "
        "measured in all dimensions."
    )


def _range(values: Sequence[float]) -> str:
    low, high = f"{min(values):.2f}", f"{max(values):.2f}"
    return low if low == high else f"{low} to {high}"


def _panel(canvas: Canvas, axes: Axes, sketch: Sketch, styles: Mapping[int, Style]) -> None:
    real, made = _few(sketch.real, REAL), sketch.synthetic[:MADE]
    for series, (code, style) in enumerate(styles.items()):
        mine, new = real[real[:, 2] == code], made[made[:, 2] == code]
        for rows, look in (
            (mine, {"marker": style.marker, "markersize": 2.6, "markeredgewidth": 0, "alpha": 0.7}),
            (new, {"marker": "x", "markersize": 3.4, "markeredgewidth": 0.8}),
        ):
            if len(rows):
                canvas.line(axes, rows[:, 0], rows[:, 1], style, series, linestyle="none", **look)
    ends = [np.array([made[int(i), :2], (x, y)]) for i, x, y in sketch.lines if i < len(made)]
    axes.add_collection(LineCollection(ends, colors=MUTED, linewidths=0.4, zorder=0))
    axes.set_xticks([])
    axes.set_yticks([])


def _few(rows: np.ndarray, most: int) -> np.ndarray:
    """So many rows, of each class in turn: of a class that is rare there may be few."""
    turns = np.zeros(len(rows))
    for code in np.unique(rows[:, 2]):
        mine = rows[:, 2] == code
        turns[mine] = np.arange(mine.sum())
    return rows[np.argsort(turns, kind="stable")[:most]]
