"""Precision, recall, density, coverage (A18), placement and two-sample tests, on planted rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from scipy.spatial.distance import cdist

from synaug.diagnostics.c2st import c2st_forest, c2st_logistic, c2st_norm
from synaug.diagnostics.pairs import Pair, distances
from synaug.diagnostics.placement import (
    copies,
    crossing_rate,
    island_rate,
    nearest_distance_ratio,
    unique_neighbor_rate,
)
from synaug.diagnostics.support import coverage, density, precision, recall

F64 = npt.NDArray[np.float64]
SmoteRows = Callable[[F64, int, int], tuple[F64, F64]]
RNG = np.random.default_rng


def pair(synthetic: F64, real: F64, others: F64 | None = None) -> Pair:
    far = np.full((1, len(real), real.shape[1]), 1e3)
    return Pair(synthetic, real, far if others is None else others)


def normal(*shape: int, seed: int = 0) -> F64:
    return RNG(seed).normal(size=shape)


def test_distances_equal_scipy_and_are_zero_for_equal_rows() -> None:
    rows = 100 + normal(40, 30)
    found = distances(rows, np.vstack([rows[::-1], normal(9, 30, seed=1)]))
    np.testing.assert_allclose(found, cdist(rows, np.vstack([rows[::-1], normal(9, 30, seed=1)])), rtol=1e-9)
    assert (found[:, :40][np.eye(40, dtype=bool)[::-1]] == 0).all()
    assert np.count_nonzero(found == 0) == 40


def plain_prdc(real: F64, fake: F64, k: int) -> tuple[float, ...]:
    """The four definitions, row by row, as the papers write them."""
    radius = [np.sort(np.linalg.norm(real - x, axis=1))[k] for x in real]  # place 0 is the row itself
    radius_of_fake = [np.sort(np.linalg.norm(fake - x, axis=1))[k] for x in fake]
    inside = [[np.linalg.norm(x - r) < radius[i] for i, r in enumerate(real)] for x in fake]
    back = [[np.linalg.norm(x - f) < radius_of_fake[i] for i, f in enumerate(fake)] for x in real]
    hit = np.array(inside)
    return (
        float(np.mean(hit.any(1))), float(np.mean(np.any(back, axis=1))), float(hit.sum() / k / len(fake)),
        float(np.mean(hit.any(0))),
    )  # fmt: skip


@pytest.mark.parametrize("k", [1, 3, 5])
def test_the_four_equal_their_definitions(k: int) -> None:
    real, fake = normal(40, 3), 0.5 + normal(40, 3, seed=1)
    found = tuple(of(pair(fake, real), k) for of in (precision, recall, density, coverage))
    np.testing.assert_allclose(found, plain_prdc(real, fake, k))
    assert len(set(found)) == 4


@pytest.mark.parametrize(
    ("n", "m", "k", "expected"), [(300, 300, 5, 0.9695), (300, 150, 5, 0.8705), (300, 300, 3, 0.8763)]
)
def test_A18_coverage_in_the_same_distribution(n: int, m: int, k: int, expected: float) -> None:
    i = np.arange(1, k + 1)
    assert 1 - np.prod((n - i) / (n + m - i)) == pytest.approx(expected, abs=1e-4)
    rng = RNG(9)
    pairs = [pair(rng.normal(size=(m, 8)), rng.normal(size=(n, 8))) for _ in range(60)]
    found = [_unequal_coverage(each, k) for each in pairs]
    assert np.mean(found) == pytest.approx(expected, abs=4 * np.std(found) / 60**0.5 + 5e-4)
    if n == m:
        assert [coverage(each, k) for each in pairs] == found
        assert np.mean([density(each, k) for each in pairs]) == pytest.approx(1, abs=0.03)


def _unequal_coverage(each: Pair, k: int) -> float:
    """Coverage of all real rows; a pair itself measures distances between the first m alone."""
    if len(each.real) == len(each.synthetic):
        return coverage(each, k)
    parts = Pair(each.real, each.real, each.others)
    radius = np.partition(parts.within_real, k - 1, axis=1)[:, k - 1]
    return float((each.across.min(axis=0) < radius).mean())


def test_A18_a_copy_of_the_real_rows_has_all_four_at_one() -> None:
    real = normal(200, 16)
    both = pair(RNG(1).permutation(real), real)
    assert precision(both) == recall(both) == coverage(both) == 1
    assert density(both) == pytest.approx(1)


def test_A18_a_collapse_to_the_mean_looks_perfect_but_for_recall() -> None:
    real = normal(200, 64)
    collapsed = pair(np.repeat(real.mean(axis=0, keepdims=True), 200, axis=0), real)
    assert (precision(collapsed), recall(collapsed), coverage(collapsed)) == (1, 0, 1)
    assert density(collapsed) == 200 / 5  # every row lies in the ball of each of the 200, over k


def test_smote_leaves_rows_that_it_did_not_see_outside(smote_rows: SmoteRows) -> None:
    made, _ = smote_rows(normal(200, 64), 5, 200)
    unseen = pair(made, normal(200, 64, seed=1))
    assert recall(unseen) < 0.2
    assert coverage(unseen) > 0.99
    assert density(unseen) > 5


def test_islands_are_found_row_by_row() -> None:
    """50 of 500 far away: 50 are found; in the same distribution: none."""
    real, rows = normal(500, 8), normal(500, 8, seed=1)
    assert island_rate(pair(rows, real)) == 0
    rows[:50] = 8 + 0.3 * normal(50, 8, seed=2)
    assert island_rate(pair(rows, real)) * 500 == 50


def test_an_island_of_fewer_rows_than_neighbors_is_none() -> None:
    real, rows = normal(500, 8), normal(500, 8, seed=1)
    rows[:5] = 8 + 0.3 * normal(5, 8, seed=2)
    assert island_rate(pair(rows, real)) == 0


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_crossing_counts_rows_in_the_other_cluster(share: float) -> None:
    """Two clusters 20 standard deviations apart: the share that is planted in the other one."""
    real, other, rows = normal(80, 4), 20 + normal(80, 4, seed=1), normal(80, 4, seed=2)
    rows[: round(80 * share)] += 20
    assert crossing_rate(pair(rows, real, other[None])) == share


def test_crossing_goes_by_equal_numbers_of_every_class() -> None:
    """Three classes in one place: another class is in the majority with two chances of three."""
    rng = RNG(4)
    found = [
        crossing_rate(pair(rng.normal(size=(90, 4)), rng.normal(size=(90, 4)), rng.normal(size=(2, 30, 4))))
        for _ in range(20)
    ]
    expected = 1 - sum(comb * (1 / 3) ** n * (2 / 3) ** (5 - n) for n, comb in [(3, 10), (4, 5), (5, 1)])
    assert np.mean(found) == pytest.approx(expected, abs=0.03)


def test_copies_are_at_distance_zero() -> None:
    real = normal(60, 12)
    chosen = real[RNG(1).integers(0, 60, 60)]
    assert copies(pair(chosen, real)) == 1
    assert nearest_distance_ratio(pair(chosen, real)) == 0
    half = np.vstack([chosen[:30], normal(30, 12, seed=3)])
    assert copies(pair(half, real)) == 0.5
    assert copies(pair(real + 1e-9, real)) == 0
    found = [nearest_distance_ratio(pair(normal(60, 12, seed=i), real)) for i in range(5, 25)]
    assert np.mean(found) == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize(("k", "expected"), [(1, 1.0), (5, 0.2)])
def test_smote_copies_where_every_text_is_there_twice(smote_rows: SmoteRows, k: int, expected: float) -> None:
    """One of the k neighbours of a row is its duplicate."""
    made, parents = smote_rows(np.repeat(normal(40, 16), 2, axis=0), k, 2000)
    assert copies(pair(made, parents)) == pytest.approx(expected, abs=0.03)
    assert np.isnan(nearest_distance_ratio(pair(made[:80], parents)))  # each real row has its duplicate


def test_few_rows_have_many_to_themselves_after_a_collapse() -> None:
    real = normal(100, 8)
    middle = np.repeat(real.mean(axis=0, keepdims=True), 100, axis=0)
    assert unique_neighbor_rate(pair(middle, real)) == 0.01
    assert unique_neighbor_rate(pair(real.copy(), real)) == 1


@pytest.mark.parametrize("test", [c2st_logistic, c2st_forest, c2st_norm])
def test_two_sample_tests_of_one_distribution_and_of_two(test: Callable[[Pair], float]) -> None:
    real = normal(150, 10)
    found = [test(pair(normal(150, 10, seed=i), real)) for i in range(1, 7)]
    assert np.mean(found) == pytest.approx(0.5, abs=0.05)
    assert test(pair(5 + normal(150, 10, seed=8), real)) > 0.97
    assert test(pair(real.copy(), real)) < 0.6


def test_a_smaller_length_is_seen_by_what_looks_at_it(smote_rows: SmoteRows) -> None:
    """SMOTE in 64 dimensions: hard for a linear classifier, easy by the length alone."""
    made, _ = smote_rows(normal(300, 64), 5, 300)
    unseen = pair(made, normal(300, 64, seed=1))
    assert c2st_norm(unseen) == pytest.approx(0.81, abs=0.06)
    assert c2st_logistic(unseen) < c2st_forest(unseen) < 0.9
