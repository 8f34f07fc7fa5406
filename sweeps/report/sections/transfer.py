"""Other classifiers, data sets, encoders: whether a gain over none is there as well."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ...analysis.scores import contrast, own_budget
from ..canvas import Canvas
from ..claims import Claim
from ..forest import forest, rows_height
from ..look import plain_styles
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
    rows_in,
)
from .bars import claim_chart, size_chart
from .parts import row_of, sides_of

LEAD = (
    "The same arm in another context: its gain over none there, and how much the gain differs. Contexts "
    "are never "
    "pooled as if they were replicates."
)
QUESTIONS = ("classifier", "encoder", "imbalance", "size")
MOST_ARMS = 12


def transfer(source: Source) -> Section:
    """Gains by context, and what the answers say of their differences."""
    frame = _gains(source)
    parts: list[Part] = []
    if len(source.contexts) > 1 and len(frame):
        parts += [_chart(source, frame), _table(frame)]
    moved = tuple(
        claim for name in ("classifier", "encoder", "imbalance") for claim in source.of(name, kind="transfer")
    )
    if moved:
        parts.append(_differences(source, moved))
    sizes = source.of("size", kind="size")
    if sizes:
        parts.append(size_chart(source, sizes[:MOST_ARMS]))
    kinds = [claim for question in QUESTIONS for claim in source.of(question)]
    if kinds:
        parts.append(Said("Transfer", tuple(kinds)))
    wanting = (
        "a sweep over two classifiers, data sets, encoders or imbalance sizes, each with none and another arm"
    )
    return Section("transfer", "Transfer", LEAD, tuple(parts), wanting)


def _differences(source: Source, claims: tuple[Claim, ...]) -> Chart:
    labels = [f"{c.detail['arm']} over {c.detail['base']}, {c.detail['second']}" for c in claims]
    first = ", ".join(dict.fromkeys(str(claim.detail["first"]) for claim in claims))
    caption = (
        f"How much a gain differs from that in the first context ({first}): difference in differences, 95 % "
        f"intervals. Within ±{source.margin:.2f} points a gain transfers."
    )
    return claim_chart(source, "differences-of-gains", claims, labels, caption)


def _gains(source: Source) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for part in source.contexts:
        sides = sides_of(part)
        for arm, side in sides.items():
            if arm != "none" and "none" in sides:
                d = contrast(part, own_budget(part), sides["none"], side)
                rows.append(row_of(arm, d, context=context_text(part)))
    return pd.DataFrame(rows)


def _chart(source: Source, frame: pd.DataFrame) -> Chart:
    arms = list(dict.fromkeys(frame["label"]))[:MOST_ARMS]
    contexts = list(dict.fromkeys(frame["context"]))
    styles = plain_styles(len(contexts))
    clean = frame.astype(object).where(frame.notna(), None)

    def draw(canvas: Canvas) -> None:
        axes = canvas.figure.subplots()
        groups = [
            (style, [row | {"text": f"{context}, {row['text']}"}
                     for row in rows_in(clean[clean["context"] == context])])
            for style, context in zip(styles, contexts, strict=True)
        ]  # fmt: skip
        forest(canvas, axes, arms, groups, source.margin, "gain over none, points")
        if canvas.paper:
            canvas.legend(list(zip(contexts, styles, strict=True)))

    caption = (
        "Gain over none of each arm at its default and own best budget, by context; paired within a "
        "context, 95 % "
        "intervals."
    )
    keys = tuple(Key(context, style) for context, style in zip(contexts, styles, strict=True))
    height = rows_height(len(arms), 2 * len(contexts))
    return Chart("transfer", caption, draw, (height, height), wide=True, keys=keys)


def _table(frame: pd.DataFrame) -> Table:
    columns = (
        Column("label", "Arm"),
        Column("context", "context"),
        Column("estimate", "gain over none [95 %]", 2, signed=True, ends=("low", "high")),
        Column("n", "n"),
    )
    return Table(
        "transfer", "Gains over none by context, paired, in points.", frame.drop(columns="text"), columns
    )
