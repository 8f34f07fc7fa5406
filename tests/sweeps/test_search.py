"""The search of an arm: never a repeat, exhausted spaces, ranges, learning, repeatability."""

from __future__ import annotations

import math
from typing import Any

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from sweeps.plan import design_cells
from sweeps.search import ArmSearch, Axis, axis
from sweeps.spec import load_spec
from synaug.knobs import Choice, Domain, Float, Int, Knob, Value

SPACE: dict[str, list[Value]] = {"k": [3, 6], "ratio": [50, 100], "metric": ["euclidean", "cosine"]}
SIZE = 4 * 5 * 2  # k 3 to 6, ratio 50 to 100 in steps of 12.5, two metrics


def search_of(space: dict[str, list[Value]] = SPACE, seed: int = 0) -> ArmSearch:
    spec = load_spec({"name": "t", "arms": ["smote"], "space": space, "seed": seed})
    return ArmSearch(spec, "smote")


def drain(search: ArmSearch, limit: int, score: Any = lambda s: s["k"] / 10) -> list[dict[str, Value]]:
    found: list[dict[str, Value]] = []
    while len(found) < limit and (settings := search.ask()) is not None:
        search.tell(settings, score(settings))
        found.append(settings)
    return found


def distinct(settings: list[dict[str, Value]]) -> set[str]:
    return {str(sorted(s.items())) for s in settings}


@pytest.mark.parametrize("told", [True, False])
def test_a_small_space_is_visited_once_and_then_none(told: bool) -> None:
    search = search_of()
    assert search.size == SIZE
    found = drain(search, 100) if told else [s for _ in range(SIZE) if (s := search.ask())]
    assert len(found) == len(distinct(found)) == SIZE
    assert search.ask() is None
    assert search.exhausted


def test_proposals_lie_in_the_range_of_the_levels() -> None:
    for settings in drain(search_of(), 20):
        assert settings["k"] in (3, 4, 5, 6)
        assert settings["ratio"] in (50.0, 62.5, 75.0, 87.5, 100.0)
        assert settings["metric"] in ("euclidean", "cosine")


def test_a_fixed_knob_is_proposed_as_it_is() -> None:
    search = search_of({**SPACE, "metric": ["cosine"]})
    assert search.size == SIZE / 2
    assert {settings["metric"] for settings in drain(search, 5)} == {"cosine"}


def test_design_cells_are_never_proposed() -> None:
    spec = load_spec({"name": "t", "arms": ["smote"], "space": SPACE, "design": "factorial"})
    search, cells = ArmSearch(spec, "smote"), design_cells(spec)
    for cell in cells:
        search.exclude(cell.settings)
    inside = [c for c in cells if 3 <= int(dict(c.settings)["k"]) <= 6]
    found = drain(search, 100)
    assert len(found) == SIZE - len(inside)
    assert not distinct(found) & distinct([dict(cell.settings) for cell in cells])


def test_what_the_ledger_has_is_not_proposed_again() -> None:
    first = drain(search_of(), 15)
    again = search_of()
    for settings in first:
        again.tell(tuple(settings.items()), 0.5)
    rest = drain(again, 100)
    assert len(rest) == SIZE - 15
    assert not distinct(first) & distinct(rest)


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_failures_are_not_proposed_again(value: float | None) -> None:
    search = search_of()
    found = drain(search, 100, score=lambda _: value)
    assert len(distinct(found)) == SIZE


def test_told_of_a_default_outside_the_levels() -> None:
    search = search_of({**SPACE, "k": [7, 9]})
    search.tell({"k": 5, "ratio": 100.0, "metric": "euclidean"}, 0.9)
    search.tell({"k": 7, "ratio": 100.0}, 0.9)
    assert len(drain(search, 100)) == 3 * 5 * 2


def test_an_arm_without_swept_knobs_has_nothing_to_propose() -> None:
    search = search_of({"k": [5], "ratio": [100], "metric": ["cosine"]})
    assert search.size == 0
    assert search.ask() is None


def test_same_seed_same_proposals() -> None:
    assert drain(search_of(seed=1), 12) == drain(search_of(seed=1), 12)
    assert drain(search_of(seed=1), 12) != drain(search_of(seed=2), 12)


def test_it_learns() -> None:
    """With the best k at one end of 30, later proposals lie nearer to it than random ones."""
    space: dict[str, list[Value]] = {"k": [1, 30], "ratio": [0, 200], "metric": ["euclidean"]}
    found = drain(search_of(space), 60, score=lambda s: float(s["k"]))
    late = [int(settings["k"]) for settings in found[30:]]
    assert sum(late) / len(late) > 20  # random: 15.5


def test_a_continuous_space_never_ends() -> None:
    search = search_of({"k": [5], "ratio": [10, 33], "metric": ["euclidean"]})  # no multiple of 12.5
    assert search.size == math.inf
    ratios = [float(settings["ratio"]) for settings in drain(search, 30)]
    assert len(set(ratios)) == 30
    assert all(10 <= ratio <= 33 for ratio in ratios)


def knob(domain: Domain) -> Knob:
    return Knob("x", 1, domain, "", ())


AXES: list[tuple[Domain, tuple[Value, ...], Axis]] = [
    (Int(1, 30), (7, 3), Axis(IntDistribution(3, 7), (3, 4, 5, 6, 7))),
    (Choice("a", "b", "c"), ("c", "a"), Axis(CategoricalDistribution(("c", "a")), ("c", "a"))),
    (Float(0, 1, step=0.1), (0.1, 0.4), Axis(FloatDistribution(0.1, 0.4, step=0.1), (0.1, 0.2, 0.3, 0.4))),
    (Float(0, 1, step=0.25), (0.1, 0.5), Axis(FloatDistribution(0.1, 0.5), None)),
    (Float(1e-4, 1, log=True), (0.001, 0.1), Axis(FloatDistribution(0.001, 0.1, log=True), None)),
    (Float(0, 1, log=True), (0.0, 0.1), Axis(FloatDistribution(0.0, 0.1), None)),
]


@pytest.mark.parametrize(("domain", "levels", "expected"), AXES)
def test_axes(domain: Domain, levels: tuple[Value, ...], expected: Axis) -> None:
    assert axis(knob(domain), levels) == expected


def test_equal_points_of_a_grid_in_floats() -> None:
    grid = axis(knob(Float(0, 1, step=0.1)), (0.1, 0.7))
    assert grid.values == (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
