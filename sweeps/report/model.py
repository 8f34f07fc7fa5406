"""What a report is made of: sections with sentences, charts, tables and notes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from ..analysis.evidence import Evidence
from ..analysis.paired import Difference
from ..analysis.records import Line
from .canvas import Canvas
from .claims import Claim
from .look import Style
from .sketches import Sketch

DETAILED = 4  # contexts that get figures of their own; the others stand in the tables


@dataclass(frozen=True)
class Key:
    """An entry of a chart's legend: the series can be shown and hidden by it."""

    label: str
    style: Style


@dataclass(frozen=True)
class Chart:
    """A figure: on the page as SVG, beside it as PDF and PNG.

    Attributes:
        name: stem of its files; lower case, unique in the report.
        caption: what is shown, with unit, interval and n.
        draw: draws it on a canvas of any width.
        height: height in inches, of a canvas as wide as a page and of a narrow one.
        wide: whether it takes the page's whole width.
        keys: its series, where a legend is needed.
    """

    name: str
    caption: str
    draw: Callable[[Canvas], None]
    height: tuple[float, float]
    wide: bool = False
    keys: tuple[Key, ...] = ()


@dataclass(frozen=True)
class Column:
    """A column of a table: one column of its frame, or an estimate with the ends of its interval.

    Attributes:
        name: column of the frame with what is shown.
        label: heading.
        decimals: digits after the point; None for text and for numbers as they are.
        signed: whether the sign is always written.
        ends: columns of the frame with the interval's ends.
    """

    name: str
    label: str
    decimals: int | None = None
    signed: bool = False
    ends: tuple[str, str] | None = None


@dataclass(frozen=True)
class Table:
    """A table: on the page and in LaTeX as its columns say, in CSV as the frame is.

    Attributes:
        name: stem of its files; lower case, unique in the report.
        caption: what is shown.
        frame: one row a row, numbers unrounded.
        columns: what is shown, in order.
        wide: whether it takes the page's whole width.
    """

    name: str
    caption: str
    frame: pd.DataFrame
    columns: tuple[Column, ...]
    wide: bool = True


@dataclass(frozen=True)
class Note:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Said:
    """Sentences of claims, under a heading."""

    title: str
    claims: tuple[Claim, ...]


@dataclass(frozen=True)
class Facts:
    """Names and values, as in the protocol."""

    rows: tuple[tuple[str, str], ...]


Part = Chart | Table | Note | Said | Facts


@dataclass(frozen=True)
class Section:
    """A section of the page; one without parts says what would fill it.

    Attributes:
        id: its anchor.
        title: its heading.
        lead: what the reader should look for.
        parts: what it holds.
        wanting: what would fill it, where it has no parts.
    """

    id: str
    title: str
    lead: str
    parts: tuple[Part, ...] = ()
    wanting: str = ""


@dataclass(frozen=True, eq=False)
class Source:
    """What sections are made from.

    Attributes:
        lines: the ledger.
        evidence: all of it, made ready.
        contexts: the same, split by data, encoder, classifier and steps.
        claims: all answers.
        margin: points that count as a difference that matters.
        styles: how each arm is drawn.
        sketches: by cell, where the sweep kept them.
    """

    lines: Sequence[Line]
    evidence: Evidence
    contexts: tuple[Evidence, ...]
    claims: tuple[Claim, ...]
    margin: float
    styles: Mapping[str, Style] = field(default_factory=dict)
    sketches: Mapping[str, Sketch] = field(default_factory=dict)

    def of(self, question: str, **wanted: Any) -> tuple[Claim, ...]:
        """The claims of a question, but those without data, whose fields or details have these values."""
        return tuple(
            claim
            for claim in self.claims
            if claim.question == question
            and not claim.empty
            and all(claim.entry.get(n, claim.detail.get(n)) == value for n, value in wanted.items())
        )

    def detailed(self) -> tuple[tuple[int, str, Evidence], ...]:
        """The contexts that get figures: number, heading (empty for a single one), evidence."""
        several = len(self.contexts) > 1
        return tuple(
            (i, context_text(part) if several else "", part)
            for i, part in enumerate(self.contexts[:DETAILED])
        )


def context_text(part: Evidence) -> str:
    """``sst2, minilm, mlp``: what the cells of a context have in common."""
    return ", ".join(str(v) for name, v in part.cells[0].context if name != "steps" or v != "folds")


def headed(heading: str, caption: str) -> str:
    """A caption with the context that it is of, where there are several."""
    return f"{heading}: {caption}" if heading else caption


def suffix(number: int) -> str:
    """What tells the files of a further context from those of the first."""
    return "" if number == 0 else f"-{number + 1}"


def rows_in(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame; what is missing is None."""
    plain = frame.astype(object).where(frame.notna(), None)
    return [dict(zip(map(str, frame.columns), row, strict=True)) for row in plain.itertuples(index=False)]


def estimate(d: Difference) -> dict[str, Any]:
    """A difference as the columns estimate, low, high, n."""
    low, high = d.interval() or (None, None)
    return {"estimate": d.estimate, "low": low, "high": high, "n": d.n}


def said(d: Difference | Mapping[str, Any], unit: str = "points", sign: str = "+") -> str:
    """``+1.20 points [+0.50, +1.90], n 10`` for a mark's label."""
    row = estimate(d) if isinstance(d, Difference) else d
    value, low, high = row["estimate"], row.get("low"), row.get("high")
    text = f"{value:{sign}.2f} {unit}"
    if low is not None and high is not None and not pd.isna(low):
        text += f" [{low:{sign}.2f}, {high:{sign}.2f}]"
    return text + (f", n {row['n']}" if row.get("n") else "")
