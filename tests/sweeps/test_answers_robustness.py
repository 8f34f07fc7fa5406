"""Gains over the classifier's settings: held, turned round, which setting moves them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import qmc

from sweeps.analysis.agreement import agreed
from sweeps.analysis.robust import over_settings, slopes
from sweeps.answers import Answer, ask, forbidden_words, unsourced_numbers
from tests.sweeps.planted_cells import Lines, Plant, ledger

Gain = Callable[[float, float, float], float]


def sobol(count: int) -> list[dict[str, float]]:
    unit = qmc.Sobol(3, rng=np.random.default_rng(1)).random(count)
    return [
        {
            "mlp.learning_rate": float(10 ** (-3 + 2 * a)),
            "mlp.weight_decay": float(10 ** (-6 + 4 * b)),
            "mlp.hidden": round(float(32 * 16**c)),
        }
        for a, b, c in unit
    ]


def swept(gain: Gain, count: int = 8, **more: Any) -> Lines:
    """The block with the gain of smote over none as a function of the logarithms of the settings."""
    plants = [Plant("none", 64), Plant("smote", 70, {"ratio": 100.0})]
    for point in sobol(count):
        a, b, c = (float(np.log10(value)) for value in point.values())
        plants.append(Plant("none", 64, point, stage="robustness"))
        plants.append(Plant("smote", 64 + gain(a, b, c), {"ratio": 100.0, **point}, stage="robustness"))
    return ledger(plants, replicates=6, sd=0.2, **more)


def said(lines: Lines, kind: str) -> Answer:
    answers = ask(lines, "robustness").answers
    for answer in answers:
        assert unsourced_numbers(answer) == (), answer.sentence
        assert forbidden_words(answer) == (), answer.sentence
    (found,) = [answer for answer in answers if answer.detail["kind"] == kind]
    return found


def test_a_gain_that_is_the_same_everywhere_holds() -> None:
    lines = swept(lambda a, b, c: 6.0)
    answer = said(lines, "robustness")
    assert answer.estimate == pytest.approx(6, abs=0.3)
    assert answer.verdict == "better"
    assert (answer.detail["above"], answer.detail["below"], answer.detail["everywhere"]) == (8, 0, 1)
    assert "over 8 settings of learning rate, weight decay, hidden smote gains" in answer.sentence
    assert "Each setting by itself shows the gain above 0 (one-sided, 5 %): the gain holds" in answer.sentence
    assert answer.detail["varies_low"] == 0
    slope = said(lines, "setting_slopes")
    assert "different from 0: none" in slope.sentence
    surrogate = said(lines, "setting_surrogate")
    assert "no answer by surrogates: a surrogate needs 64 settings, got 8" in surrogate.sentence


def test_a_gain_that_turns_with_the_learning_rate_is_told_with_its_slope() -> None:
    lines = swept(lambda a, b, c: 4 * (a + 2))  # 0 at a learning rate of 0.01
    answer = said(lines, "robustness")
    assert answer.detail["above"] > 1 < answer.detail["below"]
    assert "turns round with the setting" in answer.sentence
    assert answer.detail["varies_low"] > 80
    slope = said(lines, "setting_slopes")
    rate = slope.detail["slopes"]["mlp.learning_rate"]
    assert rate["low"] < 4 < rate["high"]
    assert "different from 0: learning rate." in slope.sentence


def test_two_surrogates_that_agree_are_told() -> None:
    answer = said(swept(lambda a, b, c: 4 * (a + 2), 64), "setting_surrogate")
    assert "two surrogates agree" in answer.sentence
    s, low, high = answer.detail["rbd_fast"]["mlp.learning_rate"]
    assert low <= s <= high
    assert answer.detail["fanova"]["mlp.learning_rate"] > 0.8
    assert answer.detail["r2"] > 0.5


def test_surrogates_of_noise_tell_nothing() -> None:
    gains = np.random.default_rng(5).normal(size=64).tolist()
    found = agreed(gains, sobol(64), np.random.default_rng(0))
    assert found.rbd_fast == {}
    assert "explains unseen settings too badly" in (found.reason or "")


def test_rbd_fast_and_fanova_know_the_shares_of_a_sum() -> None:
    """3 x1 + x2 has first-order indices 0.9 and 0.1."""
    unit = qmc.Sobol(2, rng=np.random.default_rng(2)).random(256)
    points = [{"a": 10**x, "b": 10**y} for x, y in unit.tolist()]
    found = agreed((3 * unit[:, 0] + unit[:, 1]).tolist(), points, np.random.default_rng(0))
    assert found.reason is None
    assert found.rbd_fast["a"][0] == pytest.approx(0.9, abs=0.03)
    assert found.rbd_fast["b"][0] == pytest.approx(0.1, abs=0.05)
    assert found.fanova["a"] == pytest.approx(0.9, abs=0.05)


def test_slopes_are_those_of_a_plane_that_replicates_share() -> None:
    points = [{"a": 10.0**i, "b": 10.0**j} for i in range(3) for j in range(2)]
    plane = np.array([2 * i - 3 * j for i in range(3) for j in range(2)], dtype=float)
    gains = pd.DataFrame([plane + shift for shift in (0.0, 1.0, 5.0)])
    found = slopes(gains, points)
    assert found["a"].estimate == pytest.approx(2)
    assert found["b"].estimate == pytest.approx(-3)
    assert slopes(gains[[0, 1, 2]], points[:3]) == {}


def test_a_weak_gain_is_not_called_robust() -> None:
    random = np.random.default_rng(0)
    found = over_settings(pd.DataFrame(0.2 + random.normal(size=(6, 8))), random)
    assert (found.above, found.below, found.everywhere) == (0, 0, 0)


def test_without_a_block_it_says_what_to_set() -> None:
    (answer,) = ask(ledger([Plant("none", 64), Plant("ros", 70)]), "robustness").answers
    assert answer.verdict == "not_applicable"
    assert "robustness.points" in answer.sentence
