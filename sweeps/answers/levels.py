"""The levels of a knob within an arm, at otherwise equal settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..analysis.evidence import Cell, Evidence
from ..analysis.scores import Side
from .sentences import level_text


@dataclass(frozen=True)
class Levels:
    """The levels of one knob within one arm, as sides of comparisons.

    Attributes:
        arm: the arm.
        knob: the knob.
        values: its levels, ascending.
        sides: one side a level: the mean over the settings of the other knobs.
        default: the level of the arm's default cell; for ratio 0.
        settings: how many settings of the other knobs the sides average over.
    """

    arm: str
    knob: str
    values: tuple[Any, ...]
    sides: tuple[Side, ...]
    default: Any
    settings: int

    @property
    def estimand(self) -> str:
        """``default`` at one setting of the other knobs, ``average`` over several."""
        return "default" if self.settings == 1 else "average"

    def side(self, value: object) -> Side:
        """The side of a level."""
        return self.sides[self.values.index(value)]

    def value(self, side: Side) -> Any:
        """The level of a side."""
        return self.values[self.sides.index(side)]


def levels_of(evidence: Evidence, arm: str, knob: str) -> Levels | None:
    """The levels of a knob in an arm's design; None when its cells have fewer than two.

    Taken is the longest list of levels that the design has at one setting of the other knobs; all
    settings that have the whole list are averaged over, so that levels differ in the knob alone. For
    ratio, none stands for level 0, which is bit-identical to it.
    """
    default = evidence.default(arm)
    cells = [cell for cell in evidence.grid(arm) if knob in cell.knobs]
    if default is None or knob not in default.knobs or len({cell.knobs[knob] for cell in cells}) < 2:
        return None
    groups = _groups(cells, knob)
    none = evidence.default("none")
    if knob == "ratio" and none is not None:
        for group in groups.values():
            group.setdefault(0.0, none.key)
    values, chosen = _longest(list(groups.values()))
    if len(values) < 2:
        return None
    sides = tuple(
        Side(f"{arm} with {knob} {level_text(value)}", tuple(group[value] for group in chosen))
        for value in values
    )
    start = 0.0 if knob == "ratio" and 0.0 in values else default.knobs[knob]
    return Levels(arm, knob, values, sides, start if start in values else values[0], len(chosen))


def _longest(groups: list[dict[Any, str]]) -> tuple[tuple[Any, ...], list[dict[Any, str]]]:
    """The longest list of levels, and all settings that have it; of equal lists the commonest."""

    def having(levels: set[Any]) -> list[dict[Any, str]]:
        return [group for group in groups if levels <= set(group)]

    best = max((set(group) for group in groups), key=lambda levels: (len(levels), len(having(levels))))
    return tuple(sorted(best, key=lambda value: (isinstance(value, str), value))), having(best)


def _groups(cells: list[Cell], knob: str) -> dict[tuple[tuple[str, Any], ...], dict[Any, str]]:
    groups: dict[tuple[tuple[str, Any], ...], dict[Any, str]] = {}
    for cell in cells:
        groups.setdefault(_others(cell, knob), {}).setdefault(cell.knobs[knob], cell.key)
    return groups


def _others(cell: Cell, knob: str) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted((name, value) for name, value in cell.knobs.items() if name != knob))
