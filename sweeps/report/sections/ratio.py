"""Dose and response: what more synthetic rows do, beside what a moved threshold does."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ...analysis.evidence import Evidence
from ...analysis.scores import Side, contrast, own_budget
from ...answers.levels import Levels, levels_of
from ..canvas import Canvas, margin_band
from ..claims import Claim
from ..look import BAND, MUTED, NEUTRAL, Style, in_order
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
from .parts import claims_in, sides_of

LEAD = (
    "Ratio is synthetic rows in per cent of what a class lacks to the largest one: 0 none, 100 balanced. "
    "A score "
    "that falls beyond 100 % is not overfitting by itself: look whether the AUC and the adjusted score "
    "fall too."
)
MOST_ACROSS = 5
MEASURES = {
    "score": "balanced accuracy",
    "adjusted": "balanced accuracy, adjusted for the prior",
    "auc": "AUC",
    "minority_gap": "minority recall, training less held-out",
}
ADJUSTED = Style(NEUTRAL[1], (0, (1.5, 1.5)), "x", False)
THRESHOLD = Style(NEUTRAL[0], (0, (5, 1.5)), "s", False)


def ratio(source: Source) -> Section:
    """A dose-response figure an arm, one table, the sentences."""
    parts: list[Part] = []
    for number, heading, part in source.detailed():
        found = [
            (arm, levels)
            for arm in in_order(part.arms)
            if (levels := levels_of(part, arm, "ratio")) is not None
        ]
        if not found:
            continue
        frame = pd.concat([_doses(part, levels) for _, levels in found], ignore_index=True)
        parts.append(_dose_chart(source, part, frame, dict(found), heading, suffix(number)))
        parts.append(_twin_chart(source, frame, [arm for arm, _ in found], heading, suffix(number)))
        parts.append(_table(frame, heading, suffix(number)))
        kinds = ("summary", "curve", "beyond_balance", "share")
        claims = [c for c in claims_in(source, part, "ratio")
                  if c.kind in kinds and c.entry["budget"] != "common"]  # fmt: skip
        parts.append(Said(f"Ratio{': ' + heading if heading else ''}", tuple(claims)))
    wanting = "an arm with two ratios or more (space.ratio in the spec)"
    return Section("ratio", "Ratio of synthetic rows", LEAD, tuple(parts), wanting)


def _doses(part: Evidence, levels: Levels) -> pd.DataFrame:
    """One row per ratio and measure: the paired difference to the smallest ratio, in points."""
    own, start = own_budget(part), levels.side(levels.default)
    rows: list[dict[str, Any]] = []
    for value, side in zip(levels.values, levels.sides, strict=True):
        for measure in MEASURES:
            d = contrast(
                part, own, Side(start.label, start.keys, measure), Side(side.label, side.keys, measure)
            )
            row = estimate(d) | {"apart": d.excludes_zero()}
            rows.append({"arm": levels.arm, "ratio": float(value), "measure": measure, **row})
    return pd.DataFrame(rows).assign(against=float(levels.default), settings=levels.settings)


def _threshold(part: Evidence) -> Any:
    """What moving the threshold of none gives, in points against none; None where it is not known."""
    sides = sides_of(part)
    if "none" not in sides:
        return None
    moved = sides.get("logit_adjust") or Side("none", sides["none"].keys, "adjusted")
    d = contrast(part, own_budget(part), sides["none"], moved)
    return None if d.estimate is None else d


def _best(source: Source, part: Evidence, arm: str) -> list[float]:
    """The ratios that are not told apart from the leading one, as the answer says."""
    for claim in _curves(source, part, arm):
        return [float(value) for value in claim.detail["best_set"]]
    for claim in claims_in(source, part, "ratio", kind="summary", arm=arm):
        if claim.entry["budget"] != "common" and "leader" in claim.detail:
            return [float(v) for v in (claim.detail["leader"], *claim.detail["not_told_apart"])]
    return []


def _curves(source: Source, part: Evidence, arm: str) -> list[Claim]:
    """The claims of an arm's whole curve at its own best budget."""
    found = claims_in(source, part, "ratio", kind="curve", arm=arm)
    return [claim for claim in found if claim.entry["budget"] != "common"]


def _band(source: Source, part: Evidence, arm: str) -> pd.DataFrame:
    """The simultaneous band of the curve against its first level; empty where no claim has one."""
    rows = [point for claim in _curves(source, part, arm)[:1] for point in claim.detail["points"]]
    frame = pd.DataFrame(rows, columns=["level", "band_low", "band_high"])
    return frame.astype(float).dropna()


def _dose_chart(
    source: Source, part: Evidence, frame: pd.DataFrame, levels: dict[str, Levels], heading: str, end: str
) -> Chart:
    arms, moved = list(levels), _threshold(part)
    columns = -(-len(arms) // -(-len(arms) // MOST_ACROSS))

    def draw(canvas: Canvas) -> None:
        across = min(2, columns) if canvas.narrow else columns
        grid = canvas.figure.subplots(
            -(-len(arms) // across), across, sharex=True, sharey=True, squeeze=False
        )
        for axes, arm in zip(grid.ravel(), arms, strict=False):
            _dose_panel(
                canvas, axes, source, frame[frame["arm"] == arm], arm, moved, _best(source, part, arm)
            )
            band = _band(source, part, arm)
            canvas.area(axes, band["level"], band["band_low"], band["band_high"], source.styles[arm], 0)
        for axes in grid.ravel()[len(arms) :]:
            axes.set_visible(False)
        for column in grid.T:
            lowest = [axes for axes in column if axes.get_visible()][-1]
            lowest.set_xlabel("ratio, % of the deficit")
            lowest.tick_params(labelbottom=True)
        for axes in grid[:, 0]:
            axes.set_ylabel("points")

    n = int(frame["n"].max())
    banded = any(len(_band(source, part, arm)) for arm in arms)
    caption = (
        f"Change of balanced accuracy against the ratio {frame['against'].iloc[0]:g} % in points, paired, "
        "at the "
        f"own best budget, 95 % intervals, n = {n}. Dotted: the same adjusted for the prior. "
        + ("Dashed: what moving the threshold of none gives. " if moved is not None else "")
        + ("Shaded around the line: the simultaneous band. " if banded else "")
        + "Shaded columns: ratios that may be the best."
    )
    keys = (Key("balanced accuracy", Style("#0b5fa5", "-", "o")), Key("adjusted for the prior", ADJUSTED),
            *((Key("threshold of none moved", THRESHOLD),) if moved is not None else ()))  # fmt: skip
    rows = -(-len(arms) // columns)
    narrow = 0.7 + 1.8 * -(-len(arms) // 2)
    return Chart(f"ratio{end}", headed(heading, caption), draw, (0.7 + 2.2 * rows, narrow), True, keys)


def _dose_panel(
    canvas: Canvas, axes: Any, source: Source, frame: pd.DataFrame, arm: str, moved: Any, best: list[float]
) -> None:
    rows = frame[frame["measure"] == "score"].dropna(subset=["estimate"])
    style = source.styles[arm]
    for value in best:
        axes.axvspan(value - 9, value + 9, color=BAND, linewidth=0, zorder=0)
    margin_band(axes, source.margin, horizontal=True)
    if moved is not None:
        axes.axhline(moved.estimate, color=THRESHOLD.color, linestyle=THRESHOLD.dash, linewidth=1)
        if (ends := moved.interval()) is not None:
            axes.axhspan(*ends, color=THRESHOLD.color, alpha=0.07, linewidth=0)
    free = frame[frame["measure"] == "adjusted"].dropna(subset=["estimate"])
    canvas.line(axes, free["ratio"], free["estimate"], ADJUSTED, 1)
    canvas.points(
        axes, free["ratio"], free["estimate"], _texts(free, f"{arm}, adjusted"), ADJUSTED, 1, markersize=3.5
    )
    canvas.line(axes, rows["ratio"], rows["estimate"], Style(style.color, "-", "o"), 0)
    canvas.whiskers(axes, rows["ratio"], rows["low"], rows["high"], style, 0)
    canvas.points(axes, rows["ratio"], rows["estimate"], _texts(rows, arm), style, 0)
    axes.set_title(arm)
    axes.grid(axis="y")
    axes.set_xticks(sorted(set(frame["ratio"])))
    axes.tick_params(axis="x", labelrotation=45 if frame["ratio"].nunique() > 5 else 0)


def _texts(rows: pd.DataFrame, what: str) -> list[str]:
    return [f"{what}, ratio {row['ratio']:g} %: {said(row)}" for row in rows_in(rows)]


def _twin_chart(source: Source, frame: pd.DataFrame, arms: list[str], heading: str, end: str) -> Chart:
    """AUC and the minority's gap between training and held-out recall over the ratio."""
    measures = [
        m for m in ("auc", "minority_gap") if frame.loc[frame["measure"] == m, "estimate"].notna().any()
    ]

    def draw(canvas: Canvas) -> None:
        drawn = canvas.panels(max(1, len(measures)))
        for axes, measure in zip(drawn, measures, strict=False):
            for number, arm in enumerate(arms):
                style = source.styles[arm]
                rows = frame[(frame["measure"] == measure) & (frame["arm"] == arm)].dropna(
                    subset=["estimate"]
                )
                shift = (number - (len(arms) - 1) / 2) * 2.6
                canvas.line(axes, rows["ratio"] + shift, rows["estimate"], style, number)
                canvas.whiskers(axes, rows["ratio"] + shift, rows["low"], rows["high"], style, number)
                texts = _texts(rows, f"{arm}, {MEASURES[measure]}")
                canvas.points(axes, rows["ratio"] + shift, rows["estimate"], texts, style, number)
            axes.axhline(0, color=MUTED, linewidth=0.8)
            axes.set_title(f"{MEASURES[measure]}, points")
            axes.set_xlabel("ratio, % of the deficit")
            axes.set_xticks(sorted(set(frame["ratio"])))
            axes.grid(axis="y")
        if canvas.paper:
            canvas.legend([(arm, source.styles[arm]) for arm in arms])

    caption = (
        "Change of the AUC (free of any threshold) and of the gap between training and held-out recall of "
        "the "
        "minority, paired, 95 % intervals. Overfitting shows as a falling AUC and a growing gap."
    )
    keys = tuple(Key(arm, source.styles[arm]) for arm in arms)
    height = 1.0 + 2.1 * max(1, len(measures))
    return Chart(f"ratio-auc{end}", headed(heading, caption), draw, (2.8, height), True, keys)


def _table(frame: pd.DataFrame, heading: str, end: str) -> Table:
    shown = frame.assign(what=frame["measure"].map(MEASURES))
    shown = shown[shown["ratio"] != shown["against"]].dropna(subset=["estimate"]).reset_index(drop=True)
    columns = (
        Column("arm", "Arm"),
        Column("ratio", "ratio, %"),
        Column("what", "measure"),
        Column("estimate", "change, points [95 %]", 2, signed=True, ends=("low", "high")),
        Column("n", "n"),
    )
    caption = "Changes over the ratio, paired, in points; each arm against its smallest ratio."
    return Table(f"ratio{end}", headed(heading, caption), shown, columns)
