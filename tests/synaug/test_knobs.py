"""Knobs: what a domain lets pass, what it says of the rest, and how a dataclass lists them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pytest

from synaug.knobs import Choice, Float, Int, Knob, knob, knob_problems, knobs_of


@dataclass(frozen=True)
class Oven:
    """Three knobs and a field that is none."""

    heat: float = knob(180.0, Float(50.0, 250.0, step=10.0), "degrees", levels=(150.0, 180.0))
    racks: int = knob(2, Int(1), "racks in use")
    fan: str = knob("slow", Choice("slow", "fast"), "speed of the fan")
    maker: str = "unknown"


@pytest.mark.parametrize(
    ("domain", "value"),
    [
        (Int(1), 1),
        (Int(1, 3), 3),
        (Float(0.0, 1.0), 0.0),
        (Float(0.0, 1.0), 1),
        (Float(0.0), 1e300),
        (Choice("a", "b"), "b"),
        (Choice(1, 2), 2),
    ],
)
def test_legal_values_pass(domain: Int | Float | Choice, value: Any) -> None:
    assert domain.problem(value) is None


@pytest.mark.parametrize(
    ("domain", "value", "message"),
    [
        (Int(1), 0, "expected integers >= 1, got 0"),
        (Int(1, 3), 4, "expected integers 1 to 3, got 4"),
        (Int(1), 1.0, "expected integers >= 1, got 1.0"),
        (Int(1), True, "expected integers >= 1, got True"),
        (Int(1), None, "expected integers >= 1, got None"),
        (Float(0.0), -0.1, "expected numbers >= 0, got -0.1"),
        (Float(0.0, 200.0), 200.5, "expected numbers 0 to 200, got 200.5"),
        (Float(0.0), math.nan, "expected numbers >= 0, got nan"),
        (Float(0.0), math.inf, "expected numbers >= 0, got inf"),
        (Float(0.0), "1", "expected numbers >= 0, got '1'"),
        (Float(0.0), False, "expected numbers >= 0, got False"),
        (Choice("cosine"), "cosin", "expected one of cosine, got 'cosin' (did you mean 'cosine'?)"),
        (Choice(1, 2), True, "expected one of 1, 2, got True"),
        (Choice(1, 2), 1.0, "expected one of 1, 2, got 1.0"),
        (Choice("1"), 1, "expected one of 1, got 1"),
    ],
)
def test_other_values_are_told_what_was_expected(
    domain: Int | Float | Choice, value: Any, message: str
) -> None:
    assert domain.problem(value) == message


def test_knobs_are_listed_in_order_and_without_other_fields() -> None:
    assert knobs_of(Oven) == (
        Knob("heat", 180.0, Float(50.0, 250.0, step=10.0), "degrees", (150.0, 180.0)),
        Knob("racks", 2, Int(1), "racks in use", ()),
        Knob("fan", "slow", Choice("slow", "fast"), "speed of the fan", ()),
    )


def test_all_problems_are_found_at_once() -> None:
    values = {"heat": 20.0, "rack": 2, "fan": "slow", "lamp": 1}
    assert knob_problems(Oven, values) == [
        ("heat", "expected numbers 50 to 250, got 20.0"),
        ("rack", "unknown knob, expected heat, racks, fan (did you mean 'racks'?)"),
        ("lamp", "unknown knob, expected heat, racks, fan"),
    ]
    assert knob_problems(Oven, {"heat": 100, "racks": 1, "fan": "fast"}) == []


def test_a_class_without_knobs_says_so() -> None:
    @dataclass(frozen=True)
    class Bare:
        maker: str = "unknown"

    assert knob_problems(Bare, {"k": 1}) == [("k", "unknown knob, expected no knobs")]


def test_a_legal_value_has_one_spelling() -> None:
    heat, racks, fan = knobs_of(Oven)
    assert isinstance(heat.clean(180), float)
    assert isinstance(racks.clean(2), int)
    assert fan.clean("fast") == "fast"
