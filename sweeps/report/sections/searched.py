"""What the adaptive search tried, as parallel coordinates; never for inference."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...analysis.evidence import Cell, Evidence
from ...analysis.scores import own_budget, table
from ...answers.naming import cell_label
from ...answers.sentences import level_text
from ..canvas import Canvas
from ..look import GRID, MUTED, PAPER, Style
from ..model import Chart, Source, headed

ENDS = ("#c8d3de", "#0b5fa5")  # of the lowest and of the highest score
ADAPTIVE = "adaptive: not for inference"
CLEAR = {"facecolor": PAPER, "edgecolor": "none", "pad": 0.8, "alpha": 0.85}  # behind a text
FEWEST = 3  # trials that are worth a figure


def searched(source: Source, part: Evidence, arm: str, heading: str, end: str) -> Chart | None:
    """Every trial of an arm's search as a line over its knobs to its score; None with fewer than three."""
    cells = [cell for cell in part.cells if cell.arm == arm and cell.stage == "exploit"]
    knobs = [k for k in dict.fromkeys(n for c in cells for n in c.knobs) if len(_levels(cells, k)) > 1]
    scores = table(part, own_budget(part)).mean()
    cells = [cell for cell in cells if np.isfinite(scores.get(cell.key, np.nan))]
    if len(cells) < FEWEST or not knobs:
        return None
    values = np.array([100 * float(scores[cell.key]) for cell in cells])
    places = np.array([_places(cells, knob) for knob in knobs] + [_scaled(values)]).T  # (cells, axes)

    def draw(canvas: Canvas) -> None:
        axes = canvas.figure.subplots()
        for i in np.argsort(values):
            style = Style(_shade(places[i, -1]), "-", "o")
            canvas.line(axes, range(places.shape[1]), places[i], style, linewidth=1.3)
            text = f"{cell_label(cells[i])}: {values[i]:.2f} % ({ADAPTIVE})"
            canvas.points(axes, [places.shape[1] - 1], [places[i, -1]], [text], style)
        for x, knob in enumerate(knobs):
            axes.axvline(x, color=MUTED, linewidth=0.7, zorder=0)
            for level, y in zip(_levels(cells, knob), _scaled_levels(cells, knob), strict=True):
                axes.text(x - 0.04, y, level_text(level), ha="right", va="center", fontsize=7, bbox=CLEAR)
        axes.axvline(len(knobs), color=MUTED, linewidth=0.7, zorder=0)
        for value, y in ((values.min(), 0.0), (values.max(), 1.0)):
            axes.text(len(knobs) + 0.04, y, f"{value:.1f}", va="center", fontsize=7, bbox=CLEAR)
        axes.set_xticks(range(places.shape[1]), [*knobs, "score, %"])
        axes.set_yticks([])
        axes.set(xlim=(-0.35, len(knobs) + 0.3), ylim=(-0.08, 1.08))
        for spine in axes.spines.values():
            spine.set_color(GRID)
        axes.spines["left"].set_visible(False)
        axes.set_title(f"{arm}: {ADAPTIVE}")

    caption = (
        f"{arm}: the {len(cells)} trials of its search, each a line over its knobs to its mean score; the "
        f"darker the higher. {ADAPTIVE.capitalize()}: the search went where scores were high, and the "
        "highest "
        "of many is too high."
    )
    return Chart(f"searched-{arm}{end}", headed(heading, caption), draw, (2.7, 2.9))


def _levels(cells: list[Cell], knob: str) -> list[Any]:
    found = {cell.knobs[knob] for cell in cells if knob in cell.knobs}
    return sorted(found, key=lambda value: (isinstance(value, str), value))


def _scaled_levels(cells: list[Cell], knob: str) -> list[float]:
    """Where each level stands on its axis: at equal distances."""
    count = len(_levels(cells, knob))
    return [i / (count - 1) for i in range(count)]


def _places(cells: list[Cell], knob: str) -> list[float]:
    at = dict(zip(_levels(cells, knob), _scaled_levels(cells, knob), strict=True))
    return [at.get(cell.knobs.get(knob), float("nan")) for cell in cells]


def _scaled(values: Any) -> list[float]:
    low, high = float(values.min()), float(values.max())
    return [0.5 if high == low else (float(v) - low) / (high - low) for v in values]


def _shade(share: float) -> str:
    """A colour between the two ends."""
    parts = [[int(end[i : i + 2], 16) for i in (1, 3, 5)] for end in ENDS]
    mixed = [round(a + share * (b - a)) for a, b in zip(*parts, strict=True)]
    return "#" + "".join(f"{value:02x}" for value in mixed)
