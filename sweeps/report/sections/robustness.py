"""The classifier's settings: what every arm gains at each of them, and whether that holds."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.ticker import FuncFormatter, LogLocator

from ..canvas import Canvas, margin_band
from ..claims import Claim
from ..model import Chart, Column, Key, Part, Said, Section, Source, Table, headed, said, suffix
from .parts import claims_in

LEAD = (
    "The same arms at other learning rates, weight decays and widths, all arms at the same points. A "
    "gain that "
    "is there at one setting alone is a property of the setting."
)
SHIFT = 1.06  # by which the marks of two arms at one setting stand apart
NOT_SETTINGS = ("label", "estimate", "low", "high", "n")


def robustness(source: Source) -> Section:
    """Gains over each setting, a table, the sentences."""
    parts: list[Part] = []
    for number, heading, part in source.detailed():
        found = claims_in(source, part, "robustness")
        held = [claim for claim in found if claim.kind == "robustness"]
        for base in dict.fromkeys(claim.detail["base"] for claim in held):
            mine = [claim for claim in held if claim.detail["base"] == base]
            parts.append(_chart(source, mine, base, f"settings-{base}{suffix(number)}", heading))
        if held:
            parts.append(_table(held, heading, suffix(number)))
        if found:
            parts.append(Said(f"Robustness{': ' + heading if heading else ''}", found))
    wanting = "a block of settings of the classifier: robustness.points of the spec"
    return Section("robustness", "Robustness over the classifier's settings", LEAD, tuple(parts), wanting)


def _settings(claim: Claim) -> list[str]:
    return [name for name in claim.detail["points"][0] if name not in NOT_SETTINGS]


def _chart(source: Source, claims: list[Claim], base: str, name: str, heading: str) -> Chart:
    names = _settings(claims[0])

    def draw(canvas: Canvas) -> None:
        panels = canvas.panels(len(names))
        for axes, setting in zip(panels, names, strict=True):
            margin_band(axes, source.margin, horizontal=True)
            for number, claim in enumerate(claims):
                arm, points = claim.detail["arm"], _told(claim)
                style = source.styles[arm]
                x = [float(p[setting]) * SHIFT ** (number - len(claims) / 2) for p in points]
                texts = [f"{arm}, {p['label']}: {said(p)}" for p in points]
                lows, highs = ([p[end] for p in points] for end in ("low", "high"))
                canvas.whiskers(axes, x, lows, highs, style, number, alpha=0.5)
                canvas.points(axes, x, [p["estimate"] for p in points], texts, style, number)
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(numticks=4 if canvas.narrow else 5))
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axes.minorticks_off()
            axes.set_xlabel(f"{setting.rpartition('.')[2].replace('_', ' ')} (log scale)")
            axes.grid(axis="y")
        panels[0].set_ylabel(f"gain over {base}, points")
        if canvas.paper:
            canvas.legend([(c.detail["arm"], source.styles[c.detail["arm"]]) for c in claims])

    count, n = claims[0].detail["settings"], claims[0].entry["n"]
    caption = (
        f"Gain over {base} at each of {count} Sobol points over the classifier's settings, each panel "
        "against "
        f"one of them; paired, 95 % intervals, n = {n}, own best budget. The band is "
        f"±{source.margin:.2f} points."
    )
    keys = tuple(Key(c.detail["arm"], source.styles[c.detail["arm"]]) for c in claims)
    return Chart(name, headed(heading, caption), draw, (2.9, 0.6 + 2.3 * len(names)), wide=True, keys=keys)


def _told(claim: Claim) -> list[dict[str, Any]]:
    points = [dict(point) for point in claim.detail["points"] if point["estimate"] is not None]
    return [{**p, **{e: float("nan") if p[e] is None else p[e] for e in ("low", "high")}} for p in points]


def _holds(claim: Claim) -> str:
    if claim.detail["above"] and claim.detail["below"]:
        return "turns"
    return {1: "everywhere", -1: "loses everywhere"}.get(claim.detail["everywhere"], "not shown")


def _table(claims: list[Claim], heading: str, end: str) -> Table:
    names = ("settings", "above", "below", "reading", "varies", "varies_low", "varies_high")
    rows = [
        {name: claim.detail[name] for name in ("arm", "base", *names)}
        | {"holds": _holds(claim)}
        | {name: claim.entry[name] for name in ("estimate", "low", "high", "n")}
        for claim in claims
    ]
    columns = (
        Column("arm", "Arm"),
        Column("base", "over"),
        Column("estimate", "mean gain, points [95 %]", 2, signed=True, ends=("low", "high")),
        Column("above", "settings above 0"),
        Column("below", "below 0"),
        Column("settings", "of"),
        Column("varies", "settings explain, % [95 %]", 0, ends=("varies_low", "varies_high")),
        Column("holds", "holds"),
        Column("n", "n"),
    )
    caption = (
        "Gains averaged over the settings; at how many the gain is told from 0 after Holm's correction; and "
        "what part of a gain's variance in one replicate the settings explain."
    )
    return Table(f"robustness{end}", headed(heading, caption), pd.DataFrame(rows), columns)
