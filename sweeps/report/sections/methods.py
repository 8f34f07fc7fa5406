"""The arms against the cheap baselines: forest, replicates, what a moved threshold gives, recalls."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ...analysis.evidence import Evidence
from ...analysis.paired import Difference, student
from ...analysis.scores import Side, own_budget, side_values
from ...answers.method import default_sides
from ...answers.table import arm_table
from ..canvas import Canvas, rows_of
from ..forest import forest, rows_height
from ..look import GRID, MUTED, NEUTRAL, SERIES, Style
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
    estimate,
    said,
    suffix,
)
from .parts import BASELINES, against, arms_of, claims_in, mean_of, per_result, recalls, row_of_claim

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
        sides, end = default_sides(part), suffix(number)
        if not sides:
            continue
        if len(sides) > 1:
            parts.append(_forest_chart(source, part, sides, heading, end))
            parts.append(_replicate_chart(source, part, sides, heading, end))
        split = claims_in(source, part, "method", kind="decomposition", budget=own_budget(part).name)
        if split:
            parts.append(_split_chart([claim.detail for claim in split], heading, end))
        shown = _recalls(source, part, sides)
        if len(shown):
            parts.append(_recall_chart(source, shown, heading, end))
        own = context_text(part), ", ".join(str(v) for _, v in part.cells[0].context)
        parts.append(_arm_table(table[table["context"].isin(own)], heading, end))
        parts.append(_difference_table(source, part, sides, heading, end))
        if len(shown):
            parts.append(_recall_table(shown, heading, end))
        found = [c for c in claims_in(source, part, "method", budget=own_budget(part).name)
                 if c.kind in ("summary", "decomposition")]  # fmt: skip
        parts.append(Said(f"Methods{': ' + heading if heading else ''}", tuple(found)))
    return Section("methods", "Methods", LEAD, tuple(parts), "results of two arms or more")


def _headed(heading: str, caption: str) -> str:
    return f"{heading}: {caption}" if heading else caption


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
        f"Paired differences in balanced accuracy with 95 % intervals, n = {n} replicates, each arm at its own "
        f"best budget. The band is ±{source.margin:.2f} points."
    )
    keys = (
        tuple(Key(ESTIMANDS[name][0], ESTIMANDS[name][1]) for name in estimands) if len(estimands) > 1 else ()
    )
    tall = rows_height(len(labels), len(estimands))
    narrow = rows_height(len(labels) - 1, len(estimands), len(bases)) + 0.2
    return Chart(f"methods{end}", _headed(heading, caption), draw, (tall, narrow), wide=True, keys=keys)


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
        f"Every replicate at its arm's own best budget; a grey line joins the arms on one draw (n = {len(frame)}). "
        "Below each row the mean with its 95 % interval. Lines that run in parallel are why pairing helps."
    )
    height = rows_height(len(order), 2)
    return Chart(f"replicates{end}", _headed(heading, caption), draw, (height, height))


def _by_replicate(values: pd.Series) -> pd.Series:
    return values.groupby(level=0).mean() if values.index.nlevels == 2 else values


def _split_chart(parts: list[Any], heading: str, end: str) -> Chart:
    """Two bars an arm: what the moved threshold gives, and what the geometry adds to or takes from it."""
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
            canvas.points(axes, [start], [i], texts, PRIOR, markersize=4)
            total = part["total"]
            texts = [f"{labels[i]}: geometry {said(left)}; together {said(total)}"]
            canvas.points(axes, [total["estimate"]], [i], texts, GEOMETRY, markersize=4)
        axes.set_xlabel("points of balanced accuracy against none")
        if canvas.paper:
            canvas.legend([("prior shift", PRIOR), ("geometry", GEOMETRY)])

    caption = (
        "Every gain against none in two parts: hatched, what moving the threshold of none also gives; full, what "
        "the synthetic rows' geometry adds (to the right) or takes (to the left), with its 95 % interval."
    )
    height = rows_height(len(labels), 2)
    keys = (Key("prior shift (hatched)", PRIOR), Key("geometry", GEOMETRY))
    return Chart(f"decomposition{end}", _headed(heading, caption), draw, (height, height), keys=keys)


def _recalls(source: Source, part: Evidence, sides: dict[str, Side]) -> pd.DataFrame:
    """Mean recalls an arm, and their paired differences to the first baseline."""
    found = per_result(source.lines, part, [key for side in sides.values() for key in side.keys], recalls)
    tables = {arm: found.get(side.keys[0], pd.DataFrame()) for arm, side in sides.items()}
    base = next((arm for arm in _bases(sides) if len(tables[arm].columns)), None)
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


def _recall_chart(source: Source, frame: pd.DataFrame, heading: str, end: str) -> Chart:
    rows = frame.to_dict("records")

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
        "What an arm takes from the majority it gives to the minority: recalls at the own best budget, with 95 % "
        "intervals. Up and to the right is better."
    )
    keys = tuple(Key(str(row["arm"]), source.styles[row["arm"]]) for row in rows)
    return Chart(f"recalls{end}", _headed(heading, caption), draw, (3.3, 3.3), keys=keys)


def _recall_table(frame: pd.DataFrame, heading: str, end: str) -> Table:
    columns = [Column("arm", "Arm")]
    for name in ("minority", "majority"):
        columns.append(Column(name, f"{name}, % [95 %]", 1, ends=(f"{name}_low", f"{name}_high")))
        if f"{name}_change" in frame:
            ends = (f"{name}_change_low", f"{name}_change_high")
            columns.append(Column(f"{name}_change", "change, points [95 %]", 1, signed=True, ends=ends))
    base = next((b for b in frame["against"] if isinstance(b, str)), "the first arm")
    caption = f"Recall of the smaller classes and of the largest; changes are paired, against {base}."
    return Table(f"recalls{end}", _headed(heading, caption), frame, tuple(columns))


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
        "Every arm at its default cell and own best budget, the highest mean first; differences are paired, in "
        "points. Steps: the range that the folds chose."
    )
    return Table(f"arms{end}", _headed(heading, caption), frame.reset_index(drop=True), columns)


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
            **{name: claim.detail.get(name) for name in ("p", "p_holm", "family")},
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
        "p_holm",
        "family",
        "n",
        "verdict",
    ]
    frame = pd.DataFrame(rows, columns=names)
    frame = frame.drop(columns=[name for name in ("p_holm", "family") if frame[name].isna().all()])
    columns = [
        Column("second", "Arm"),
        Column("first", "against"),
        Column("estimand", "estimand"),
        Column("estimate", "points [95 %]", 2, signed=True, ends=("low", "high")),
        Column("p", "p", 4),
        *([Column("p_holm", "p (Holm)", 4)] if "p_holm" in frame else []),
        Column("n", "n"),
        Column("verdict", "verdict"),
        Column("claim", "claim"),
    ]
    caption = "All comparisons at the own best budget: paired differences in points of balanced accuracy."
    return Table(f"differences{end}", _headed(heading, caption), frame, tuple(columns))
