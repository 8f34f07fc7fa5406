"""The arms against the cheap baselines: forest, replicates, what a moved threshold gives, recalls."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ...analysis.evidence import Evidence
from ...analysis.scores import Side, own_budget, side_values
from ...answers.table import arm_table
from ..canvas import Canvas, rows_of
from ..forest import forest, rows_height
from ..look import GRID, NEUTRAL, SERIES, Style
from ..model import (
    Chart,
    Column,
    Key,
    Part,
    Said,
    Section,
    Source,
    Table,
    context_text,
    headed,
    said,
    suffix,
)
from .confusions import confusion_chart, confusion_table, confusions_of
from .decomposition import split_chart
from .parts import (
    BASELINES,
    against,
    arms_of,
    claims_in,
    mean_of,
    row_of_claim,
    sides_of,
)
from .recalls import recall_chart, recall_table, recalls_of

LEAD = (
    "Each arm at its own best budget, against doing nothing and against the baselines that cost nothing: a "
    "moved threshold, a class weight, plain copies."
)
ESTIMANDS = {
    "default": ("each at its default", Style(SERIES[0], "-", "o")),
    "tuned": ("tuned, chosen on the folds", Style(SERIES[1], "-", "^")),
    "average": ("averaged over its grid", Style(SERIES[2], "-", "s")),
}
PRIOR, GEOMETRY = Style(NEUTRAL[1], "-", "s", False), Style(SERIES[0], "-", "D")


def methods(source: Source) -> Section:
    """Everything about the arms of each context."""
    parts: list[Part] = []
    table = arm_table(source.lines)
    for number, heading, part in source.detailed():
        sides, end = sides_of(part), suffix(number)
        if not sides:
            continue
        if len(sides) > 1:
            parts.append(_forest_chart(source, part, sides, heading, end))
            parts.append(_replicate_chart(source, part, sides, heading, end))
        split = claims_in(source, part, "method", kind="decomposition", budget=own_budget(part).name)
        if split:
            parts.append(split_chart([claim.detail for claim in split], heading, end))
        shown = recalls_of(source, part, sides)
        if len(shown):
            parts.append(recall_chart(source, shown, heading, end))
        own = context_text(part), ", ".join(str(v) for _, v in part.cells[0].context)
        parts.append(_arm_table(table[table["context"].isin(own)], heading, end))
        parts.append(_difference_table(source, part, sides, heading, end))
        if len(shown):
            parts.append(recall_table(shown, heading, end))
        changed = confusions_of(source, part, sides)
        if len(changed):
            chart = confusion_chart(source, changed, heading, end)
            parts += [] if chart is None else [chart]
            parts.append(confusion_table(changed, heading, end))
        found = [c for c in claims_in(source, part, "method", budget=own_budget(part).name)
                 if c.kind in ("summary", "decomposition", "share", "second_view")]  # fmt: skip
        parts.append(Said(f"Methods{': ' + heading if heading else ''}", tuple(found)))
    return Section("methods", "Methods", LEAD, tuple(parts), "results of two arms or more")


def _bases(sides: dict[str, Side]) -> list[str]:
    return [base for base in BASELINES if base in sides] or list(sides)[:1]


def _rows(
    source: Source, part: Evidence, sides: dict[str, Side], base: str
) -> dict[str, list[dict[str, Any]]]:
    """Rows by estimand of all arms against one baseline."""
    rows: dict[str, list[dict[str, Any]]] = {"default": against(part, sides, base)}
    for estimand in ("tuned", "average"):
        for claim in claims_in(source, part, "method", kind="pair", estimand=estimand):
            arms = arms_of(claim, part)
            if len(arms) == 2 and arms[0] == base and claim.entry["estimate"] is not None:
                row = row_of_claim(arms[1], claim)
                rows.setdefault(estimand, []).append(
                    row | {"text": f"{row['text']}, {ESTIMANDS[estimand][0]}"}
                )
    return rows


def _forest_chart(source: Source, part: Evidence, sides: dict[str, Side], heading: str, end: str) -> Chart:
    bases = _bases(sides)
    rows = {base: _rows(source, part, sides, base) for base in bases}
    estimands = [name for name in ESTIMANDS if any(name in found for found in rows.values())]
    labels = list(sides)

    def draw(canvas: Canvas) -> None:
        columns = 1 if canvas.narrow else len(bases)
        drawn = canvas.figure.subplots(
            nrows=len(bases) if canvas.narrow else 1, ncols=columns, sharey=not canvas.narrow, squeeze=False
        ).ravel()
        for axes, base in zip(drawn, bases, strict=True):
            others = [label for label in labels if label != base] if canvas.narrow else labels
            groups = [(ESTIMANDS[name][1], rows[base].get(name, [])) for name in estimands]
            forest(canvas, axes, others, groups, source.margin, "points")
            axes.set_title(f"against {base}")
        if canvas.paper and len(estimands) > 1:
            canvas.legend([(ESTIMANDS[name][0], ESTIMANDS[name][1]) for name in estimands])

    n = max((row["n"] for row in rows[bases[0]]["default"]), default=0)
    caption = (
        f"Paired differences in balanced accuracy with 95 % intervals, n = {n} replicates, each arm at "
        "its own "
        f"best budget. The band is ±{source.margin:.2f} points."
    )
    keys = (
        tuple(Key(ESTIMANDS[name][0], ESTIMANDS[name][1]) for name in estimands) if len(estimands) > 1 else ()
    )
    tall = rows_height(len(labels), len(estimands))
    narrow = rows_height(len(labels) - 1, len(estimands), len(bases)) + 0.2
    return Chart(f"methods{end}", headed(heading, caption), draw, (tall, narrow), wide=True, keys=keys)


def _replicate_chart(source: Source, part: Evidence, sides: dict[str, Side], heading: str, end: str) -> Chart:
    own = own_budget(part)
    values = {arm: _by_replicate(side_values(part, own, [side])[0]) for arm, side in sides.items()}
    means = {arm: mean_of(part, own, side) for arm, side in sides.items()}
    order = sorted(sides, key=lambda arm: -(means[arm].estimate or 0.0))
    frame = pd.DataFrame({arm: values[arm] for arm in order})

    def draw(canvas: Canvas) -> None:
        axes = canvas.figure.subplots()
        rows_of(axes, order)
        places = np.arange(len(order))
        for _, row in frame.iterrows():
            axes.plot(row.to_numpy(dtype=float), places, color=GRID, linewidth=0.8, zorder=1)
        for i, arm in enumerate(order):
            column = frame[arm].dropna()
            texts = [f"{arm}, replicate {r}: {v:.2f} %" for r, v in column.items()]
            canvas.points(
                axes, column, [i] * len(column), texts, source.styles[arm], markersize=3, alpha=0.75
            )
            d = means[arm]
            ends = d.interval()
            if ends is not None and d.estimate is not None:
                axes.plot(ends, [i + 0.24] * 2, color=source.styles[arm].color, linewidth=1.2)
                texts = [f"{arm}: mean {said(d, '%', '')}"]
                canvas.points(axes, [d.estimate], [i + 0.24], texts, source.styles[arm], markersize=5.5)
        axes.set_xlabel("balanced accuracy, %")

    caption = (
        f"Every replicate at its arm's own best budget; a grey line joins the arms on one draw (n = "
        f"{len(frame)}). "
        "Below each row the mean with its 95 % interval. Lines that run in parallel are why pairing helps."
    )
    height = rows_height(len(order), 2)
    return Chart(f"replicates{end}", headed(heading, caption), draw, (height, height), wide=True)


def _by_replicate(values: pd.Series) -> pd.Series:
    return values.groupby(level=0).mean() if values.index.nlevels == 2 else values


def _arm_table(frame: pd.DataFrame, heading: str, end: str) -> Table:
    bases = [base for base in BASELINES if f"to_{base}" in frame and frame[f"to_{base}"].notna().any()]
    columns = (
        Column("arm", "Arm"),
        Column("mean", "balanced accuracy, % [95 %]", 1, ends=("low", "high")),
        Column("steps_low", "steps from", 0),
        Column("steps_high", "to", 0),
        *(
            Column(f"to_{b}", f"to {b} [95 %]", 1, signed=True, ends=(f"to_{b}_low", f"to_{b}_high"))
            for b in bases
        ),
        Column("n", "n"),
    )
    caption = (
        "Every arm at its default cell and own best budget, the highest mean first; differences are "
        "paired, in "
        "points. Steps: the range that the folds chose."
    )
    return Table(f"arms{end}", headed(heading, caption), frame.reset_index(drop=True), columns)


def _difference_table(
    source: Source, part: Evidence, sides: dict[str, Side], heading: str, end: str
) -> Table:
    own = own_budget(part).name
    rows = [
        {
            "claim": claim.id,
            "estimand": claim.entry["estimand"],
            "first": claim.detail.get("first"),
            "second": claim.detail.get("second"),
            **{name: claim.entry[name] for name in ("estimate", "low", "high", "n", "verdict")},
            **{name: claim.detail.get(name) for name in ("p", "p_adjusted", "family")},
        }
        for claim in claims_in(source, part, "method", kind="pair", budget=own)
    ]
    names = [
        "claim",
        "second",
        "first",
        "estimand",
        "estimate",
        "low",
        "high",
        "p",
        "p_adjusted",
        "family",
        "n",
        "verdict",
    ]
    frame = pd.DataFrame(rows, columns=names)
    frame = frame.drop(columns=[name for name in ("p_adjusted", "family") if frame[name].isna().all()])
    columns = [
        Column("second", "Arm"),
        Column("first", "against"),
        Column("estimand", "estimand"),
        Column("estimate", "points [95 %]", 2, signed=True, ends=("low", "high")),
        Column("p", "p", 4),
        *([Column("p_adjusted", "p, corrected", 4)] if "p_adjusted" in frame else []),
        Column("n", "n"),
        Column("verdict", "verdict"),
        Column("claim", "claim"),
    ]
    caption = "All comparisons at the own best budget: paired differences in points of balanced accuracy."
    return Table(f"differences{end}", headed(heading, caption), frame, tuple(columns))
