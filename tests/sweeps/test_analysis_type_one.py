"""Errors of the first kind: exactly for correlated folds, by simulation for real learners and clones."""

import math

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from sweeps.analysis import nadeau_bengio, student

Array = npt.NDArray[np.float64]
CORRELATED = [  # values, folds, error of the naive t test
    (10, 10, 0.1539),
    (30, 10, 0.3340),
    (50, 10, 0.4363),
    (100, 10, 0.5699),
    (25, 5, 0.4508),
]


def exact_error(count: int, folds: int, extra: float) -> float:
    """Error of a t test with variance ``1 / J + extra`` when fold differences correlate by 1 / folds.

    Their mean has the variance (1 + (J - 1) rho) / J and their sample variance the expectation 1 - rho,
    independent of it: the statistic is a multiple of t.
    """
    rho = 1 / folds
    inflation = (1 + (count - 1) * rho) / count / (1 - rho) / (1 / count + extra)
    return float(2 * stats.t.sf(stats.t.ppf(0.975, count - 1) / math.sqrt(inflation), count - 1))


@pytest.mark.parametrize(("count", "folds", "naive"), CORRELATED)
def test_A6_exact_errors(count: int, folds: int, naive: float) -> None:
    assert exact_error(count, folds, 0.0) == pytest.approx(naive, abs=5e-5)
    assert exact_error(count, folds, 1 / (folds - 1)) == pytest.approx(0.05)


@pytest.mark.parametrize(("count", "folds", "naive"), CORRELATED[-2:])
def test_A6_simulated_errors_are_the_exact_ones(count: int, folds: int, naive: float) -> None:
    random = np.random.default_rng(6)
    runs, rho = 40_000, 1 / folds
    shared = random.normal(size=runs) * math.sqrt(rho)
    found = {"naive": 0, "corrected": 0}
    critical = stats.t.ppf(0.975, count - 1)
    for common in shared:
        differences = common + random.normal(size=count) * math.sqrt(1 - rho)
        for name, d in (("naive", student(differences)), ("corrected", _corrected(differences, folds))):
            assert d.estimate is not None
            assert d.se is not None
            found[name] += abs(d.estimate) > critical * d.se
    assert found["naive"] / runs == pytest.approx(naive, abs=0.008)
    assert 0.045 <= found["corrected"] / runs <= 0.055


def _corrected(differences: Array, folds: int):  # type: ignore[no-untyped-def]
    return nadeau_bengio(differences, 1 / (folds - 1))


def folds_of(random: np.random.Generator, y: Array, folds: int) -> Array:
    """A stratified fold for every row."""
    fold = np.empty(len(y))
    for label in (0, 1):
        rows = random.permutation(np.flatnonzero(y == label))
        fold[rows] = np.arange(len(rows)) % folds
    return fold


def nearest(X: Array, y: Array, fold: Array, folds: int) -> Array:
    """Accuracy of one nearest neighbour on every fold."""
    distance = ((X[:, None] - X[None]) ** 2).sum(axis=2)
    distance = np.where(fold[:, None] == fold[None], np.inf, distance)
    right = y[distance.argmin(axis=1)] == y
    return np.array([right[fold == f].mean() for f in range(folds)])


def centroid(X: Array, y: Array, fold: Array, folds: int) -> Array:
    """Accuracy of the nearest class mean on every fold."""
    scores = []
    for f in range(folds):
        train = fold != f
        means = np.stack([X[train & (y == label)].mean(axis=0) for label in (0, 1)])
        guess = ((X[~train][:, None] - means[None]) ** 2).sum(axis=2).argmin(axis=1)
        scores.append((guess == y[~train]).mean())
    return np.array(scores)


@pytest.mark.parametrize(
    ("learner", "naive", "corrected"), [(centroid, 0.560, 0.037), (nearest, 0.635, 0.125)]
)
def test_A7_learners_that_are_equally_good(learner, naive: float, corrected: float) -> None:  # type: ignore[no-untyped-def]
    """Both see five of ten exchangeable features, the one the first half, the other the second."""
    random = np.random.default_rng(77)
    y = np.repeat([0.0, 1.0], 100)
    errors = {"naive": 0, "corrected": 0}
    runs = 150
    for _ in range(runs):
        X = random.normal(size=(200, 10)) + 0.4 * y[:, None]
        differences = []
        for _ in range(10):
            fold = folds_of(random, y, 10)
            differences.append(learner(X[:, 5:], y, fold, 10) - learner(X[:, :5], y, fold, 10))
        d = np.concatenate(differences)
        errors["naive"] += student(d).excludes_zero()
        errors["corrected"] += nadeau_bengio(d, 1 / 9).excludes_zero()
    assert errors["naive"] / runs >= 0.45
    assert errors["naive"] / runs == pytest.approx(naive, abs=0.12)
    assert errors["corrected"] / runs <= 0.15
    assert errors["corrected"] / runs == pytest.approx(corrected, abs=0.07)
