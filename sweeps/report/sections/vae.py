"""The VAE: its latent size, whether it collapses, what ablations close the gap."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ...analysis.evidence import Evidence
from ...analysis.scores import Side, own_budget
from ...answers.levels import levels_of
from ..canvas import Canvas
from ..forest import forest, rows_height
from ..look import in_order, plain_styles
from ..model import (
    Chart,
    Column,
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
from .bars import gap_chart
from .kl import kl_chart
from .parts import against, claims_in, mean_of, sides_of
from .quality import diagnostics_of

LEAD = (
    "Rows that a VAE decodes have less variance than real ones even when it is perfect. A loss is put "
    "down to a "
    "cause only where an ablation that restores it closes the gap."
)
RELATED = ("vae", "gaussian", "noise")  # the VAE, its ablations (vae_...), and what stands beside it
TRACED = ("vae_active_units", "vae_kl", "variance_ratio", "effective_rank")


def vae(source: Source) -> Section:
    """Latent sizes, collapse, ablations."""
    parts: list[Part] = []
    for number, heading, part in source.detailed():
        arms = [arm for arm in in_order(part.arms) if arm.startswith("vae") or arm in RELATED]
        if not any(arm.startswith("vae") for arm in arms):
            continue
        frames = [frame for arm in arms if (frame := _latents(source, part, arm)) is not None]
        if frames:
            frame = pd.concat(frames, ignore_index=True)
            parts += [_chart(source, frame, heading, suffix(number)), _table(frame, heading, suffix(number))]
        spectrum = kl_chart(source, part, heading, suffix(number))
        parts += [] if spectrum is None else [spectrum]
        closed = [
            c for c in claims_in(source, part, "vae", kind="ablation") if c.detail["closed"] is not None
        ]
        if closed:
            parts.append(gap_chart(f"gap{suffix(number)}", closed, heading))
        if len(arms) > 1:
            parts.append(_ablations(source, part, arms, heading, suffix(number)))
        found = [
            claim
            for question in ("vae", "latent")
            for claim in claims_in(source, part, question)
            if claim.entry["budget"] != "common" and claim.kind != "pair"
        ]
        if found:
            parts.append(Said(f"VAE{': ' + heading if heading else ''}", tuple(found)))
    return Section("vae", "The VAE", LEAD, tuple(parts), "results of the arm vae")


def _latents(source: Source, part: Evidence, arm: str) -> pd.DataFrame | None:
    """One row per latent size: mean score, and the mean of each traced diagnostic."""
    levels = levels_of(part, arm, "latent")
    if levels is None:
        return None
    rows = []
    for value, side in zip(levels.values, levels.sides, strict=True):
        row: dict[str, Any] = {"arm": arm, "latent": value, **estimate(mean_of(part, own_budget(part), side))}
        found = diagnostics_of(source, part, list(side.keys))
        for name in TRACED:
            if len(found) and (found["diagnostic"] == name).any():
                row[name] = float(found.loc[found["diagnostic"] == name, "mean"].astype(float).mean())
        rows.append(row)
    return pd.DataFrame(rows)


def _chart(source: Source, frame: pd.DataFrame, heading: str, end: str) -> Chart:
    traced = [str(name) for name in frame if name not in ("arm", "latent", "estimate", "low", "high", "n")]
    arms = list(dict.fromkeys(frame["arm"]))

    def draw(canvas: Canvas) -> None:
        panels = 1 + len(traced)
        across = min(panels, 2 if canvas.narrow else 4)
        grid = canvas.figure.subplots(-(-panels // across), across, squeeze=False).ravel()
        for axes, name in zip(grid, ["estimate", *traced], strict=False):
            for number, arm in enumerate(arms):
                rows, style = frame[frame["arm"] == arm], source.styles[arm]
                canvas.line(axes, rows["latent"], rows[name], style, number)
                texts = [f"{arm}, latent {v:g}: {_said(name, row)}"
                         for v, row in zip(rows["latent"], rows_in(rows), strict=True)]  # fmt: skip
                if name == "estimate":
                    canvas.whiskers(axes, rows["latent"], rows["low"], rows["high"], style, number)
                canvas.points(axes, rows["latent"], rows[name], texts, style, number)
            axes.set_xscale("log", base=2)
            axes.set_xticks(sorted(set(frame["latent"])), [f"{v:g}" for v in sorted(set(frame["latent"]))])
            axes.minorticks_off()
            axes.set_title("balanced accuracy, %" if name == "estimate" else name.replace("_", " "))
            axes.set_xlabel("latent dimensions (log scale)")
            axes.grid(axis="y")
        for axes in grid[panels:]:
            axes.set_visible(False)

    caption = "The VAE over its latent size: balanced accuracy at the own best budget with 95 % intervals" + (
        ", and diagnostics of its rows (means over replicates)." if traced else "."
    )
    rows = -(-(1 + len(traced)) // 4)
    narrow = 0.5 + 2.3 * -(-(1 + len(traced)) // 2)
    return Chart(f"latent{end}", headed(heading, caption), draw, (0.5 + 2.3 * rows, narrow), bool(traced))


def _said(name: str, row: Any) -> str:
    return said(row, "%", "") if name == "estimate" else f"{name.replace('_', ' ')} {row[name]:.3g}"


def _table(frame: pd.DataFrame, heading: str, end: str) -> Table:
    traced = [str(name) for name in frame if name not in ("arm", "latent", "estimate", "low", "high", "n")]
    columns = (
        Column("arm", "Arm"),
        Column("latent", "latent"),
        Column("estimate", "balanced accuracy, % [95 %]", 2, ends=("low", "high")),
        *(Column(name, name.replace("_", " "), 3) for name in traced),
        Column("n", "n"),
    )
    return Table(
        f"latent{end}", headed(heading, "Latent sizes at the own best budget."), frame, columns, bool(traced)
    )


def _ablations(source: Source, part: Evidence, arms: list[str], heading: str, end: str) -> Chart:
    sides: dict[str, Side] = sides_of(part)
    base = next(arm for arm in arms if arm.startswith("vae"))
    others = [a for a in ("none", "ros", "smote") if a in sides]
    rows = [row for row in against(part, sides, base) if row["label"] in {*arms, *others}]
    [style] = plain_styles(1)

    def draw(canvas: Canvas) -> None:
        axes = canvas.figure.subplots()
        forest(canvas, axes, [row["label"] for row in rows], [(style, rows)], source.margin, "points")
        axes.set_title(f"against {base}")

    n = int(np.max([row["n"] for row in rows]))
    caption = (
        f"What stands beside the VAE, paired against {base} at its default, 95 % intervals, n = {n}: an "
        "arm to the "
        "right restores something that the VAE lacks."
    )
    height = rows_height(len(rows)) + 0.2
    return Chart(f"ablations{end}", headed(heading, caption), draw, (height, height))
