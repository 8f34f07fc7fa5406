"""The two pictures of a cell: its confusion matrix, and real beside synthetic rows.

Most of the time of a small figure goes into making axes, ticks and texts and into laying them out. So
a figure is made once and drawn again with the data of every cell; what it shows does not depend on
what it showed before.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.image import imsave

MOST_WRITTEN = 12  # classes; with more of them colours alone show the shares
MOST_LARGE = 5  # classes; with more of them numbers are small and without their sign
SIZE, DPI = (4.8, 4.0), 110
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#444444")  # Okabe-Ito
TITLE = "first line\nsecond line"  # what room is made for
COMPRESSION = 1  # of 9: 15 % larger than the usual 6, in two thirds of the time

_drawing = threading.Lock()  # one figure serves many cells


def confusion_picture(matrix: Sequence[Sequence[int]], classes: Sequence[str], title: str) -> bytes:
    """Draw shares of each true class by predicted class as PNG.

    Args:
        matrix: rows truth, columns prediction, summed over replicates and fold models.
        classes: class names.
        title: what is shown, in two lines.
    """
    counts = np.asarray(matrix, dtype=float)
    with _drawing:
        return _confusion(tuple(classes)).draw(counts / np.maximum(1, counts.sum(1, keepdims=True)), title)


def points_picture(sketch: Mapping[str, Any], classes: Sequence[str], title: str) -> bytes:
    """Draw real rows, synthetic rows and lines to the parents of some of these as PNG.

    Args:
        sketch: what ``synaug.sketch.sketch`` returns.
        classes: class names.
        title: what is shown, in two lines.
    """
    with _drawing:
        figure = _plane()
        [axes] = figure.axes
        for artist in (*axes.collections, *filter(None, [axes.get_legend()])):
            artist.remove()
        _scatter(axes, sketch, classes)
        explained = 100 * float(sketch["explained"])
        axes.set_ylabel(f"second axis (both: {explained:.0f} %)")
        axes.set_title(title, y=1)
        figure.canvas.draw()
        return _png(figure)


class _Confusion:
    """A figure whose frame and names are drawn once; squares, numbers and title are put on top."""

    def __init__(self, classes: Sequence[str]):
        size = len(classes)
        self._figure = Figure(SIZE, DPI, layout="constrained")
        self._canvas = FigureCanvasAgg(self._figure)
        self._axes = axes = self._figure.add_subplot(aspect="equal")
        self._squares = axes.pcolormesh(np.zeros((size, size)), cmap="Blues", vmin=0, vmax=1)
        axes.invert_yaxis()
        middles = np.arange(size) + 0.5
        self._texts = []
        if size > MOST_WRITTEN:
            self._figure.colorbar(self._squares, label="share of the true class")
            shown = slice(None, None, -(-size // 10))
            numbers = [str(number) for number in range(size)[shown]]
            axes.set_xticks(middles[shown], numbers)
            axes.set_yticks(middles[shown], numbers)
        else:
            axes.set_xticks(middles, [_short(c) for c in classes], rotation=45, ha="right")
            axes.set_yticks(middles, [_short(c) for c in classes])
            points = None if size <= MOST_LARGE else 7
            self._texts = [
                axes.text(x, y, "", ha="center", va="center", fontsize=points)
                for y in middles
                for x in middles
            ]
        self._unit = " %" if size <= MOST_LARGE else ""
        title = axes.set_title(TITLE)
        axes.set(xlabel="predicted, share of the true class", ylabel="true")
        self._changing = (self._squares, *axes.spines.values(), *self._texts, title)
        for artist in self._changing:
            artist.set_animated(True)
        self._figure.draw_without_rendering()
        self._figure.set_layout_engine("none")
        self._canvas.draw()  # type: ignore[no-untyped-call]
        self._frame = self._canvas.copy_from_bbox(self._figure.bbox)  # type: ignore[no-untyped-call]

    def draw(self, shares: np.ndarray, title: str) -> bytes:
        """Draw one matrix, (C, C), as PNG."""
        self._squares.set_array(shares)
        for text, share in zip(self._texts, shares.flat, strict=False):
            text.set(text=f"{100 * share:.0f}{self._unit}", color="white" if share > 0.5 else "black")
        self._axes.set_title(title)
        self._canvas.restore_region(self._frame)  # type: ignore[no-untyped-call]
        for artist in self._changing:
            self._axes.draw_artist(artist)
        return _png(self._figure)


@lru_cache(maxsize=4)
def _confusion(classes: tuple[str, ...]) -> _Confusion:
    return _Confusion(classes)


@lru_cache(maxsize=1)
def _plane() -> Figure:
    """A figure whose frame and labels stand at fixed places, with room for numbers of six characters."""
    figure = Figure(SIZE, DPI)
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    figure.subplots_adjust(left=0.15, right=0.98, bottom=0.13, top=0.88)
    axes.locator_params(nbins=6)
    axes.ticklabel_format(scilimits=(-2, 3))
    axes.set_xlabel("first axis of the real rows")
    axes.xaxis.set_label_coords(0.5, -0.09)
    axes.yaxis.set_label_coords(-0.13, 0.5)
    return figure


def _scatter(axes: Axes, sketch: Mapping[str, Any], classes: Sequence[str]) -> None:
    real, made = np.asarray(sketch["real"]), np.asarray(sketch["synthetic"])
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
    places = np.concatenate([real[:, :2], made[:, :2], *ends])
    low, high = places.min(0), places.max(0)
    room = 0.05 * np.where(high > low, high - low, 1)
    axes.set(xlim=(low[0] - room[0], high[0] + room[0]), ylim=(low[1] - room[1], high[1] + room[1]))


def _short(name: str) -> str:
    return name if len(name) <= 22 else name[:21] + "…"


def _png(figure: Figure) -> bytes:
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    image, buffer = canvas.buffer_rgba(), io.BytesIO()  # type: ignore[no-untyped-call]
    imsave(buffer, image, format="png", dpi=DPI, pil_kwargs={"compress_level": COMPRESSION})
    return buffer.getvalue()
