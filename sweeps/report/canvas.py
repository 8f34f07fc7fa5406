"""A figure whose marks can be read one by one: drawn with matplotlib, kept as SVG, PDF or PNG."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from .look import BAND, MUTED, RC, Style

LONG_NAME = 28  # letters of a label; a longer one is cut in the figure, not in the tables


@dataclass(frozen=True)
class Marks:
    """What an SVG group of marks stands for: its series, and one text a mark."""

    series: int | None
    texts: tuple[str, ...] = ()


class Canvas:
    """One figure while it is drawn.

    Args:
        width: inches.
        height: inches.
        paper: whether it is for a file on its own, which needs a legend within.

    Attributes:
        figure: matplotlib's figure.
        marks: what the groups of the SVG stand for, by group id.
    """

    def __init__(self, width: float, height: float, paper: bool):
        self.width, self.paper = width, paper
        self.figure = Figure(figsize=(width, height), layout="constrained")
        self.marks: dict[str, Marks] = {}

    @property
    def narrow(self) -> bool:
        """Whether it is narrower than two charts side by side would be."""
        return self.width < 6

    def panels(self, count: int) -> list[Axes]:
        """Axes side by side, one above the other where the canvas is narrow."""
        rows, columns = (count, 1) if self.narrow else (1, count)
        return list(self.figure.subplots(rows, columns, squeeze=False).ravel())

    def points(
        self, axes: Axes, x: Any, y: Any, texts: Sequence[str], style: Style, series: int | None = None,
        **more: Any,
    ) -> None:  # fmt: skip
        """Draw marks that can be pointed at; a missing value gives none."""
        x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
        there = np.isfinite(x) & np.isfinite(y)
        kept = tuple(text for text, is_there in zip(texts, there, strict=True) if is_there)
        if kept:
            name = self._name(Marks(series, kept))
            axes.plot(x[there], y[there], linestyle="none", gid=name, **{**style.marks, **more})

    def line(self, axes: Axes, x: Any, y: Any, style: Style, series: int | None = None, **more: Any) -> None:
        """Draw a line of a series."""
        name = self._name(Marks(series))
        axes.plot(x, y, **{"color": style.color, "linestyle": style.dash, "gid": name, **more})

    def whiskers(
        self, axes: Axes, at: Any, low: Any, high: Any, style: Style, series: int | None = None,
        horizontal: bool = False, **more: Any,
    ) -> None:  # fmt: skip
        """Draw intervals; one without ends is not drawn."""
        at, low, high = (np.asarray(v, dtype=float) for v in (at, low, high))
        there = np.isfinite(low) & np.isfinite(high)
        if there.any():
            bars = axes.hlines if horizontal else axes.vlines
            drawn = bars(at[there], low[there], high[there], color=style.color, linewidth=1.2, **more)
            drawn.set_gid(self._name(Marks(series)))

    def area(
        self, axes: Axes, x: Any, low: Any, high: Any, style: Style, series: int | None = None, **more: Any
    ) -> None:
        """Shade a band of a series; nothing where there is none."""
        if not len(x):
            return
        drawn = axes.fill_between(
            np.asarray(x, dtype=float), np.asarray(low, dtype=float), np.asarray(high, dtype=float),
            **{"color": style.color, "alpha": 0.09, "linewidth": 0, **more},
        )  # fmt: skip
        drawn.set_gid(self._name(Marks(series)))

    def legend(self, entries: Sequence[tuple[str, Style]]) -> None:
        """Explain series below the axes; for files, the page has its own legend."""
        handles = [Line2D([], [], color=s.color, linestyle=s.dash, **_hollow(s)) for _, s in entries]
        labels = [short(label) for label, _ in entries]
        columns = 3 if self.narrow else 6
        self.figure.legend(handles, labels, loc="outside lower center", ncols=columns)

    def _name(self, marks: Marks) -> str:
        name = f"mark-{len(self.marks)}"
        self.marks[name] = marks
        return name

    def save(self, kind: str) -> bytes:
        """The figure as ``svg``, ``pdf`` or ``png``."""
        stream = io.BytesIO()
        metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind, {})
        self.figure.savefig(stream, format=kind, transparent=kind == "svg", metadata=metadata)
        return stream.getvalue()


def _hollow(style: Style) -> dict[str, Any]:
    return {name: value for name, value in style.marks.items() if name != "color"}


@contextmanager
def drawing() -> Iterator[None]:
    """Set the look; letters that matplotlib's font lacks are boxes in files, on the page they are letters."""
    with mpl.rc_context(RC), warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+", UserWarning)
        yield


def margin_band(axes: Axes, margin: float, horizontal: bool = False) -> None:
    """Shade what counts as no difference and mark zero."""
    (axes.axhspan if horizontal else axes.axvspan)(-margin, margin, color=BAND, linewidth=0, zorder=0)
    (axes.axhline if horizontal else axes.axvline)(0, color=MUTED, linewidth=0.8, zorder=1)


def rows_of(axes: Axes, labels: Sequence[str]) -> None:
    """Name the rows of a chart from the top down."""
    axes.set_yticks(range(len(labels)), [short(label) for label in labels])
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")


def steps_axis(axes: Axes, rungs: Sequence[int], narrow: bool) -> None:
    """Logarithmic axis of optimiser steps with the ladder's own rungs as ticks."""
    axes.set_xscale("log", base=2)
    every = max(1, -(-len(rungs) // (6 if narrow else 12)))
    shown = [rung for i, rung in enumerate(rungs) if i % every == 0 or i == len(rungs) - 1]
    if len(shown) > 2 and shown[-1] / shown[-2] < 1.25:
        del shown[-2]
    axes.set_xticks(shown, [str(rung) for rung in shown])
    axes.minorticks_off()


def empty_text(axes: Axes, text: str) -> None:
    """Say within axes why they are empty."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=MUTED)


def short(label: str) -> str:
    """A label that leaves room for the data."""
    return label if len(label) <= LONG_NAME else f"{label[: LONG_NAME - 1]}…"
