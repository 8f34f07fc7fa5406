"""The training budget: every arm's curve over the ladder, and what the budget moves against the arm."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ...analysis.evidence import Evidence
from ...analysis.scores import Budget, Side, contrast, table
from ...answers.sentences import steps_text
from ..canvas import Canvas, steps_axis
from ..forest import forest, rows_height
from ..look import BAND, MUTED, in_order, plain_styles
from ..model import (
    Chart,
    Column,
    Key,
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
from .parts import claims_in, mean_of, sides_of

LEAD = (
    "How long the classifier trains moves every comparison. Lines that cross mean that which arm leads "
    "depends on the budget: read the arms at one budget from top to bottom, then follow one arm from left "
    "to right."
)
REFERENCES = ("ros", "class_weight", "logit_adjust", "none")  # the first that is there
FAR = ("none", "logit_adjust")  # so far from the others at most budgets that panel b would show them alone


def budget(source: Source) -> Section:
    """Budget curves, the two kinds of range, the sentences on crossing."""
    parts: list[Part] = []
    for number, heading, part in source.detailed():
        if len(part.rungs) < 2:
            continue
        frame = _curves(part)
        parts.append(_curve_chart(source, part, frame, heading, suffix(number)))
        moved = claims_in(source, part, "budget", kind="summary")
        if moved and "by_arm" in moved[0].detail:
            parts.append(_range_chart(moved[0].detail, heading, suffix(number)))
        parts.append(_curve_table(frame, heading, suffix(number)))
        kinds = ("summary", "correcting", "reversal", "reversal_anywhere", "edge")
        found = tuple(c for c in claims_in(source, part, "budget") if c.kind in kinds)
        parts.append(Said(f"Budget{': ' + heading if heading else ''}", found))
    wanting = "results with a curve over two or more training budgets (classifier.ladder in the spec)"
    return Section("budget", "Training budget", LEAD, tuple(parts), wanting)


def _curves(part: Evidence) -> pd.DataFrame:
    """One row per arm and rung: mean with interval in per cent, difference to the reference in points."""
    sides = sides_of(part)
    base = next((arm for arm in REFERENCES if arm in sides), None)
    rows: list[dict[str, Any]] = []
    for arm, side in sides.items():
        for steps in part.rungs:
            at = Budget("common", steps)
            row = {"arm": arm, "steps": steps, **estimate(mean_of(part, at, side))}
            if base is not None and arm != base:
                d = estimate(contrast(part, at, sides[base], side))
                row |= {"against": base} | {f"difference_{n}": d[n] for n in ("estimate", "low", "high")}
            rows.append(row)
    more = ["against", "difference_estimate", "difference_low", "difference_high"]
    return pd.DataFrame(rows, columns=["arm", "steps", "estimate", "low", "high", "n", *more])


def _chosen(part: Evidence, side: Side) -> int | None:
    """The rung that most replicates of the arm choose on the folds."""
    steps = (
        table(part, Budget("own_best"), "chosen_steps").reindex(columns=list(side.keys)).iloc[:, 0].dropna()
    )
    return int(steps.mode().iloc[0]) if len(steps) else None


def _curve_chart(source: Source, part: Evidence, frame: pd.DataFrame, heading: str, end: str) -> Chart:
    arms = list(dict.fromkeys(frame["arm"]))
    chosen = {arm: _chosen(part, side) for arm, side in sides_of(part).items()}
    bases = [b for b in dict.fromkeys(frame["against"]) if isinstance(b, str)]

    def draw(canvas: Canvas) -> None:
        drawn = canvas.panels(2 if bases else 1)
        _panel(canvas, drawn[0], frame, arms, source, ("estimate", "low", "high"), chosen)
        drawn[0].set_title("a  balanced accuracy, %")
        if bases:
            names = ("difference_estimate", "difference_low", "difference_high")
            near = [arm for arm in arms if arm not in FAR or bases[0] in FAR]
            _panel(canvas, drawn[1], frame[frame["arm"].isin(near)], arms, source, names, chosen)
            drawn[1].axhspan(-source.margin, source.margin, color=BAND, linewidth=0, zorder=0)
            drawn[1].axhline(0, color=MUTED, linewidth=0.8, zorder=1)
            drawn[1].set_title(f"b  difference to {bases[0]}, points (paired)")
        for axes in drawn:
            steps_axis(axes, part.rungs, canvas.narrow)
            axes.set_xlabel("training budget (log scale)")
            axes.grid(axis="y")
        if canvas.paper:
            canvas.legend([(arm, source.styles[arm]) for arm in arms])

    n = int(frame["n"].max()) if len(frame) else 0
    caption = (
        f"Each arm at its default cell over the training budget, mean over n = {n} replicates with 95 % "
        "intervals. Large marks: the budget that most replicates choose on the folds. Shaded in b: the "
        "margin."
        + ("" if not bases or bases[0] in FAR else f" b leaves out {' and '.join(FAR)}, which are far away.")
    )
    keys = tuple(Key(arm, source.styles[arm]) for arm in arms)
    text = headed(heading, caption)
    return Chart(f"budget{end}", text, draw, (4.1, 7.4), wide=True, keys=keys)


def _panel(
    canvas: Canvas, axes: Any, frame: pd.DataFrame, arms: list[str], source: Source,
    names: tuple[str, str, str], chosen: dict[str, int | None],
) -> None:  # fmt: skip
    """Lines, bands and marks of all arms; the chosen rung is a large mark."""
    value, low, high = names
    for number, arm in enumerate(arms):
        style, rows = source.styles[arm], frame[frame["arm"] == arm].dropna(subset=[value])
        if not len(rows):
            continue
        difference = value != "estimate"
        texts = [
            f"{arm}, {steps_text(row['steps'])}: "
            + said(
                {"estimate": row[value], "low": row[low], "high": row[high], "n": row["n"]},
                "points" if difference else "%",
                "+" if difference else "",
            )
            for row in rows_in(rows)
        ]
        canvas.area(axes, rows["steps"], rows[low].astype(float), rows[high].astype(float), style, number)
        canvas.line(axes, rows["steps"], rows[value], style, number)
        own = [row == chosen.get(arm) for row in rows["steps"]]
        for large in (False, True):
            here = [is_own == large for is_own in own]
            kept = [text for text, is_here in zip(texts, here, strict=True) if is_here]
            canvas.points(
                axes, rows["steps"][here], rows[value][here], kept, style, number,
                markersize=8 if large else 3.6,
            )  # fmt: skip


def _range_chart(detail: Any, heading: str, end: str) -> Chart:
    """What the budget moves within each arm, and what the arm moves at each budget."""
    arms, rungs = detail["by_arm"], detail["by_rung"]
    arm_rows = [_range_row(arm, arms[arm], _from_to(arm, arms[arm])) for arm in in_order(arms)]
    rung_rows = [
        _range_row(steps_text(p["steps"]), p, f"{steps_text(p['steps'])}: from {p['worst']} to {p['best']}")
        for p in rungs
    ]
    [first, second] = plain_styles(2)

    def draw(canvas: Canvas) -> None:
        if canvas.narrow:
            drawn = canvas.figure.subplots(
                nrows=2, sharex=True, gridspec_kw={"height_ratios": [len(arm_rows) + 1, len(rung_rows) + 1]}
            )
        else:
            drawn = canvas.figure.subplots(ncols=2, sharex=True)
        for axes, rows, style, title in (
            (drawn[0], arm_rows, first, "a  what the budget moves, by arm"),
            (drawn[1], rung_rows, second, "b  what the arm moves, by budget"),
        ):
            forest(canvas, axes, [row["label"] for row in rows], [(style, rows)], None, "points")
            axes.set_title(title)
            axes.axvline(0, color=MUTED, linewidth=0.8)

    caption = (
        "a: each arm's best common budget against its worst, chosen on the folds. b: at each common "
        "budget the "
        "arm that leads on the folds against the last. Paired, 95 % intervals."
    )
    height = 0.7 + 0.24 * max(len(arm_rows), len(rung_rows))
    narrow = rows_height(len(arm_rows) + len(rung_rows), 1, 1) + 0.8
    text = headed(heading, caption)
    return Chart(f"ranges{end}", text, draw, (height, narrow), wide=True)


def _from_to(arm: str, part: Any) -> str:
    return f"{arm}: from {steps_text(part['worst_steps'])} to {steps_text(part['best_steps'])}"


def _range_row(label: str, part: Any, text: str) -> dict[str, Any]:
    row = {name: part[name] for name in ("estimate", "low", "high", "n")}
    return {"label": label, **row, "text": f"{text}, {said(row)}" if row["estimate"] is not None else text}


def _curve_table(frame: pd.DataFrame, heading: str, end: str) -> Table:
    caption = "Balanced accuracy at each training budget, in per cent, and the paired difference in points."
    return Table(
        f"budget{end}",
        headed(heading, caption),
        frame,
        (
            Column("arm", "Arm"),
            Column("steps", "steps"),
            Column("estimate", "balanced accuracy [95 %]", 1, ends=("low", "high")),
            Column("against", "against"),
            Column(
                "difference_estimate", "difference [95 %]", 2, signed=True,
                ends=("difference_low", "difference_high"),
            ),
            Column("n", "n"),
        ),
    )  # fmt: skip
