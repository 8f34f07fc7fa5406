"""Arms over several data sets: gains by data set, the pooled difference, the critical-difference diagram."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ..canvas import Canvas
from ..claims import Claim
from ..look import INK, MUTED, in_order, plain_styles
from ..model import Chart, Column, Part, Said, Section, Source, Table
from .bars import claim_chart

LEAD = (
    "Data sets are the blocks here, never folds or draws. The interval is that of the mean over data sets; "
    "the wider one below says what a further data set like these would give."
)
RULE = 0.22  # height of a bar that joins arms, in rows of the diagram


def data_sets(source: Source) -> Section:
    """Gains by data set, pooled differences, ranks."""
    parts: list[Part] = []
    pooled = [c for c in source.of("data_sets", kind="pooled") if c.entry["estimate"] is not None]
    if pooled:
        labels = [f"{c.detail['arm']} over {c.detail['base']}" for c in pooled]
        count = len(pooled[0].detail["data_sets"])
        caption = (
            f"Mean gain over {count} data sets (random effects, 95 % interval by Hartung and Knapp). The "
            "band "
            f"is ±{source.margin:.2f} points."
        )
        parts += [claim_chart(source, "data-sets", pooled, labels, caption), _table(pooled)]
    for number, claim in enumerate(source.of("data_sets", kind="ranks")):
        if claim.detail.get("critical_difference") is not None:
            parts.append(_diagram(claim, "" if number == 0 else f"-{number + 1}"))
    found = source.of("data_sets")
    if found:
        parts.append(Said("Data sets", found))
    wanting = "sweeps of other data sets with the same arms: synaug report OUT --against OUT2"
    return Section("data_sets", "Over data sets", LEAD, tuple(parts), wanting)


def _table(claims: list[Claim]) -> Table:
    names = list(dict.fromkeys(row["data"] for claim in claims for row in claim.detail["effects"]))
    rows: list[dict[str, Any]] = []
    for claim in claims:
        low, high = claim.detail["prediction"] or (None, None)
        row = {"arm": claim.detail["arm"], "base": claim.detail["base"], "prediction_low": low}
        row |= {"prediction_high": high, "i2": claim.detail["i2"], "data_sets": claim.entry["n"]}
        row |= {name: claim.entry[name] for name in ("estimate", "low", "high", "verdict")}
        for effect in claim.detail["effects"]:
            row |= {f"{effect['data']}{end}": effect[name]
                    for end, name in (("", "estimate"), ("_low", "low"), ("_high", "high"))}  # fmt: skip
        rows.append(row)
    columns = (
        Column("arm", "Arm"),
        Column("base", "over"),
        *(Column(n, f"{n} [95 %]", 1, signed=True, ends=(f"{n}_low", f"{n}_high")) for n in names),
        Column("estimate", "mean [95 %]", 1, signed=True, ends=("low", "high")),
        Column("prediction_low", "a new one from", 1, signed=True),
        Column("prediction_high", "to", 1, signed=True),
        Column("i2", "I², %", 0),
        Column("verdict", "verdict"),
    )
    caption = (
        "Gains in points by data set, paired within each; their mean over data sets, and the 95 % prediction "
        "interval of a new one."
    )
    return Table("data-sets", caption, pd.DataFrame(rows), columns)


def _diagram(claim: Claim, end: str) -> Chart:
    """The critical-difference diagram: arms at their average ranks, those not told apart joined by bars."""
    ranks: dict[str, float] = dict(claim.detail["ranks"])
    cd, count = float(claim.detail["critical_difference"]), len(claim.detail["data_sets"])
    arms = sorted(in_order(ranks), key=ranks.__getitem__)
    cliques = joined([ranks[arm] for arm in arms], cd)
    [style] = plain_styles(1)
    rows = len(arms)

    def draw(canvas: Canvas) -> None:
        axes = canvas.figure.subplots()
        for i, arm in enumerate(arms):
            axes.plot([0.6, ranks[arm]], [i, i], color=MUTED, linewidth=0.6, linestyle=(0, (1, 2)))
            canvas.points(axes, [ranks[arm]], [i], [f"{arm}: average rank {ranks[arm]:.2f}"], style)
        for i, (first, last) in enumerate(cliques):
            at = rows + 0.35 + 0.2 * i
            axes.plot([at, at], [first - RULE, last + RULE], color=INK, linewidth=3)
        axes.plot([1, 1 + cd], [-0.9, -0.9], color=INK, linewidth=1.6)
        axes.text(1, -1.02, f"critical difference {cd:.2f}", va="bottom", fontsize=7.5)
        axes.set_yticks(range(rows), arms)
        axes.set_ylim(rows - 0.5, -1.7)
        axes.set_xlim(0.6, max(rows + 0.5 + 0.2 * len(cliques), 1.2 + cd))
        axes.set_xticks(range(1, rows + 1))
        axes.set_xlabel("average rank, 1 for the highest score")
        axes.grid(axis="x")

    exploratory = " Exploratory: fewer than six data sets." if claim.detail["exploratory"] else ""
    caption = (
        f"Average ranks over {count} data sets (Demšar 2006). A bar on the right joins arms whose ranks "
        "differ "
        "by less "
        f"than the critical difference (Nemenyi, 5 %).{exploratory}"
    )
    height = 1.1 + 0.26 * rows
    return Chart(f"critical-difference{end}", caption, draw, (height, height))


def joined(ranks: list[float], cd: float) -> list[tuple[int, int]]:
    """The longest runs of ascending ranks that lie within the critical difference: first and last places."""
    runs: list[tuple[int, int]] = []
    for first, rank in enumerate(ranks):
        last = max(i for i, other in enumerate(ranks) if i >= first and other - rank < cd)
        if last > first and not (runs and runs[-1][1] >= last):
            runs.append((first, last))
    return runs
