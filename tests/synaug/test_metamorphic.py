"""Relations between runs that hold exactly (A15), beside those in test_evaluate and test_mixing."""

from __future__ import annotations

import numpy as np
import pytest
from imblearn.over_sampling import SMOTE
from scipy.stats import ortho_group
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors

from synaug.classifiers.mlp import train_ladder
from synaug.classifiers.options import FoldRows, MlpOptions
from synaug.methods import METHODS
from synaug.methods.base import Method, Pool, TrainingPart
from synaug.neighbors import NeighborGraph, depth_for

RNG = np.random.default_rng(21)
Y = RNG.permutation(np.repeat([0, 1, 2], [90, 40, 30]))
X = (RNG.normal(size=(len(Y), 12)) + 0.4 * Y[:, None]).astype(np.float32)
Q = ortho_group.rvs(12, random_state=3)
MIXING = ("ros", "smote", "borderline_smote", "adasyn", "kmeans_smote", "mixup")


def part_of(X: np.ndarray) -> TrainingPart:
    rows = np.arange(len(Y))

    def graph(metric: str) -> NeighborGraph:
        return NeighborGraph.build(X, rows, Y, metric, depth_for(10, 10))

    return TrainingPart(X, rows, Y, 3, graph)


def made(method: Method, X: np.ndarray) -> Pool:
    return method.pool(part_of(X), np.random.RandomState(6))


@pytest.mark.parametrize("name", MIXING)
def test_turned_rows_give_the_turned_synthetic_rows(name: str) -> None:
    turned = (X @ Q).astype(np.float32)
    plain, other = made(METHODS[name](), X), made(METHODS[name](), turned)
    np.testing.assert_array_equal(plain.parents, other.parents)
    np.testing.assert_array_equal(plain.weight, other.weight)
    expected = plain.materialise(part_of(X)) @ Q
    np.testing.assert_allclose(other.materialise(part_of(turned)), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["smote", "borderline_smote", "adasyn", "svm_smote", "kmeans_smote"])
def test_unit_rows_make_euclidean_and_cosine_the_same(name: str) -> None:
    unit = X / np.linalg.norm(X, axis=1, keepdims=True)
    pools = [made(METHODS[name](metric=metric), unit) for metric in ("euclidean", "cosine", "manhattan")]
    np.testing.assert_array_equal(pools[0].parents, pools[1].parents)
    np.testing.assert_array_equal(pools[0].weight, pools[1].weight)
    assert pools[0].parents.shape != pools[2].parents.shape or (pools[0].parents != pools[2].parents).any()


def test_k_is_that_of_imbalanced_learn_and_its_object_form_needs_one_more() -> None:
    """``NearestNeighbors(n_neighbors=5)`` means 4 neighbors, because a row is its own first one."""
    pool = made(METHODS["smote"](), X)
    rows = np.array(sorted(map(tuple, pool.materialise(part_of(X)).round(4))))
    strategy = dict(enumerate((np.bincount(Y) + pool.requested).tolist()))

    def theirs(k_neighbors: object) -> np.ndarray:
        smote = SMOTE(
            sampling_strategy=strategy, random_state=np.random.RandomState(6), k_neighbors=k_neighbors
        )
        return np.array(sorted(map(tuple, smote.fit_resample(X, Y)[0][len(Y) :].round(4))))

    same, six, five = (
        theirs(near) for near in (5, NearestNeighbors(n_neighbors=6), NearestNeighbors(n_neighbors=5))
    )
    np.testing.assert_allclose(rows, same, atol=2e-4)
    np.testing.assert_allclose(rows, six, atol=2e-4)
    assert np.abs(rows - five).max() > 0.1


def test_copies_are_weights_for_a_logistic_regression() -> None:
    """Each row of a class five times, or once with weight 5."""
    times, exact = np.where(Y == 2, 5, 1), X.astype(np.float64)
    model = LogisticRegression(solver="newton-cholesky", tol=1e-12)
    copied = clone(model).fit(np.repeat(exact, times, axis=0), np.repeat(Y, times))
    weighed = clone(model).fit(exact, Y, sample_weight=times)
    np.testing.assert_allclose(copied.coef_, weighed.coef_, atol=1e-9)


def test_copies_are_weights_for_the_network() -> None:
    options, folds = MlpOptions((1, 30), hidden=16), np.where(np.arange(len(Y)) % 4 == 0, 0, -1)
    train = np.flatnonzero(folds != 0)
    weight = np.zeros(len(Y), dtype=np.float32)
    weight[train] = 1.0
    rare = train[Y[train] == 2]
    copies = np.repeat(rare, 4)
    none = np.empty((0, 2), dtype=np.int64)
    ones = np.ones(len(copies), dtype=np.float32)
    pairs = np.stack([copies, copies], axis=1)
    copied = FoldRows(weight, Y[copies], ones, pairs, 0 * ones, None)
    heavier = np.where((Y == 2) & (weight > 0), 5.0, weight).astype(np.float32)
    weighed = FoldRows(heavier, Y[:0], ones[:0], none, ones[:0], None)
    one, other = (
        train_ladder(X, Y, folds, [rows], X[:0], 3, options, [np.random.default_rng(0)]).held
        for rows in (copied, weighed)
    )
    np.testing.assert_array_equal(one, other)
    assert np.abs(one[:, folds == 0]).max() > 0.1
