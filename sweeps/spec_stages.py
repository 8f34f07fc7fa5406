"""The parts of a spec that say what runs beside the design, and when a sweep stops."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator

from .spec_part import Count, Part

Range = tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]]


class Robustness(Part):
    """Sobol points over the network's settings, on log scales; every arm's default runs at each.

    The number of points is a power of 2, or 0 for none.
    """

    points: Annotated[int, Field(ge=0, le=1024)] = 0
    learning_rate: Range = (0.001, 0.1)
    weight_decay: Range = (1e-6, 1e-2)
    hidden: Range = (32, 512)

    @field_validator("points")
    @classmethod
    def _balanced(cls, value: int) -> int:
        if value & (value - 1):
            raise ValueError("expected a power of 2, as Sobol points are even only then")
        return value

    @field_validator("learning_rate", "weight_decay", "hidden")
    @classmethod
    def _ascending(cls, value: Range) -> Range:
        if value[0] >= value[1]:
            raise ValueError("expected the lower end first")
        return value


class Search(Part):
    """TPE trials for each arm that has swept knobs, after the design.

    With ``race`` such a cell is given up after ``RACE_AFTER`` replicates when it is worse than the arm's
    best so far, by a paired test.
    """

    trials: Annotated[int, Field(ge=0)] = 0
    startup: Count = 4
    race: bool = False


class Confirm(Part):
    """Draws that no search has seen, for the arms' defaults and the cells that the folds found best."""

    replicates: Annotated[int, Field(ge=0)] = 0


class Test(Part):
    """Which cells read the test part, declared before the run."""

    __test__ = False  # not a test case

    cells: Literal["all"]


class Limits(Part):
    """When a sweep stops early, and when a cell is stopped.

    ``max_failed`` failed cells are allowed: a share of all cells up to 1, or a number of them from 2 on.
    Times are in seconds or such as ``2h30m``: ``max_time`` of the sweep, after which no cell is started;
    ``cell_timeout`` of one attempt at a cell, after which its process is ended.
    """

    max_failed: Annotated[float, Field(ge=0)] = 0.25
    max_time: Annotated[float, Field(gt=0)] | None = None
    cell_timeout: Annotated[float, Field(gt=0)] | None = None

    @field_validator("max_failed")
    @classmethod
    def _share_or_number(cls, value: float) -> float:
        if value > 1 and not value.is_integer():
            raise ValueError("expected a share up to 1, or a whole number of cells")
        return value

    @field_validator("max_time", "cell_timeout", mode="before")
    @classmethod
    def _seconds(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        if re.fullmatch(r"\d+(\.\d+)?", value.strip()):  # from the command line
            return float(value)
        units = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
        pattern = "".join(rf"(?:(\d+(?:\.\d+)?){unit})?" for unit, _ in units)
        match = re.fullmatch(pattern, value.replace(" ", ""))
        if match is None or not any(match.groups()):
            raise ValueError("expected seconds or a duration such as 2h30m")
        pairs = zip(match.groups(), units, strict=True)
        return sum(float(n) * seconds for n, (_, seconds) in pairs if n)
