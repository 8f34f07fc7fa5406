"""The neighbour graph against scikit-learn's NearestNeighbors on the rows that may be answered."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import binom
from sklearn.neighbors import NearestNeighbors

from synaug import nearest
from synaug.errors import Exit, SynaugError
from synaug.neighbors import METRICS, NeighborGraph, depth_for

N, DEPTH = 160, 12
RNG = np.random.default_rng(3)
X = (RNG.normal(size=(220, 9)) + 0.4).astype(np.float32)
ROWS = np.sort(RNG.choice(220, N, replace=False))
Y = RNG.choice(3, N, p=[0.6, 0.3, 0.1])
Codes = npt.NDArray[np.int64]


def graph(metric: str = "euclidean", depth: int = DEPTH) -> NeighborGraph:
    return NeighborGraph.build(X, ROWS, Y, metric, depth)


def expected(metric: str, query: Codes, allowed: Codes, k: int, points: npt.NDArray[np.float32] = X) -> Codes:
    """Ask scikit-learn for one neighbor more and drop the row itself, where it is among them."""
    reference = NearestNeighbors(n_neighbors=k + 1, metric=metric, algorithm="brute")
    reference.fit(points[allowed].astype(np.float64))
    near = allowed[reference.kneighbors(points[query].astype(np.float64), return_distance=False)]
    return np.array([[other for other in row if other != i][:k] for row, i in zip(near, query, strict=True)])


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("k", [1, 5, DEPTH, DEPTH + 3])
def test_equals_scikit_learn_on_a_training_part(metric: str, k: int) -> None:
    part = np.arange(N) % 10 != 4
    allowed = ROWS[part]
    found = graph(metric).neighbors(allowed, allowed, k, within_class=False)
    np.testing.assert_array_equal(found, expected(metric, allowed, allowed, k))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("code", [0, 1, 2])
def test_equals_scikit_learn_within_a_class(metric: str, code: int) -> None:
    part = np.arange(N) % 10 != 4
    query = ROWS[part & (code == Y)]
    found = graph(metric).neighbors(query, ROWS[part], 5, within_class=True)
    np.testing.assert_array_equal(found, expected(metric, query, query, 5))


@pytest.mark.parametrize("within", [False, True])
def test_short_rows_are_answered_exactly(within: bool) -> None:
    """With half of the rows held out, lists of 6 often hold fewer than 5 that are allowed."""
    allowed = ROWS[np.arange(N) % 2 == 0]
    query = ROWS[(np.arange(N) % 2 == 0) & (Y == 1)]
    reference = query if within else allowed
    found = graph(depth=6).neighbors(query, allowed, 5, within)
    np.testing.assert_array_equal(found, expected("euclidean", query, reference, 5))


def test_a_queried_row_need_not_be_allowed() -> None:
    query, allowed = ROWS[::7], np.delete(ROWS, np.s_[::7])
    found = graph().neighbors(query, allowed, 4, within_class=False)
    np.testing.assert_array_equal(found, expected("euclidean", query, allowed, 4))


@pytest.mark.parametrize("metric", METRICS)
def test_blocks_do_not_matter(metric: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = graph(metric)
    sizes = {"_BLOCK_BYTES": 4 * N * 7, "_PAIR_BYTES": 8 * 9 * 3, "_MOST_PAIRS": 20, "_TILE": 11}
    for name, size in (sizes | {"_MINIMUM_TILE": 5}).items():
        monkeypatch.setattr(nearest, name, size)
    pieces = graph(metric)
    np.testing.assert_array_equal(pieces.overall, whole.overall)
    np.testing.assert_array_equal(pieces.within, whole.within)


def test_self_is_excluded_by_position_among_duplicates() -> None:
    points = np.repeat(RNG.normal(size=(6, 4)).astype(np.float32), 5, axis=0)
    rows, y = np.arange(30), np.arange(30) % 2
    found = NeighborGraph.build(points, rows, y, "manhattan", 6).neighbors(rows, rows, 4, False)
    same = np.array([[other for other in range(i // 5 * 5, i // 5 * 5 + 5) if other != i] for i in rows])
    np.testing.assert_array_equal(found, same)  # ties come in the order of the rows


def test_only_the_class_that_is_largest_in_every_fold_has_no_lists() -> None:
    assert set(Y[np.isin(ROWS, graph().listed)]) == {1, 2}
    even = NeighborGraph.build(X, ROWS, np.arange(N) % 2, "euclidean", 3)
    np.testing.assert_array_equal(even.listed, ROWS)


def test_order_of_the_rows_does_not_matter() -> None:
    shuffled = np.random.default_rng(0).permutation(N)
    other = NeighborGraph.build(X, ROWS[shuffled], Y[shuffled], "cosine", DEPTH)
    np.testing.assert_array_equal(other.overall, graph("cosine").overall)
    np.testing.assert_array_equal(other.within, graph("cosine").within)


def test_cosine_is_euclidean_on_unit_rows() -> None:
    unit = X / np.linalg.norm(X, axis=1, keepdims=True)
    cosine, euclidean = (NeighborGraph.build(unit, ROWS, Y, m, DEPTH) for m in ("cosine", "euclidean"))
    np.testing.assert_array_equal(cosine.overall, euclidean.overall)
    assert (graph("cosine").overall != graph("euclidean").overall).any()


def test_a_zero_row_is_at_a_right_angle_to_all() -> None:
    points = np.array([[0, 0], [1, 0], [2, 0.1], [-1, 0], [0, 0], [3, 1]], dtype=np.float32)
    rows = np.arange(6)
    found = NeighborGraph.build(points, rows, rows % 2, "cosine", 5).neighbors(rows, rows, 5, False)
    assert found[0, 0] == 4
    assert found[1].tolist() == [2, 5, 0, 4, 3]  # cosine 0.999, 0.95, 0, 0, -1


def test_too_few_rows_and_unknown_rows_are_errors() -> None:
    rare = ROWS[Y == 2]
    with pytest.raises(ValueError, match="at least 50 other rows"):
        graph().neighbors(rare, ROWS, 50, within_class=True)
    unknown = np.setdiff1d(np.arange(220), ROWS)[:2]
    with pytest.raises(ValueError, match="rows of the graph"):
        graph().neighbors(unknown, ROWS, 3, within_class=False)


def test_unknown_metric_is_a_user_error() -> None:
    with pytest.raises(SynaugError, match="did you mean 'euclidean'") as caught:
        graph("euclidian")
    assert caught.value.exit == Exit.SPEC


def test_holds_plain_arrays_only() -> None:
    values = {field.name: getattr(graph(), field.name) for field in fields(NeighborGraph)}
    assert values.pop("metric") == "euclidean"
    assert {type(value) for value in values.values()} == {np.ndarray}


@pytest.mark.parametrize(("k", "folds"), [(2, 10), (5, 10), (15, 10), (15, 2), (5, 3)])
def test_depth_is_the_shortest_that_rarely_falls_short(k: int, folds: int) -> None:
    depth = depth_for(k, folds)
    assert binom.cdf(k - 1, depth, 1 - 1 / folds) <= 1e-4
    assert binom.cdf(k - 1, depth - 1, 1 - 1 / folds) > 1e-4


def test_depth_without_folds_is_k() -> None:
    assert depth_for(7, 1) == 7
