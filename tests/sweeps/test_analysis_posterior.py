"""The Bayesian correlated t test: published examples and the reference implementation."""

import math

import baycomp
import numpy as np
import pytest
from sklearn.datasets import make_moons
from sklearn.model_selection import RepeatedStratifiedKFold, cross_val_score
from sklearn.svm import SVC

from sweeps.analysis import Difference, nadeau_bengio, student
from sweeps.analysis.posterior import posterior

NBC = np.array([94.203, 92.754, 95.652, 91.176, 92.647, 91.176, 92.647, 92.647, 86.765, 91.176])
J48 = np.array([92.754, 92.754, 89.855, 89.706, 95.588, 89.706, 95.588, 94.118, 91.176, 92.647])


def test_A3_sonar() -> None:
    d = nadeau_bengio(J48 - NBC, 1 / 9)
    found = posterior(d)
    assert found is not None
    assert (found.worse, found.equivalent, found.better) == pytest.approx(
        (0.4145119975, 0, 0.5854880025), abs=5e-11
    )
    assert d.p is not None
    assert found.better == pytest.approx(1 - d.p / 2)


def test_A3_sonar_with_a_rope() -> None:
    found = posterior(nadeau_bengio(J48 - NBC, 1 / 9), rope=0.5)
    assert found is not None
    assert (found.worse, found.equivalent, found.better) == pytest.approx(
        (0.2858446417, 0.2691518717, 0.4450034866), abs=5e-11
    )


def test_A4_rbf_against_linear() -> None:
    X, y = make_moons(noise=0.352, random_state=1, n_samples=100)
    folds = RepeatedStratifiedKFold(n_splits=10, n_repeats=10, random_state=0)
    rbf, linear = (
        cross_val_score(SVC(kernel=kernel, random_state=0), X, y, scoring="roc_auc", cv=folds)
        for kernel in ("rbf", "linear")
    )
    d = nadeau_bengio(rbf - linear, 1 / 9)
    plain, rope = posterior(d), posterior(d, rope=0.01)
    assert plain is not None
    assert rope is not None
    assert plain.better == pytest.approx(0.773, abs=5e-4)
    assert rope.equivalent == pytest.approx(0.432, abs=5e-4)


@pytest.mark.parametrize(("runs", "folds"), [(1, 10), (5, 5), (10, 10)])
@pytest.mark.parametrize("rope", [0.0, 0.3])
def test_it_is_what_baycomp_computes(runs: int, folds: int, rope: float) -> None:
    random = np.random.default_rng(runs)
    first, second = random.normal(70, 2, size=(2, runs * folds))
    expected = baycomp.two_on_single(first, second, rope, runs=runs)
    found = posterior(nadeau_bengio(second - first, 1 / (folds - 1)), rope)
    assert found is not None
    mine = (found.worse, found.equivalent, found.better) if rope else (found.worse, found.better)
    assert mine == pytest.approx(tuple(expected), abs=1e-9)


def test_without_an_interval_there_is_no_posterior() -> None:
    assert posterior(student([1.0])) is None


@pytest.mark.parametrize(("estimate", "expected"), [(0.2, (0, 1, 0)), (0.8, (0, 0, 1)), (-0.8, (1, 0, 0))])
def test_equal_differences_are_certain(estimate: float, expected: tuple[int, int, int]) -> None:
    found = posterior(Difference(estimate, 0.0, 0.0, 9, 10, 10), rope=0.5)
    assert found is not None
    assert (found.worse, found.equivalent, found.better) == expected
    assert math.isclose(sum(expected), 1)
