"""Confusion matrices of the arms less that of a baseline, in points of the true class, with intervals."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.patches import Rectangle

from ...analysis.evidence import Evidence
from ...analysis.paired import student
from ...analysis.records import Line
from ...analysis.scores import Side
from ..canvas import Canvas, short
from ..look import plain_styles
from ..model import Chart, Column, Source, Table, estimate, headed, rows_in, said
from .parts import BASELINES, per_result

MOST_CLASSES = 4  # that a figure shows; the table has them all
UP, DOWN = "#0b5fa5", "#c4501b"


def confusions_of(source: Source, part: Evidence, sides: dict[str, Side]) -> pd.DataFrame:
    """One row per arm, true and predicted class: the paired change of the share against the baseline."""
    found = per_result(source.lines, part, [side.keys[0] for side in sides.values()], _shares)
    base = next((arm for arm in (*BASELINES, *sides) if arm in sides), None)
    if base is None or part.repetitions or not len(found.get(sides[base].keys[0], pd.DataFrame()).columns):
        return pd.DataFrame()
    start = found[sides[base].keys[0]]
    rows: list[dict[str, Any]] = []
    for arm, side in sides.items():
        table = found.get(side.keys[0], pd.DataFrame())
        columns: Any = table.columns.tolist()
        shared: list[tuple[str, str]] = [pair for pair in columns if pair in start.columns]
        for truth, predicted in shared if arm != base else ():
            change = (table[truth, predicted] - start[truth, predicted]).dropna().to_numpy()
            row = {"arm": arm, "against": base, "true": truth, "predicted": predicted}
            rows.append(row | estimate(student(change)))
    return pd.DataFrame(rows)


def _shares(line: Line) -> dict[tuple[str, str], float]:
    """Shares in per cent of each true class, by the classes that the counts name, sorted."""
    names = sorted((line.get("counts") or {}).get("real") or {})
    matrix = line.get("confusion") or []
    if not names or len(matrix) != len(names) or any(not sum(row) for row in matrix):
        return {}
    return {
        (truth, predicted): 100 * float(count) / sum(row)
        for truth, row in zip(names, matrix, strict=True)
        for predicted, count in zip(names, row, strict=True)
    }


def confusion_chart(source: Source, frame: pd.DataFrame, heading: str, end: str) -> Chart | None:
    """Small matrices side by side, one an arm; None with more classes than can be read."""
    classes, arms = list(dict.fromkeys(frame["true"])), list(dict.fromkeys(frame["arm"]))
    if len(classes) > MOST_CLASSES:
        return None
    base = frame["against"].iloc[0]
    top = max(1.0, float(frame["estimate"].abs().max()))

    def draw(canvas: Canvas) -> None:
        across = min(len(arms), 2 if canvas.narrow else 4)
        panels = canvas.figure.subplots(-(-len(arms) // across), across, squeeze=False).ravel()
        for axes, arm in zip(panels, arms, strict=False):
            _matrix(canvas, axes, rows_in(frame[frame["arm"] == arm]), classes, top)
            axes.set_title(short(arm))
        for axes in panels[len(arms) :]:
            axes.set_visible(False)

    caption = (
        f"Change of the confusion matrix against {base}, in points of each true class (rows), 95 % "
        "intervals, "
        f"n = {int(frame['n'].max())}: blue more, orange fewer rows predicted so."
    )
    height = 0.62 + 0.42 * len(classes)
    wide, narrow = -(-len(arms) // 4), -(-len(arms) // 2)
    return Chart(
        f"confusion{end}", headed(heading, caption), draw, (0.3 + height * wide, 0.3 + height * narrow), True
    )


def _matrix(canvas: Canvas, axes: Any, rows: list[dict[str, Any]], classes: list[str], top: float) -> None:
    [style] = plain_styles(1)
    for row in rows:
        x, y = classes.index(row["predicted"]), classes.index(row["true"])
        color, share = UP if row["estimate"] > 0 else DOWN, abs(row["estimate"]) / top
        axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=color, alpha=0.5 * share, linewidth=0))
        text = f"{row['estimate']:+.1f}"
        if row["low"] is not None:
            text += f"\n[{row['low']:+.1f}, {row['high']:+.1f}]"
        axes.text(x, y, text, ha="center", va="center", fontsize=6.5)
        label = f"{row['arm']}: true {row['true']}, predicted {row['predicted']}: {said(row)}"
        canvas.points(axes, [x], [y], [label], style, alpha=0, markersize=20)
    axes.set_xticks(range(len(classes)), [short(name)[:10] for name in classes])
    axes.set_yticks(range(len(classes)), [short(name)[:10] for name in classes])
    axes.set(xlim=(-0.5, len(classes) - 0.5), ylim=(len(classes) - 0.5, -0.5))
    axes.tick_params(length=0, labelsize=7)


def confusion_table(frame: pd.DataFrame, heading: str, end: str) -> Table:
    """The same numbers in rows."""
    columns = (
        Column("arm", "Arm"),
        Column("true", "true class"),
        Column("predicted", "predicted"),
        Column("estimate", "change, points [95 %]", 1, signed=True, ends=("low", "high")),
        Column("n", "n"),
    )
    caption = f"Changes of the confusion matrix against {frame['against'].iloc[0]}, paired."
    return Table(f"confusion{end}", headed(heading, caption), frame, columns)
