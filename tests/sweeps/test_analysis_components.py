"""Variance components and the noise floor: planted sources come back."""

import numpy as np
import pandas as pd
import pytest

from sweeps.analysis.components import noise_floor, variance_components

SOURCES = ["draw", "init", "sampler"]


def planted(random: np.random.Generator, draws: int) -> pd.Series:
    sizes = (draws, 3, 3)
    values = (
        random.normal(0, 1.41, size=(draws, 1, 1))
        + random.normal(0, 0.63, size=(draws, 3, 1))
        + random.normal(0, 0.23, size=sizes)
    )
    index = pd.MultiIndex.from_product([range(size) for size in sizes], names=SOURCES)
    return pd.Series(80 + values.ravel(), index=index)


def test_A23_planted_components_come_back() -> None:
    random = np.random.default_rng(23)
    found = [variance_components(planted(random, 400)) for _ in range(20)]
    for source, sd in zip(SOURCES, (1.41, 0.63, 0.23), strict=True):
        estimates = np.array([result[source].sd for result in found])
        assert estimates == pytest.approx(np.full(20, sd), rel=0.1)
        assert estimates.mean() == pytest.approx(sd, rel=0.02)


def test_A23_few_draws_do_not_pin_the_component_of_the_draw() -> None:
    found = variance_components(planted(np.random.default_rng(1), 10))
    draw, sampler = found["draw"], found["sampler"]
    assert (draw.high - draw.low) / draw.sd > 0.5
    assert (sampler.high - sampler.low) / sampler.sd < 0.5


@pytest.mark.parametrize("draws", [5, 40])
def test_intervals_cover_the_planted_components(draws: int) -> None:
    random = np.random.default_rng(4)
    held = dict.fromkeys(SOURCES, 0)
    for _ in range(300):
        found = variance_components(planted(random, draws))
        for source, sd in zip(SOURCES, (1.41, 0.63, 0.23), strict=True):
            held[source] += found[source].low <= sd <= found[source].high
    assert all(0.92 <= count / 300 <= 0.98 for count in held.values()), held


def test_two_sources_are_a_one_way_analysis_of_variance() -> None:
    table = np.array([[1.0, 2.0, 3.0], [4.0, 6.0, 8.0]])
    index = pd.MultiIndex.from_product([range(2), range(3)], names=["draw", "nuisance"])
    found = variance_components(pd.Series(table.ravel(), index=index))
    within = (1.0 + 4.0) / 2
    between = 3 * ((2 - 4) ** 2 + (6 - 4) ** 2)
    assert found["nuisance"].sd == pytest.approx(within**0.5)
    assert found["draw"].sd == pytest.approx(((between - within) / 3) ** 0.5)
    assert (found["draw"].df, found["nuisance"].df) == (1, 4)


def test_the_order_of_rows_does_not_matter() -> None:
    values = planted(np.random.default_rng(2), 6)
    shuffled = values.sample(frac=1, random_state=3)
    assert variance_components(shuffled) == variance_components(values)


def test_an_unbalanced_table_says_so() -> None:
    values = planted(np.random.default_rng(2), 4)
    assert "not balanced" in (variance_components(values.iloc[1:]).reason or "")
    single = values[values.index.get_level_values("sampler") == 0]
    assert variance_components(single).reason == "sampler has a single level"


def test_the_noise_floor_is_the_spread_of_clone_differences() -> None:
    random = np.random.default_rng(9)
    held, floors = 0, []
    for _ in range(400):
        draws = random.normal(0, 3, size=(10, 1))
        clones = [pd.DataFrame(draws + random.normal(0, 0.5, size=(10, 2))) for _ in range(2)]
        found = noise_floor(clones)
        assert found.sd is not None
        assert found.low is not None
        assert found.high is not None
        assert (found.df, found.n) == (20, 10)
        floors.append(found.sd**2)
        held += found.low <= 0.5 * 2**0.5 <= found.high
    assert np.mean(floors) == pytest.approx(0.5, rel=0.05)
    assert 0.92 <= held / 400 <= 0.98


def test_a_hand_calculation_of_the_floor() -> None:
    found = noise_floor([pd.DataFrame({"a": [1.0, 2.0], "b": [2.0, 5.0]})])
    assert found.sd == pytest.approx(((1 + 9) / 2) ** 0.5)  # differences 1 and 3 about an expectation of 0


def test_without_clones_there_is_no_floor() -> None:
    assert "two clones" in (noise_floor([pd.DataFrame({"a": [1.0, 2.0]})]).reason or "")
    assert noise_floor([]).sd is None
