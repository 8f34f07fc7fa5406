"""Power: the tables of detectable effects and of replicates needed."""

import math

import numpy as np
import pytest

from sweeps.analysis.power import (
    MOST,
    detectable_accuracy,
    detectable_effect,
    items_needed,
    power_of_t,
    replicates_for_equivalence,
    replicates_for_ranks,
    replicates_needed,
)


@pytest.mark.parametrize(
    ("factor", "df", "effect"),
    [
        (math.sqrt(1 / 10 + 1 / 9), 9, 1.447),
        (math.sqrt(1 / 30 + 1 / 9), 29, 1.102),
        (math.sqrt(1 / 100 + 1 / 9), 99, 0.985),
        (math.sqrt(1 / 1000 + 1 / 9), 999, 0.939),
        (1 / math.sqrt(5), 4, 1.682),
        (1 / math.sqrt(10), 9, 0.996),
        (1 / math.sqrt(20), 19, 0.660),
        (1 / math.sqrt(30), 29, 0.529),
    ],
)
def test_detectable_effects_are_those_of_the_power_table(factor: float, df: int, effect: float) -> None:
    assert detectable_effect(factor, df) == pytest.approx(effect, abs=5e-4)
    assert detectable_effect(2 * factor, df) == pytest.approx(2 * detectable_effect(factor, df))


def test_detectable_effect_after_holm_over_five_comparisons() -> None:
    assert detectable_effect(math.sqrt(1 / 10 + 1 / 9), 9, alpha=0.01) == pytest.approx(1.935, abs=5e-4)


@pytest.mark.parametrize(("sd", "needed"), [(0.5, 5), (1.0, 10), (1.5, 20), (2.0, 34), (3.0, 73)])
def test_replicates_for_a_gain_of_one_point(sd: float, needed: int) -> None:
    assert replicates_needed(sd, 1.0) == needed


@pytest.mark.parametrize(("sd", "needed"), [(0.3, 5), (0.5, 11), (1.0, 36), (1.5, 79)])
def test_replicates_for_equivalence_at_half_a_point(sd: float, needed: int) -> None:
    assert replicates_for_equivalence(sd, 0.5) == needed


def test_edges() -> None:
    assert detectable_effect(0.0, 9) == 0.0
    assert replicates_needed(0.0, 1.0) == 2
    assert replicates_needed(1.0, 1e-6) == MOST
    assert replicates_for_equivalence(1.0, 0.5, true=0.3) > replicates_for_equivalence(1.0, 0.5)


def test_power_is_the_share_of_simulated_experiments_that_see_the_effect() -> None:
    draws = np.random.default_rng(1).normal(1.0, 1.0, size=(20_000, 10))
    t = draws.mean(axis=1) / (draws.std(axis=1, ddof=1) / math.sqrt(10))
    assert power_of_t(1.0, 1 / math.sqrt(10), 9) == pytest.approx((np.abs(t) > 2.2622).mean(), abs=0.01)


@pytest.mark.parametrize(
    ("discordant", "needed", "gain"), [(0.02, 1568, 1.25), (0.05, 3923, 1.98), (0.10, 7847, 2.80)]
)
def test_A22_items_for_a_point_on_a_test_set(discordant: float, needed: int, gain: float) -> None:
    assert items_needed(discordant, 0.01) == needed
    assert 100 * detectable_accuracy(discordant, 1000) == pytest.approx(gain, abs=6e-3)


def test_a_small_test_set_detects_nothing() -> None:
    assert detectable_accuracy(0.01, 100) == math.inf


def test_A22_replicates_for_ranks() -> None:
    assert replicates_for_ranks(0.75) == 29
    assert replicates_for_ranks(0.25) == 29
