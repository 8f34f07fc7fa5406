"""The winner's curse and its correction."""

import numpy as np
import pandas as pd
import pytest

from sweeps.analysis.optimism import bbc, expected_maximum


@pytest.mark.parametrize(
    ("count", "expected"), [(10, 1.539), (50, 2.249), (100, 2.508), (200, 2.746), (500, 3.037), (1, 0)]
)
def test_A21_expected_maximum_of_equal_settings(count: int, expected: float) -> None:
    assert expected_maximum(count) == pytest.approx(expected, abs=5e-4)


def test_expected_maximum_needs_a_setting() -> None:
    with pytest.raises(ValueError, match="count: expected an integer >= 1, got 0"):
        expected_maximum(0)


def right_or_wrong(
    random: np.random.Generator, true: float | np.ndarray, correlation: float, items: int = 1000
) -> pd.DataFrame:
    """Whether 200 settings have each item right; settings correlate over items by a normal variable."""
    from scipy import stats

    shared = random.normal(size=(items, 1)) * np.sqrt(correlation)
    own = random.normal(size=(items, 200)) * np.sqrt(1 - correlation)
    return pd.DataFrame((shared + own < stats.norm.ppf(true)).astype(float))


@pytest.mark.parametrize(("correlation", "naive"), [(0.0, 2.99), (0.8, 2.11)])
def test_A21_equal_settings(correlation: float, naive: float) -> None:
    random = np.random.default_rng(21)
    optimism, bias = [], []
    for _ in range(40):
        found = bbc(right_or_wrong(random, 0.86, correlation), random, resamples=200)
        assert found.naive is not None
        assert found.corrected is not None
        optimism.append(100 * (found.naive - 0.86))
        bias.append(100 * (found.corrected - 0.86))
    assert np.mean(optimism) == pytest.approx(naive, abs=0.35)
    assert abs(np.mean(bias)) < 0.5


def test_A21_settings_that_differ_by_a_point() -> None:
    random = np.random.default_rng(12)
    optimism, bias = [], []
    for _ in range(40):
        true = np.clip(random.normal(0.86, 0.01, size=200), 0, 1)
        found = bbc(right_or_wrong(random, true, 0.8), random, resamples=200)
        assert found.naive is not None
        assert found.corrected is not None
        optimism.append(100 * (found.naive - true[found.winner]))
        bias.append(100 * (found.corrected - true[found.winner]))
    assert np.mean(optimism) > 0.8
    assert abs(np.mean(bias)) < 0.5


def test_one_setting_needs_no_correction() -> None:
    scores = pd.DataFrame({"only": np.random.default_rng(0).normal(70, 1, size=200)})
    found = bbc(scores, np.random.default_rng(1))
    assert (found.winner, found.settings, found.rows) == ("only", 1, 200)
    assert found.optimism == pytest.approx(0, abs=0.02)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 70 < found.high


def test_a_setting_that_is_always_better_loses_nothing() -> None:
    random = np.random.default_rng(3)
    base = random.normal(70, 2, size=(60, 1))
    scores = pd.DataFrame(base + np.linspace(0, 10, 11) + random.normal(0, 0.1, size=(60, 11)))
    found = bbc(scores, random)
    assert found.winner == 10
    assert found.optimism == pytest.approx(0, abs=0.1)


def test_too_few_rows_say_why() -> None:
    assert "two rows" in (bbc(pd.DataFrame({"a": [1.0]}), np.random.default_rng(0)).reason or "")
    assert bbc(pd.DataFrame({"a": [1.0, np.nan]}), np.random.default_rng(0)).rows == 1
