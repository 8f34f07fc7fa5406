"""A12: two Gaussians, where SMOTE and ROS do what a moved threshold does; and the opposite truth."""

import math
from collections.abc import Callable

import pytest
from scipy.stats import norm

from sweeps.answers import Answer, ask, forbidden_words, unsourced_numbers
from tests.sweeps.planted_cells import Lines, Plant, ledger

RATIOS = (100.0, 25.0, 50.0, 75.0, 150.0, 200.0)


def accuracy(ratio: float) -> float:
    """Balanced accuracy in per cent of the linear rule at 10:1 and ``ratio`` % of the deficit (A12)."""
    rho = 10 / (1 + 9 * ratio / 100)
    return float(100 * (norm.cdf(1 + math.log(rho) / 2) + norm.cdf(1 - math.log(rho) / 2)) / 2)


def oracle(smote: Callable[[float], float] = accuracy, gap: float = 0.0, fall: float = 0.0) -> Lines:
    """Two arms over the ratio; beyond balance the gap of SMOTE grows and its adjusted score falls as told."""
    moved = accuracy(100)
    plants = [Plant("none", accuracy(0), adjusted=moved), Plant("logit_adjust", moved)]
    plants += [Plant("ros", accuracy(r), {"ratio": r}, adjusted=moved) for r in RATIOS]
    plants += [
        Plant(
            "smote",
            smote(r),
            {"ratio": r},
            adjusted=moved - (fall if r > 100 else 0),
            gap=10 + (gap if r > 100 else 0),
        )
        for r in RATIOS
    ]
    return ledger(plants, sd=0.1)


def only(lines: Lines, question: str, **wanted: object) -> Answer:
    found = [
        answer
        for answer in ask(lines, question).answers
        if wanted.items() <= {**answer.detail, **vars(answer)}.items()
    ]
    (answer,) = found
    assert unsourced_numbers(answer) == (), answer.sentence
    assert forbidden_words(answer) == (), answer.sentence
    return answer


@pytest.mark.parametrize(
    ("ratio", "expected"), [(0, 71.21), (25, 80.51), (50, 83.07), (75, 83.94), (150, 83.72), (200, 82.91)]
)
def test_the_planted_curve_is_that_of_a12(ratio: float, expected: float) -> None:
    assert accuracy(ratio) == pytest.approx(expected, abs=0.005)


def test_the_expected_sentences_of_a12() -> None:
    lines = oracle()
    for arm in ("ros", "smote"):
        curve = only(lines, "ratio", kind="curve", arm=arm)
        assert "peaks at ratio 100 %" in curve.sentence
        assert 100.0 in curve.detail["best_set"]
        assert curve.detail["peak_over_threshold"]["estimate"] == pytest.approx(0, abs=0.2)
        beyond = only(lines, "ratio", kind="beyond_balance", arm=arm)
        assert beyond.detail["reading"] == "over_shift"
        assert "consistent with prior over-shift" in beyond.sentence
        assert "overfits" not in beyond.sentence
    same = only(
        lines, "method", kind="pair", first="ros", second="smote", budget="own_best", estimand="default"
    )
    assert same.verdict == "equivalent"
    assert "smote and ros are equivalent at the 0.50 point margin" in same.sentence
    moved = only(
        lines,
        "method",
        kind="pair",
        first="logit_adjust",
        second="smote",
        budget="own_best",
        estimand="default",
    )
    assert moved.verdict == "equivalent"
    gain = only(lines, "method", kind="decomposition", arm="smote", budget="own_best")
    assert gain.detail["prior_shift"]["estimate"] == pytest.approx(84.13 - 71.21, abs=0.2)
    assert gain.verdict == "equivalent"


def test_the_opposite_truth_gives_the_opposite_sentences() -> None:
    lines = oracle(lambda ratio: accuracy(100) + 3 - abs(ratio - 50) / 20, gap=8, fall=4)
    curve = only(lines, "ratio", kind="curve", arm="smote")
    assert "peaks at ratio 50 %" in curve.sentence
    assert curve.detail["recommended"] == 50.0
    beyond = only(lines, "ratio", kind="beyond_balance", arm="smote")
    assert beyond.detail["reading"] == "overfit"
    assert "it overfits the minority" in beyond.sentence
    better = oracle(lambda ratio: accuracy(ratio) + 2)
    pair = only(
        better, "method", kind="pair", first="ros", second="smote", budget="own_best", estimand="default"
    )
    assert pair.verdict == "better"
    assert "smote gains +" in pair.sentence
    gain = only(better, "method", kind="decomposition", arm="smote", budget="own_best")
    assert gain.detail["geometry"]["estimate"] == pytest.approx(2, abs=0.2)
    assert gain.verdict == "better"
