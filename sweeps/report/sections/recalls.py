"""What an arm takes from the majority and gives to the minority."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ...analysis.evidence import Evidence
from ...analysis.paired import Difference, student
from ...analysis.scores import Side
from ..canvas import Canvas
from ..model import Chart, Column, Key, Source, Table, estimate, headed, rows_in
from .parts import BASELINES, per_result, recalls


def recalls_of(source: Source, part: Evidence, sides: dict[str, Side]) -> pd.DataFrame:
    """Mean recalls an arm, and their paired differences to the first baseline."""
    found = per_result(source.lines, part, [key for side in sides.values() for key in side.keys], recalls)
    tables = {arm: found.get(side.keys[0], pd.DataFrame()) for arm, side in sides.items()}
    base = next(
        (arm for arm in [b for b in (*BASELINES, *sides) if b in sides] if len(tables[arm].columns)), None
    )
    if base is None or part.repetitions:
        return pd.DataFrame()
    rows: list[dict[str, Any]] = []
    for arm, table in tables.items():
        if not len(table.columns):
            continue
        row: dict[str, Any] = {"arm": arm, "against": base if arm != base else None}
        for name in ("minority", "majority"):
            row |= _named(name, student(table[name].dropna().to_numpy()))
            if arm != base:
                change = (table[name] - tables[base][name]).dropna().to_numpy()
                row |= _named(f"{name}_change", student(change))
        rows.append(row)
    return pd.DataFrame(rows)


def _named(name: str, d: Difference) -> dict[str, Any]:
    return {f"{name}{'' if key == 'estimate' else '_' + key}": value for key, value in estimate(d).items()}


def recall_chart(source: Source, frame: pd.DataFrame, heading: str, end: str) -> Chart:
    """Recall of the minority over recall of the majority, one cross an arm."""
    rows = rows_in(frame)

    def draw(canvas: Canvas) -> None:
        axes = canvas.figure.subplots()
        for number, row in enumerate(rows):
            style = source.styles[row["arm"]]
            x, y = row["majority"], row["minority"]
            canvas.whiskers(axes, [x], [row["minority_low"]], [row["minority_high"]], style, number)
            canvas.whiskers(
                axes, [y], [row["majority_low"]], [row["majority_high"]], style, number, horizontal=True
            )
            texts = [f"{row['arm']}: minority {y:.1f} %, majority {x:.1f} %, n {row['minority_n']}"]
            canvas.points(axes, [x], [y], texts, style, number, markersize=5.5)
        axes.set_xlabel("recall of the majority, %")
        axes.set_ylabel("recall of the minority, %")
        axes.grid()
        if canvas.paper:
            canvas.legend([(row["arm"], source.styles[row["arm"]]) for row in rows])

    caption = (
        "What an arm takes from the majority it gives to the minority: recalls at the own best budget, "
        "with 95 % "
        "intervals. Up and to the right is better."
    )
    keys = tuple(Key(str(row["arm"]), source.styles[row["arm"]]) for row in rows)
    return Chart(f"recalls{end}", headed(heading, caption), draw, (3.3, 3.3), keys=keys)


def recall_table(frame: pd.DataFrame, heading: str, end: str) -> Table:
    """Recalls and their paired changes."""
    columns = [Column("arm", "Arm")]
    for name in ("minority", "majority"):
        columns.append(Column(name, f"{name}, % [95 %]", 1, ends=(f"{name}_low", f"{name}_high")))
        if f"{name}_change" in frame:
            ends = (f"{name}_change_low", f"{name}_change_high")
            columns.append(Column(f"{name}_change", "change, points [95 %]", 1, signed=True, ends=ends))
    base = next((b for b in frame["against"] if isinstance(b, str)), "the first arm")
    caption = f"Recall of the smaller classes and of the largest; changes are paired, against {base}."
    return Table(f"recalls{end}", headed(heading, caption), frame, tuple(columns))
