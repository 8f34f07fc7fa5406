"""The page: one HTML file that holds all it needs and asks the network for nothing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import jinja2

from . import tables
from .canvas import Canvas, drawing
from .cards import BAR_WIDTH, Card
from .checks import Check
from .look import NARROW, PAPER_NARROW, PAPER_WIDE, WIDE, Style
from .model import Chart, Facts, Note, Part, Said, Section, Table
from .svg import THEME, inline

LONG = 14  # rows; a longer table is folded
DASH_ARRAYS = {"-": "", str((0, (5, 1.5))): "8 3", str((0, (1.5, 1.5))): "2 3"}
SHAPES = {
    "o": "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0Z",
    "s": "M-3.6-3.6h7.2v7.2h-7.2Z",
    "^": "M0-4.4L4.4 3.6H-4.4Z",
    "v": "M0 4.4L4.4-3.6H-4.4Z",
    "D": "M0-4.8L4.8 0L0 4.8L-4.8 0Z",
    "P": "M-1.6-4.4h3.2v2.8h2.8v3.2h-2.8v2.8h-3.2v-2.8h-2.8v-3.2h2.8Z",
    "X": "M-4-4L4 4M4-4L-4 4",
    "x": "M-4-4L4 4M4-4L-4 4",
    "<": "M-4.4 0L3.6-4.4V4.4Z",
    ">": "M4.4 0L-3.6-4.4V4.4Z",
    "h": "M0-4.6L4-2.3V2.3L0 4.6L-4 2.3V-2.3Z",
    "p": "M0-4.6L4.4-1.4L2.7 3.7H-2.7L-4.4-1.4Z",
    "*": "M0-5L1.4-1.6L4.8-1.5L2.2.8L3.1 4.2L0 2.2L-3.1 4.2L-2.2.8L-4.8-1.5L-1.4-1.6Z",
}


@dataclass(frozen=True)
class Head:
    """What the page says of the sweep as a whole.

    Attributes:
        title: the sweep's name.
        facts: counts, in a line.
        files: names of the files beside the page.
    """

    title: str
    facts: str
    files: tuple[str, ...]


def render(
    head: Head,
    cards: Sequence[Card],
    sections: Sequence[Section],
    checks: Sequence[Check],
    warnings: Sequence[str],
    claims: Mapping[str, Any],
) -> str:
    """The page as HTML; all text of the data is escaped."""
    script = _asset("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    unanswered = [card for card in cards if card.first.claim.empty]
    with drawing():
        views = [{"section": s, "parts": [_view(part) for part in s.parts]} for s in sections]
    return _environment().get_template("page.html").render(
        head=head, cards=cards, unanswered=unanswered, sections=views,
        checks=checks, warnings=warnings, claims=claims,
        style=_asset("page.css"), script=script, digest=digest, bar_width=BAR_WIDTH,
    )  # fmt: skip


@cache
def _environment() -> jinja2.Environment:
    loader = jinja2.FunctionLoader(lambda name: _asset(name))
    return jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )


@cache
def _asset(name: str) -> str:
    return (files(__package__) / "templates" / name).read_text(encoding="utf-8")


def _view(part: Part) -> dict[str, Any]:
    match part:
        case Chart():
            return {"kind": "chart", "chart": part, "svgs": _svgs(part),
                    "keys": [(key.label, _swatch(key.style)) for key in part.keys]}  # fmt: skip
        case Table():
            return {"kind": "table", "table": part, "rows": tables.rows(part),
                    "numeric": tables.numeric(part), "folded": len(part.frame) > LONG}  # fmt: skip
        case Said():
            return {"kind": "said", "said": part}
        case Facts():
            return {"kind": "facts", "rows": part.rows}
        case Note():
            return {"kind": "note", "text": part.text}


def _svgs(chart: Chart) -> list[tuple[str, str]]:
    """The figure for wide and for narrow pages; one that is not wide is the same on both."""
    wide = [("wide", WIDE, chart.height[0])] if chart.wide else []
    narrow = [("narrow" if chart.wide else "both", NARROW, chart.height[1])]
    found = []
    for name, width, height in (*wide, *narrow):
        canvas = Canvas(width, height, paper=False)
        chart.draw(canvas)
        found.append((name, inline(canvas, f"{chart.name}-{name}", chart.caption)))
    return found


def paper_files(chart: Chart) -> dict[str, bytes]:
    """The figure for a paper, as PDF and PNG."""
    with drawing():
        canvas = Canvas(PAPER_WIDE if chart.wide else PAPER_NARROW, chart.height[0], paper=True)
        chart.draw(canvas)
        return {f"{chart.name}.{kind}": canvas.save(kind) for kind in ("pdf", "png")}


def _swatch(style: Style) -> dict[str, str | bool]:
    """A line with a mark, as the legend draws it."""
    return {
        "color": f"var(--{THEME[style.color]})",
        "dash": DASH_ARRAYS.get(str(style.dash), "9 3 2 3"),
        "shape": SHAPES[style.marker],
        "filled": style.filled and style.marker not in "xX",
    }
