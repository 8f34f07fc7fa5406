"""Dose-response, best levels and change points: planted curves and closed forms."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from sweeps.analysis.best import best_levels
from sweeps.analysis.dose import dose_response
from sweeps.analysis.hinge import hinge
from sweeps.analysis.simultaneous import shrunk_covariance, t_between_levels

LEVELS = [0.25, 0.5, 0.75, 1.0, 1.5, 2.0]
TURNING = np.array([4 * min(x, 1) - 1.5 * max(x - 1, 0) for x in LEVELS])
random_state = np.random.default_rng


def table(truth: np.ndarray, replicates: int = 10, sd: float = 0.6, seed: int = 0) -> pd.DataFrame:
    random = random_state(seed)
    draws = random.normal(0, 3, size=(replicates, 1))
    values = truth + draws + random.normal(0, sd, size=(replicates, len(truth)))
    return pd.DataFrame(values, columns=LEVELS[: len(truth)])


def test_two_levels_have_the_ordinary_t_interval() -> None:
    values = table(np.array([0.0, 1.0]))
    curve = dose_response(values, random_state(1))
    assert curve.critical == pytest.approx(stats.t.ppf(0.975, 9), abs=0.15)
    expected = stats.ttest_rel(values[0.5], values[0.25])
    assert curve.points[1].difference.estimate == pytest.approx((values[0.5] - values[0.25]).mean())
    assert curve.points[1].difference.p == pytest.approx(expected.pvalue)


@pytest.mark.parametrize("levels", [3, 6])
def test_the_critical_value_is_that_of_dunnett_for_equal_independent_noise(levels: int) -> None:
    # With many replicates the largest |t| against a common control is Dunnett's, correlation 1/2.
    values = random_state(3).normal(size=(150, levels))
    drawn = t_between_levels(values, random_state(4), 10_000)
    critical = np.quantile(np.abs(drawn[:, :, 0]).max(axis=1), 0.95)
    correlation = np.full((levels - 1, levels - 1), 0.5) + 0.5 * np.eye(levels - 1)
    normal = random_state(5).multivariate_normal(np.zeros(levels - 1), correlation, size=200_000)
    assert critical == pytest.approx(np.quantile(np.abs(normal).max(axis=1), 0.95), abs=0.06)


def test_the_band_is_wider_than_the_interval_of_one_level_and_starts_at_nothing() -> None:
    curve = dose_response(table(TURNING), random_state(0))
    assert (curve.points[0].low, curve.points[0].high) == (0.0, 0.0)
    for point in curve.points[1:]:
        interval = point.difference.interval()
        assert interval is not None
        assert point.low is not None
        assert point.high is not None
        assert point.low < interval[0] < interval[1] < point.high


@pytest.mark.parametrize("replicates", [5, 10])
def test_the_band_holds_the_whole_curve(replicates: int) -> None:
    held = 0
    for run in range(300):
        curve = dose_response(table(TURNING, replicates, seed=run), random_state(run))
        true = TURNING - TURNING[0]
        held += all(
            p.low is not None and p.high is not None and p.low - 1e-9 <= t <= p.high + 1e-9
            for p, t in zip(curve.points, true, strict=True)
        )
    assert 0.92 <= held / 300 <= 0.98


def test_the_clear_best_level_is_alone_and_recommended() -> None:
    found = best_levels(table(TURNING, sd=0.05), random_state(0))
    assert found.members == (1.0,)
    assert found.leader == 1.0
    best = found.rivals[3]
    assert best.low == 0.0
    assert best.high == pytest.approx(0.75, abs=0.2)
    assert all(rival.high == 0.0 and rival.low < 0 for rival in found.rivals if not rival.member)


def test_of_a_plateau_the_smallest_level_is_first() -> None:
    found = best_levels(table(np.array([0, 4, 4, 4, 4, 4.0]), sd=0.3), random_state(0))
    assert found.members == (0.5, 0.75, 1.0, 1.5, 2.0)


def test_levels_that_are_identical_are_all_members() -> None:
    values = table(TURNING, sd=0.1)
    values[1.5] = values[1.0]
    found = best_levels(values, random_state(0))
    assert found.members == (1.0, 1.5)


def test_the_interval_against_the_best_other_level_holds_its_truth() -> None:
    truth = np.array([0.0, 0.3, 0.6, 0.6, 0.2, -0.5])
    held = 0
    for run in range(300):
        found = best_levels(table(truth, seed=run), random_state(run))
        gaps = [truth[i] - np.delete(truth, i).max() for i in range(6)]
        held += all(r.low <= gap <= r.high for r, gap in zip(found.rivals, gaps, strict=True))
    assert held / 300 >= 0.93


def test_folds_of_repeated_cross_validation_have_wider_bands() -> None:
    values = table(TURNING)
    plain, corrected = (
        dose_response(values, random_state(0), test_to_train=extra).points[1] for extra in (0.0, 1 / 9)
    )
    assert plain.high is not None
    assert corrected.high is not None
    assert corrected.high - corrected.difference.estimate == pytest.approx(  # type: ignore[operator]
        (plain.high - plain.difference.estimate) * np.sqrt(10 * (1 / 10 + 1 / 9))  # type: ignore[operator]
    )


def test_tables_that_have_no_band_say_why() -> None:
    values = table(TURNING)
    assert dose_response(values.iloc[:1], random_state(0)).reason == (
        "a band needs two replicates that have all levels"
    )
    assert best_levels(values[[0.25]], random_state(0)).reason == "a set of best levels needs two levels"
    assert best_levels(values[[0.25]], random_state(0)).leader is None


def test_the_shrunk_covariance_is_regular_and_keeps_unequal_noise() -> None:
    values = table(np.zeros(6), replicates=3)
    assert np.linalg.eigvalsh(shrunk_covariance(values.to_numpy())).min() > 0
    noisy = random_state(0).normal(size=(500, 6)) * [1, 1, 1, 1, 1, 3]
    covariance = shrunk_covariance(noisy)
    apart = covariance[5, 5] + covariance[0, 0] - 2 * covariance[0, 5]
    together = covariance[1, 1] + covariance[0, 0] - 2 * covariance[0, 1]
    assert apart / together == pytest.approx(5.0, rel=0.15)
    assert shrunk_covariance(np.ones((3, 4))).tolist() == np.eye(4).tolist()


@pytest.mark.parametrize("replicates", [5, 10])
def test_A16_the_change_point_is_in_its_interval(replicates: int) -> None:
    widths, held = [], 0
    for run in range(150):
        found = hinge(table(TURNING, replicates, seed=run), random_state(run), resamples=600)
        assert found.turn is not None
        widths.append(found.turn.high - found.turn.low)
        held += found.turn.low <= 1 <= found.turn.high
    assert held / 150 >= 0.93


def test_without_noise_the_change_point_and_the_slopes_are_exact() -> None:
    found = hinge(table(TURNING, sd=0.0), random_state(0))
    assert found.turn is not None
    assert found.before is not None
    assert found.after is not None
    assert found.turn.value == pytest.approx(1.0, abs=0.003)
    assert (found.before.value, found.after.value) == (
        pytest.approx(4, abs=0.02),
        pytest.approx(-1.5, abs=0.02),
    )
    assert found.turns
    assert not found.at_edge


def test_a_straight_line_is_rarely_said_to_turn() -> None:
    line = 2 * np.array(LEVELS)
    turned = [hinge(table(line, seed=run), random_state(run), resamples=50).turns for run in range(200)]
    assert 0.01 <= np.mean(turned) <= 0.08


def test_too_few_levels_or_replicates_have_no_change_point() -> None:
    values = table(TURNING)
    assert hinge(values.iloc[:, :4], random_state(0)).reason == "a change point needs 5 levels, got 4"
    assert "5 replicates" in (hinge(values.iloc[:4], random_state(0)).reason or "")
