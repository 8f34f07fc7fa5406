"""The two pictures of a cell: its confusion matrix, and real beside synthetic rows."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

MOST_WRITTEN = 12  # classes; with more of them colours alone show the shares
SIZE, DPI = (4.8, 4.0), 110
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#444444")  # Okabe-Ito


def confusion_picture(matrix: Sequence[Sequence[int]], classes: Sequence[str], title: str) -> bytes:
    """Draw shares of each true class by predicted class as PNG.

    Args:
        matrix: rows truth, columns prediction, summed over replicates and fold models.
        classes: class names.
        title: what is shown.
    """
    counts = np.asarray(matrix, dtype=float)
    shares = counts / np.maximum(1, counts.sum(1, keepdims=True))
    figure = Figure(SIZE, DPI, layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if len(classes) > MOST_WRITTEN:
        figure.colorbar(image, label="share of the true class")
    else:
        axes.set_xticks(range(len(classes)), [_short(c) for c in classes], rotation=45, ha="right")
        axes.set_yticks(range(len(classes)), [_short(c) for c in classes])
        for row, column in np.ndindex(shares.shape):
            dark = shares[row, column] > 0.5
            text = f"{100 * shares[row, column]:.0f} %"
            axes.text(column, row, text, ha="center", va="center", color="white" if dark else "black")
    axes.set(xlabel="predicted, share of the true class", ylabel="true", title=title)
    return _png(figure)


def points_picture(sketch: Mapping[str, Any], classes: Sequence[str], title: str) -> bytes:
    """Draw real rows, synthetic rows and lines to the parents of some of these as PNG.

    Args:
        sketch: what ``synaug.sketch.sketch`` returns.
        classes: class names.
        title: what is shown.
    """
    real, made = np.asarray(sketch["real"]), np.asarray(sketch["synthetic"])
    figure = Figure(SIZE, DPI, layout="constrained")
    axes = figure.add_subplot()
    for code in np.unique(real[:, 2]).astype(int):
        colour = COLOURS[code % len(COLOURS)]
        mine, new = real[real[:, 2] == code], made[made[:, 2] == code]
        name = _short(classes[code])
        rare = len(new) > 0
        style = (
            {"s": 26, "alpha": 0.9, "edgecolors": "black", "lw": 0.5, "zorder": 3}
            if rare
            else {"s": 9, "alpha": 0.45, "lw": 0}
        )
        axes.scatter(mine[:, 0], mine[:, 1], color=colour, label=f"{name}, real", **style)
        if len(new):
            axes.scatter(
                new[:, 0], new[:, 1], s=22, marker="x", color=colour, lw=0.9, label=f"{name}, synthetic"
            )
    ends = [np.array([made[int(i), :2], (x, y)]) for i, x, y in sketch["lines"]]
    axes.add_collection(LineCollection(ends, colors="#777777", linewidths=0.5, zorder=0))
    axes.legend(fontsize=7, loc="best", framealpha=0.8)
    explained = 100 * float(sketch["explained"])
    axes.set(
        title=title, xlabel="first axis of the real rows", ylabel=f"second axis (both: {explained:.0f} %)"
    )
    return _png(figure)


def _short(name: str) -> str:
    return name if len(name) <= 22 else name[:21] + "…"


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
