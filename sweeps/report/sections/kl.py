"""The divergence of each latent dimension of the VAE, largest first, beside that of no information."""

from __future__ import annotations

import re

import pandas as pd
from matplotlib.ticker import MaxNLocator

from ...analysis.evidence import Evidence
from ...answers.levels import levels_of
from ...answers.sentences import level_text
from ..canvas import Canvas
from ..look import MUTED, plain_styles
from ..model import Chart, Source, headed, rows_in
from .quality import diagnostics_of

ONE = re.compile(r"vae_kl_(\d+)")
ACTIVE = 0.01  # nats; a dimension with less tells its decoder nothing


def kl_chart(source: Source, part: Evidence, heading: str, end: str) -> Chart | None:
    """Bars of the divergence a dimension, one panel a latent size; None where no result holds them."""
    frames = _frames(source, part)
    if not frames:
        return None
    [style] = plain_styles(1)

    def draw(canvas: Canvas) -> None:
        across = min(len(frames), 2 if canvas.narrow else 4)
        panels = canvas.figure.subplots(-(-len(frames) // across), across, squeeze=False).ravel()
        for axes, (label, frame) in zip(panels, frames.items(), strict=False):
            rows = rows_in(frame)
            x, y = [row["place"] for row in rows], [row["mean"] for row in rows]
            active = [v > ACTIVE for v in y]
            colours = [style.color if a else MUTED for a in active]
            axes.bar(x, y, 0.8, color=colours, alpha=0.55, linewidth=0)
            ends = [[float("nan") if row[e] is None else row[e] for row in rows] for e in ("low", "high")]
            canvas.whiskers(axes, x, ends[0], ends[1], style)
            texts = [f"{label}, dimension {p}: {v:.3g} nats" for p, v in zip(x, y, strict=True)]
            canvas.points(axes, x, y, texts, style, markersize=2.5)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.set_title(f"{label}: {sum(active)} of {len(rows)} above {ACTIVE:g} nats")
            axes.set_xlabel("latent dimension, largest first")
            axes.grid(axis="y")
        panels[0].set_ylabel("KL to the prior, nats")
        for axes in panels[len(frames) :]:
            axes.set_visible(False)

    count = int(next(iter(frames.values()))["n"].max())
    caption = (
        "What each latent dimension of the VAE tells: its KL divergence from the prior, mean over n = "
        f"{count} "
        "replicates with 95 % intervals. A dimension near 0 is unused; all near 0 is posterior collapse."
    )
    tall, narrow = (0.4 + 2.2 * -(-len(frames) // across) for across in (4, 2))
    return Chart(f"kl{end}", headed(heading, caption), draw, (tall, narrow), wide=len(frames) > 1)


def _frames(source: Source, part: Evidence) -> dict[str, pd.DataFrame]:
    """By latent size, at otherwise default knobs: place, mean and interval of each dimension."""
    levels = levels_of(part, "vae", "latent")
    default = part.default("vae")
    keys = {} if levels is None else {
        f"latent {level_text(v)}": side.keys[0] for v, side in zip(levels.values, levels.sides, strict=True)
    }  # fmt: skip
    if not keys and default is not None:
        keys = {"vae": default.key}
    frames: dict[str, pd.DataFrame] = {}
    for label, key in keys.items():
        found = diagnostics_of(source, part, [key])
        named = found["diagnostic"].str.extract(ONE)[0] if len(found) else pd.Series(dtype=object)
        if named.notna().any():
            places = named.dropna().astype(int)
            frames[label] = found.loc[places.index].assign(place=places).sort_values("place")
    return frames
