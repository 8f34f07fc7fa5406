"""How figures look: sizes, colours that survive a grey printer, and one style an arm."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from synaug.methods import METHODS

WIDE, NARROW = 9.5, 4.3  # inches on the page: its whole width, and a telephone's
PAPER_WIDE, PAPER_NARROW = 7.2, 3.9  # the same in files for a paper
INK, MUTED, GRID, BAND, PAPER = "#1d2329", "#68727d", "#dfe3e8", "#e9edf2", "#ffffff"
SERIES = ("#0b5fa5", "#c4501b", "#0f7f5f", "#8a3f8f", "#b8860b", "#3d9cc9", "#a8324a", "#5a6b1f")
NEUTRAL = ("#1d2329", "#68727d", "#454d55", "#8a949e")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "h", "p", "*")
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.5, 1.5)), (0, (6, 1.5, 1.5, 1.5)))
BASELINES = ("none", "logit_adjust", "class_weight", "ros")
RC: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 8.5,
    "axes.titlesize": 8.5,
    "axes.labelsize": 8.5,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "xtick.minor.width": 0.5,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.4,
    "lines.markersize": 4.5,
    "legend.fontsize": 7.5,
    "legend.frameon": False,
    "hatch.linewidth": 0.6,
    "text.parse_math": False,  # names of classes and arms are text
    "svg.fonttype": "none",
    "svg.hashsalt": "synaug",
    "pdf.fonttype": 42,
    "figure.dpi": 96,
    "savefig.dpi": 200,
}


@dataclass(frozen=True)
class Style:
    """Colour, dash and marker: any one of them tells series apart."""

    color: str
    dash: Any
    marker: str
    filled: bool = True

    @property
    def marks(self) -> dict[str, Any]:
        """Arguments for points."""
        face = self.color if self.filled else PAPER
        return {"marker": self.marker, "color": self.color, "markerfacecolor": face, "markeredgewidth": 1.1}


def in_order(arms: Iterable[str]) -> list[str]:
    """Arms as the registry lists them, which begins with the cheap baselines; unknown ones last."""
    known = METHODS.names()
    return sorted(arms, key=lambda arm: known.index(arm) if arm in known else len(known))


def arm_styles(arms: Sequence[str]) -> dict[str, Style]:
    """One style an arm: the cheap baselines neutral and hollow, the others coloured and full."""
    styles: dict[str, Style] = {}
    cheap = [arm for arm in BASELINES if arm in arms]
    for i, arm in enumerate(cheap):
        styles[arm] = Style(NEUTRAL[i % len(NEUTRAL)], DASHES[(i + 1) % len(DASHES)], MARKERS[i], False)
    for i, arm in enumerate(arm for arm in in_order(arms) if arm not in cheap):
        dash = DASHES[(i // len(SERIES)) % len(DASHES)]
        styles[arm] = Style(SERIES[i % len(SERIES)], dash, MARKERS[i % len(MARKERS)])
    return styles


def plain_styles(count: int) -> list[Style]:
    """Styles for series that are no arms."""
    return [
        Style(SERIES[i % len(SERIES)], DASHES[i % len(DASHES)], MARKERS[i % len(MARKERS)])
        for i in range(count)
    ]
