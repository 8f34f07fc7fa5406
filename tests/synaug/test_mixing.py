"""Pools against imbalanced-learn itself: the same class, the same random state, the rows themselves."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from imblearn.over_sampling import ADASYN, SMOTE, SVMSMOTE, BorderlineSMOTE, KMeansSMOTE, RandomOverSampler
from scipy.sparse import eye_array
from sklearn.base import clone
from sklearn.cluster import MiniBatchKMeans
from sklearn.neighbors import NearestNeighbors

from synaug.errors import NotApplicable
from synaug.methods.adasyn import Adasyn
from synaug.methods.base import Pool, TrainingPart, requested
from synaug.methods.borderline_smote import BorderlineSmote
from synaug.methods.kmeans_smote import KMeansSmote
from synaug.methods.ros import RandomOverSampling
from synaug.methods.smote import Smote
from synaug.methods.svm_smote import SvmSmote
from synaug.mixing import GraphNeighbors, MixingMethod, pool_requests, sample
from synaug.neighbors import NeighborGraph, depth_for

F32 = npt.NDArray[np.float32]
SIZES = {2: (110, 40), 4: (90, 45, 30, 20)}
METRICS = ("euclidean", "cosine", "manhattan")


def points(sizes: tuple[int, ...], apart: float = 0.15, d: int = 8) -> tuple[F32, npt.NDArray[np.int64]]:
    """Classes whose centres are ``apart`` in every dimension, rows shuffled."""
    rng = np.random.default_rng(len(sizes))
    y = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    return (rng.normal(size=(len(y), d)) * 0.3 + apart * y[:, None]).astype(np.float32), y


def part_of(X: F32, y: npt.NDArray[np.int64], folds: int = 10) -> TrainingPart:
    """The training part of fold 0, with graphs over all rows."""
    rows = np.flatnonzero(np.arange(len(y)) % folds != 0) if folds > 1 else np.arange(len(y))

    def graph(metric: str) -> NeighborGraph:
        return NeighborGraph.build(X, np.arange(len(y)), y, metric, depth_for(10, 10))

    return TrainingPart(X, rows, y[rows], int(y.max()) + 1, graph)


def reference_sampler(method: MixingMethod, metric: str, **common: Any) -> Any:
    """imbalanced-learn's class with scikit-learn's neighbors."""

    def near(k: int) -> NearestNeighbors:
        return NearestNeighbors(n_neighbors=k + 1, metric=metric)

    if isinstance(method, Smote):
        return SMOTE(k_neighbors=near(method.k), **common)
    if isinstance(method, BorderlineSmote):
        kind = f"borderline-{method.kind}"
        return BorderlineSMOTE(k_neighbors=near(method.k), m_neighbors=near(method.m), kind=kind, **common)
    if isinstance(method, Adasyn):
        return ADASYN(n_neighbors=near(method.k), **common)
    if isinstance(method, SvmSmote):
        return SVMSMOTE(
            k_neighbors=near(method.k), m_neighbors=near(method.m), out_step=method.out_step, **common
        )
    if isinstance(method, KMeansSmote):
        clusters = MiniBatchKMeans(method.clusters, random_state=common["random_state"])
        clusters.__sklearn_clone__ = lambda: clusters  # or it would start again from a copy of the state
        return KMeansSMOTE(k_neighbors=near(method.k), kmeans_estimator=clusters, **common)
    return RandomOverSampler(**common)


def reference_rows(method: MixingMethod, metric: str, part: TrainingPart, seed: int) -> tuple[F32, Any]:
    """The rows that imbalanced-learn makes from the embeddings, all classes in one call."""
    wanted = part.counts + requested(part.counts, 200.0)
    strategy = {code: int(wanted[code]) for code in np.flatnonzero(wanted > part.counts).tolist()}
    sampler = reference_sampler(
        method, metric, sampling_strategy=strategy, random_state=np.random.RandomState(seed)
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "After over-sampling", UserWarning)
        rows, labels = sampler.fit_resample(part.X[part.rows], part.y)
    return rows[len(part.rows) :], labels[len(part.rows) :]


def unpermuted(method: MixingMethod, part: TrainingPart, seed: int) -> Pool:
    def make(strategy: Any, random: np.random.RandomState) -> Any:
        return method.sampler(part, strategy, random)

    return sample(make, part, np.random.RandomState(seed))


@pytest.mark.parametrize("classes", SIZES)
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    "name", ["smote", "borderline-1", "borderline-2", "adasyn", "ros", "svm", "svm-far", "kmeans", "kmeans-1"]
)
def test_equals_imbalanced_learn(name: str, metric: str, classes: int) -> None:
    method = {
        "smote": Smote(metric=metric),
        "borderline-1": BorderlineSmote(metric=metric),
        "borderline-2": BorderlineSmote(metric=metric, kind=2),
        "adasyn": Adasyn(metric=metric),
        "ros": RandomOverSampling(),
        "svm": SvmSmote(metric=metric),
        "svm-far": SvmSmote(metric=metric, k=3, m=4, out_step=1.0),
        "kmeans": KMeansSmote(metric=metric, balance=1.0),
        "kmeans-1": KMeansSmote(metric=metric, k=1, clusters=12, balance=1.0),
    }[name]
    part = part_of(*points(SIZES[classes]))
    pool = unpermuted(method, part, 5)
    rows, labels = reference_rows(method, metric, part, 5)
    assert set(labels) == set(range(1, classes))
    np.testing.assert_array_equal(pool.labels, labels)
    np.testing.assert_allclose(pool.materialise(part), rows, atol=1e-6, rtol=0)


def test_svm_smote_goes_away_from_the_neighbors_of_safe_rows() -> None:
    part = part_of(*points(SIZES[2], apart=0.4))
    near, far = (SvmSmote(out_step=step).pool(part, np.random.RandomState(1)).weight for step in (0.0, 0.5))
    assert near.min() == 0.0
    assert -0.5 < far.min() < -0.4


def test_k_means_smote_mixes_inside_clusters_and_with_one_it_is_smote() -> None:
    X, y = points((80, 40))
    X[::2] += 30.0  # two islands
    part = part_of(X, y)
    pools = [KMeansSmote(clusters=n, k=5).pool(part, np.random.RandomState(0)) for n in (2, 1)]
    (inside, everywhere), islands = pools, part.rows % 2
    assert (islands[inside.parents[:, 0]] == islands[inside.parents[:, 1]]).all()
    assert set(islands[inside.parents[:, 0]]) == {0, 1}
    near = part.graph("euclidean").neighbors(
        part.rows[everywhere.parents[:, 0]], part.rows[part.y == 1], 11, within_class=True
    )
    assert (near == part.rows[everywhere.parents[:, 1]][:, None]).any(axis=1).mean() > 0.5


def test_k_means_smote_needs_rows_for_its_clusters() -> None:
    part = part_of(*points((20, 8)), folds=1)
    with pytest.raises(NotApplicable, match="28 rows in a training part make no 29 clusters"):
        KMeansSmote(clusters=29).pool(part, np.random.RandomState(0))


@pytest.mark.parametrize("k", [1, 3, 10])
def test_k_is_k_neighbors_beside_the_row(k: int) -> None:
    part = part_of(*points(SIZES[2]))
    rows, _ = reference_rows(Smote(k=k), "euclidean", part, 2)
    np.testing.assert_allclose(unpermuted(Smote(k=k), part, 2).materialise(part), rows, atol=1e-6, rtol=0)


def test_cosine_and_euclidean_make_the_same_rows_of_unit_rows() -> None:
    X, y = points(SIZES[4])
    part = part_of(X / np.linalg.norm(X, axis=1, keepdims=True), y)
    pools = [Smote(metric=metric).pool(part, np.random.RandomState(1)) for metric in METRICS]
    rows = [pool.materialise(part) for pool in pools]
    np.testing.assert_array_equal(rows[0], rows[1])
    assert (rows[0] != rows[2]).any()


def test_smote_shrinks_the_variance_by_its_closed_form() -> None:
    """With k = n - 1 the covariance has trace ratio 2/3 - 1/(3 (n - 1)) to that of the rows."""
    n, draws = 11, 60
    X, y = points((800, n), d=3)
    part = part_of(X, y, folds=1)
    rows = np.concatenate(
        [Smote(k=n - 1).pool(part, np.random.RandomState(s)).materialise(part) for s in range(draws)]
    )
    ratio = rows.var(axis=0).sum() / X[y == 1].var(axis=0).sum()
    assert ratio == pytest.approx(2 / 3 - 1 / (3 * (n - 1)), abs=0.01)  # 95,000 rows: error 0.002
    np.testing.assert_allclose(rows.mean(axis=0), X[y == 1].mean(axis=0), atol=0.01)


def test_permutation_keeps_the_rows_of_each_class() -> None:
    part = part_of(*points(SIZES[4]))
    made = unpermuted(Adasyn(), part, 3)
    pool = Adasyn().pool(part, np.random.RandomState(3))
    for code in (1, 2, 3):
        before, after = (p.materialise(part)[p.labels == code] for p in (made, pool))
        assert sorted(map(tuple, before)) == sorted(map(tuple, after))
        assert (before != after).any()


def test_a_prefix_of_adasyn_is_not_ordered_by_parent() -> None:
    """Its own order follows the parents: the first half then starts from half of them."""
    part = part_of(*points(SIZES[2]))
    made, pool = unpermuted(Adasyn(), part, 0), Adasyn().pool(part, np.random.RandomState(0))
    half = len(pool.labels) // 2
    starts = [len(np.unique(p.parents[:half])) / len(np.unique(p.parents)) for p in (made, pool)]
    assert starts[1] > 0.95
    assert starts[1] > starts[0]


def test_borderline_2_starts_in_the_class_and_goes_less_than_half_way_out() -> None:
    part = part_of(*points(SIZES[2]))
    pool = BorderlineSmote(kind=2).pool(part, np.random.RandomState(0))
    foreign = part.y[pool.parents[:, 1]] != 1
    assert foreign.any()
    assert (part.y[pool.parents[:, 0]] == 1).all()
    assert pool.weight[foreign].max() < 0.5


def test_neighbors_object_is_cloned_without_copying_the_data() -> None:
    part = part_of(*points(SIZES[2]))
    near = GraphNeighbors(part, "cosine", 4)
    copy = clone(near)
    assert copy is not near
    assert copy.part is part
    assert (copy.metric, copy.n_neighbors) == ("cosine", 5)


def test_neighbors_object_answers_as_scikit_learn() -> None:
    part = part_of(*points(SIZES[2]))
    one_hot = eye_array(len(part.rows), format="csr")
    mine = np.flatnonzero(part.y == 1)
    X = part.X[part.rows]
    for fitted, query in ((np.arange(len(X)), mine), (mine, mine[::2])):
        near = GraphNeighbors(part, "manhattan", 4).fit(one_hot[fitted])
        reference = NearestNeighbors(n_neighbors=5, metric="manhattan").fit(X[fitted])
        np.testing.assert_array_equal(
            near.kneighbors(one_hot[query]), reference.kneighbors(X[query], return_distance=False)
        )
        np.testing.assert_array_equal(
            near.kneighbors_graph(one_hot[query]).toarray(), reference.kneighbors_graph(X[query]).toarray()
        )


@pytest.mark.parametrize("method", [Smote(), Adasyn(), BorderlineSmote()])
def test_too_few_rows_for_k_does_not_apply(method: MixingMethod) -> None:
    X, y = points((60, 5), apart=0.0)
    with pytest.raises(NotApplicable, match="class 1 has 5 rows in a training part, 5 neighbors need 6"):
        method.pool(part_of(X, y, folds=1), np.random.RandomState(0))


def test_more_neighbors_than_rows_does_not_apply() -> None:
    X, y = points((20, 8))
    with pytest.raises(NotApplicable, match="the data has 28 rows in a training part, 28 neighbors need 29"):
        BorderlineSmote(m=28).pool(part_of(X, y, folds=1), np.random.RandomState(0))


@pytest.mark.parametrize(
    ("method", "reason"),
    [
        (BorderlineSmote(), "no synthetic row for class 1: no row has half, but not all, of its 10"),
        (Adasyn(), "no synthetic row for class 1: no row of another class among the 5 nearest rows"),
        (KMeansSmote(k=15, clusters=6), "no synthetic row for class 1: no cluster has 16 rows of the class"),
    ],
)
def test_a_class_far_from_all_others_does_not_apply(method: MixingMethod, reason: str) -> None:
    part = part_of(*points((60, 20), apart=9.0))
    with pytest.raises(NotApplicable, match=reason):
        method.pool(part, np.random.RandomState(0))


def test_copies_of_one_row_are_no_cluster() -> None:
    X, y = points((60, 20))
    X[y == 1] = 0.0
    with pytest.raises(NotApplicable, match="not all alike"):
        KMeansSmote(clusters=1).pool(part_of(X, y), np.random.RandomState(0))


def test_support_vectors_that_are_noise_do_not_apply() -> None:
    X, y = points((60, 4), apart=0.0)
    X[y == 1] = X[y == 0][:4] + 0.01
    with pytest.raises(NotApplicable, match="all of the 3 nearest rows of every support vector are in other"):
        SvmSmote(k=1, m=3).pool(part_of(X, y, folds=1), np.random.RandomState(0))


@pytest.mark.parametrize("method", [BorderlineSmote(), BorderlineSmote(kind=2), Adasyn()])
def test_one_far_class_of_several_gets_fewer_rows(method: MixingMethod) -> None:
    X, y = points((60, 30, 25))
    X[y == 2] += 50.0
    pool = method.pool(part_of(X, y), np.random.RandomState(0))
    assert set(pool.labels) == {1}
    assert pool.requested[2] > 0


def test_adasyn_asked_for_too_few_rows_does_not_apply() -> None:
    part = part_of(*points((41, 40), apart=0.0), folds=1)  # two rows over twenty starts: rounded to none
    with pytest.raises(NotApplicable, match="too few rows asked for"):
        Adasyn().pool(part, np.random.RandomState(0))


def test_other_errors_of_a_sampler_are_not_swallowed() -> None:
    part = part_of(*points(SIZES[2]))

    def broken(strategy: Any, random: np.random.RandomState) -> Any:
        return SMOTE(sampling_strategy={9: 100}, random_state=random)

    with pytest.raises(ValueError, match="not present"):
        sample(broken, part, np.random.RandomState(0))


def test_an_absent_class_does_not_apply() -> None:
    part = part_of(*points((30, 20)))
    with pytest.raises(NotApplicable, match="class 2 has no row"):
        pool_requests(TrainingPart(part.X, part.rows, part.y, 3, part.graph))
