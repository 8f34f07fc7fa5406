"""Charts of what claims hold: shares of variance, the gap closed, differences of gains, sizes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..canvas import Canvas
from ..claims import Claim
from ..forest import forest, rows_height
from ..look import BAND, MUTED, plain_styles
from ..model import Chart, Key, Source, headed, said
from .parts import row_of_claim


def claim_chart(
    source: Source, name: str, claims: Sequence[Claim], labels: Sequence[str], caption: str, heading: str = ""
) -> Chart:
    """A forest of the claims' own estimates, in points."""
    rows = [row_of_claim(label, claim) for label, claim in zip(labels, claims, strict=True)]
    [style] = plain_styles(1)

    def draw(canvas: Canvas) -> None:
        axes = canvas.figure.subplots()
        forest(canvas, axes, labels, [(style, rows)], source.margin, "points")

    height = rows_height(len(rows))
    return Chart(name, headed(heading, caption), draw, (height, height))


def share_chart(name: str, claims: Sequence[Claim], heading: str) -> Chart:
    """Shares of explainable variance with their intervals, and the band that noise alone gives."""
    rows = [
        {
            "label": f"{claim.detail['arm']}: {claim.detail['knob']}",
            "estimate": claim.detail["share"],
            "low": claim.detail["share_low"],
            "high": claim.detail["share_high"],
            "null": claim.detail["null"],
            "n": claim.entry["n"],
        }
        for claim in claims
        if claim.detail.get("share") is not None
    ]
    for row in rows:
        row["text"] = f"{row['label']}: {said(row, '%', '')}; noise alone up to {row['null']:.1f} %"
    return _percent_chart(name, rows, "share of the explainable variance, %", (
        "What each knob explains of the variance that can be explained, corrected for noise, with 95 % "
        "intervals. "
        "Grey: what noise alone gives in 95 of 100 permutations."
    ), heading)  # fmt: skip


def gap_chart(name: str, claims: Sequence[Claim], heading: str) -> Chart:
    """How much of the VAE's gap each ablation closes."""
    rows: list[dict[str, Any]] = [
        {
            "label": str(claim.detail["ablation"]),
            "estimate": claim.detail["closed"],
            "low": claim.detail["closed_low"],
            "high": claim.detail["closed_high"],
            "null": None,
            "n": claim.entry["n"],
        }
        for claim in claims
        if claim.detail.get("closed") is not None
    ]
    for row in rows:
        row["text"] = f"{row['label']}: {said(row, '%', '+')} of the gap closed"
    return _percent_chart(name, rows, "gap closed, %", (
        "How much of the VAE's gap each ablation closes, with 95 % intervals. 100 % is the whole gap; an "
        "interval "
        "that holds 0 is no evidence for that cause."
    ), heading)  # fmt: skip


def _percent_chart(name: str, rows: list[dict[str, Any]], xlabel: str, caption: str, heading: str) -> Chart:
    [style] = plain_styles(1)

    def draw(canvas: Canvas) -> None:
        axes = canvas.figure.subplots()
        for i, row in enumerate(rows):
            if row["null"] is not None:
                axes.barh(i, row["null"], 0.62, color=BAND, linewidth=0)
        forest(canvas, axes, [row["label"] for row in rows], [(style, rows)], None, xlabel)
        axes.axvline(0, color=MUTED, linewidth=0.8)

    height = rows_height(len(rows))
    return Chart(name, headed(heading, caption), draw, (height, height))


def size_chart(source: Source, claims: Sequence[Claim]) -> Chart:
    """Gains over a baseline by the number of minority rows."""
    labels = [f"{claim.detail['arm']} over {claim.detail['base']}" for claim in claims]
    styles = plain_styles(len(claims))

    def draw(canvas: Canvas) -> None:
        axes = canvas.figure.subplots()
        axes.axhspan(-source.margin, source.margin, color=BAND, linewidth=0, zorder=0)
        axes.axhline(0, color=MUTED, linewidth=0.8)
        sizes: set[int] = set()
        for number, (claim, style, label) in enumerate(zip(claims, styles, labels, strict=True)):
            points = [point for point in claim.detail["points"] if point["estimate"] is not None]
            x, y = [p["size"] for p in points], [p["estimate"] for p in points]
            sizes |= set(x)
            canvas.line(axes, x, y, style, number)
            ends = [[float("nan") if p[e] is None else p[e] for p in points] for e in ("low", "high")]
            canvas.whiskers(axes, x, ends[0], ends[1], style, number)
            canvas.points(
                axes, x, y, [f"{label}, {p['size']} rows: {said(p)}" for p in points], style, number
            )
        axes.set_xscale("log")
        axes.set_xticks(sorted(sizes), [str(size) for size in sorted(sizes)])
        axes.minorticks_off()
        axes.set_xlabel("rows of the minority (log scale)")
        axes.set_ylabel("gain, points")
        axes.grid(axis="y")
        if canvas.paper:
            canvas.legend(list(zip(labels, styles, strict=True)))

    caption = (
        "Gain by the number of minority rows, paired, 95 % intervals. An arm pays where its interval lies "
        "above "
        "the band."
    )
    keys = tuple(Key(label, style) for label, style in zip(labels, styles, strict=True))
    return Chart("sizes", caption, draw, (3.2, 3.4), wide=True, keys=keys)
