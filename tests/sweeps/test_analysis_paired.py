"""Paired differences: published examples, exact type I error, coverage and verdicts."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.datasets import make_moons
from sklearn.model_selection import RepeatedStratifiedKFold, cross_val_score
from sklearn.svm import SVC

from sweeps.analysis import nadeau_bengio, paired, student, verdict

NBC = [94.203, 92.754, 95.652, 91.176, 92.647, 91.176, 92.647, 92.647, 86.765, 91.176]
J48 = [92.754, 92.754, 89.855, 89.706, 95.588, 89.706, 95.588, 94.118, 91.176, 92.647]


def test_corrected_t_of_the_sonar_example() -> None:
    d = nadeau_bengio(np.subtract(J48, NBC), 1 / 9)
    assert d.estimate == pytest.approx(0.3049, abs=5e-5)
    assert d.sd == pytest.approx(2.984786, abs=5e-7)
    assert d.se == pytest.approx(1.371415, abs=5e-7)
    assert d.p == pytest.approx(0.82902, abs=5e-6)
    assert d.interval() == pytest.approx((-2.7975, 3.4073), abs=5e-5)
    assert (d.df, d.n, d.values) == (9, 10, 10)


def test_naive_t_of_the_sonar_example() -> None:
    d = student(np.subtract(J48, NBC))
    assert d.p == pytest.approx(0.75405, abs=5e-6)
    assert d.p == pytest.approx(stats.ttest_rel(J48, NBC).pvalue)


def test_corrected_t_of_the_scikit_learn_example() -> None:
    X, y = make_moons(noise=0.352, random_state=1, n_samples=100)
    folds = RepeatedStratifiedKFold(n_splits=10, n_repeats=10, random_state=0)
    rbf, linear = (
        cross_val_score(SVC(kernel=kernel, random_state=0), X, y, scoring="roc_auc", cv=folds)
        for kernel in ("rbf", "linear")
    )
    d = nadeau_bengio(rbf - linear, 1 / 9)
    assert d.estimate is not None
    assert d.se is not None
    assert d.estimate / d.se == pytest.approx(0.750, abs=5e-4)
    assert d.p == pytest.approx(2 * 0.227, abs=1e-3)
    assert d.interval() == pytest.approx((-0.016445, 0.036445), abs=5e-7)
    naive = student(rbf - linear)
    assert naive.estimate is not None
    assert naive.se is not None
    assert naive.estimate / naive.se == pytest.approx(2.611, abs=5e-4)


def test_type_one_error_of_ten_correlated_folds() -> None:
    random = np.random.default_rng(7)
    runs, folds, rho = 40_000, 10, 0.1
    shared = random.normal(size=(runs, 1)) * math.sqrt(rho)
    draws = shared + random.normal(size=(runs, folds)) * math.sqrt(1 - rho)
    critical = stats.t.ppf(0.975, folds - 1)

    def errors(results: list[tuple[float | None, float | None]]) -> float:
        return float(np.mean([abs(e or 0) / (se or 1) > critical for e, se in results]))

    corrected = [nadeau_bengio(draw, 1 / 9) for draw in draws]
    assert 0.045 <= errors([(d.estimate, d.se) for d in corrected]) <= 0.055
    naive = [student(draw) for draw in draws]
    assert errors([(d.estimate, d.se) for d in naive]) == pytest.approx(0.1539, abs=0.006)


@pytest.mark.parametrize("replicates", [3, 10])
def test_interval_covers_the_truth(replicates: int) -> None:
    random = np.random.default_rng(11)
    index = range(replicates)
    covered = 0
    for _ in range(400):
        draw = random.normal(70, 3, size=replicates)
        first = pd.Series(draw, index=index)
        interval = paired(first, first + random.normal(1.0, 0.8, size=replicates)).interval()
        assert interval is not None
        covered += interval[0] <= 1.0 <= interval[1]
    assert 0.92 <= covered / 400 <= 0.98


def test_pairs_only_replicates_that_both_have() -> None:
    first = pd.Series({0: 1.0, 1: 2.0, 2: 3.0, 5: 9.0})
    second = pd.Series({1: 2.5, 2: 4.5, 3: 0.0, 5: np.nan})
    d = paired(first, second)
    assert (d.estimate, d.n) == (1.0, 2)
    assert d.sd == pytest.approx(math.sqrt(0.5))


@pytest.mark.parametrize(
    ("estimate", "se", "interval", "expected"),
    [
        (1.2, 0.3, (0.521, 1.879), "better"),
        (0.8, 0.25, (0.234, 1.366), "better_size_uncertain"),
        (0.3, 0.08, (0.119, 0.481), "better_negligible"),
        (0.05, 0.15, None, "equivalent"),
        (0.4, 0.4, (-0.505, 1.305), "inconclusive"),
        (-1.2, 0.3, (-1.879, -0.521), "worse"),
        (-0.8, 0.25, (-1.366, -0.234), "worse_size_uncertain"),
        (-0.3, 0.08, (-0.481, -0.119), "worse_negligible"),
    ],
)
def test_A11_verdicts(
    estimate: float, se: float, interval: tuple[float, float] | None, expected: str
) -> None:
    assert verdict(estimate, se, 9) == expected
    noise = np.array([-1.0, 1.0] * 5)  # ten differences with exactly this mean and standard error
    d = student(estimate + noise * se * math.sqrt(10) / noise.std(ddof=1))
    assert d.verdict() == expected
    if interval is not None:
        assert d.interval() == pytest.approx(interval, abs=5e-4)


def test_equivalence_reads_the_narrow_interval() -> None:
    noise = np.array([-1.0, 1.0] * 5)
    d = student(0.05 + noise * 0.15 * math.sqrt(10) / noise.std(ddof=1))
    assert d.interval(0.9) == pytest.approx((-0.225, 0.325), abs=5e-4)
    assert d.within(0.33)
    assert not d.within(0.32)


@pytest.mark.parametrize("values", [[], [2.0]])
def test_fewer_than_two_differences_have_no_interval(values: list[float]) -> None:
    d = student(values)
    assert d.interval() is None
    assert d.p is None
    assert d.verdict() == "inconclusive"
    assert d.reason


def test_equal_differences() -> None:
    assert student([0.0, 0.0]).verdict() == "equivalent"
    assert student([0.0, 0.0]).p == 1.0
    assert student([0.1 + 0.2] * 3).p == 0.0
    assert student([2.0, 2.0]).verdict() == "better"
