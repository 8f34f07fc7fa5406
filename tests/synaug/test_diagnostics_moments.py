"""Moments of synthetic rows: closed forms of SMOTE's covariance, ranks and the Fréchet distance."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from scipy import linalg

from synaug.diagnostics.moments import (
    effective_rank,
    frechet,
    frechet_distance,
    norm_shift,
    participation_ratio,
    total_variance,
    variance_ratio,
)
from synaug.diagnostics.pairs import Pair

F64 = npt.NDArray[np.float64]
SmoteRows = Callable[[F64, int, int], tuple[F64, F64]]
RNG = np.random.default_rng
NO_OTHERS = np.empty((0, 0, 1))


def pair(synthetic: F64, real: F64) -> Pair:
    return Pair(synthetic, real, NO_OTHERS)


@pytest.mark.parametrize(("n", "expected"), [(3, 0.5), (11, 0.6333), (51, 0.66)])
def test_A13_smote_among_all_rows_keeps_the_mean_and_two_thirds_of_the_variance(
    smote_rows: SmoteRows, n: int, expected: float
) -> None:
    """Trace ratio 2/3 - 1/(3 (n - 1)), with the covariance of the parents divided by n."""
    made, parents = smote_rows(RNG(n).normal(size=(n, 20)), n - 1, 40_000)
    assert expected == pytest.approx(2 / 3 - 1 / (3 * (n - 1)), abs=1e-4)
    assert variance_ratio(pair(made, parents)) == pytest.approx(expected, abs=0.01)
    np.testing.assert_allclose(made.mean(axis=0), parents.mean(axis=0), atol=0.02)


def test_k_cannot_matter_where_distances_concentrate(smote_rows: SmoteRows) -> None:
    """384 dimensions: 0.67 for every k; 2 dimensions: from 0.93 down to 0.66."""
    high, flat = RNG(0).normal(size=(200, 384)), RNG(1).normal(size=(200, 2))
    for k in (1, 5, 199):
        assert variance_ratio(pair(*smote_rows(high, k, 4000))) == pytest.approx(0.67, abs=0.03)
    assert variance_ratio(pair(*smote_rows(flat, 5, 4000))) == pytest.approx(0.93, abs=0.06)
    assert variance_ratio(pair(*smote_rows(flat, 199, 4000))) == pytest.approx(0.66, abs=0.03)


def test_rows_between_rows_of_length_one_are_shorter(smote_rows: SmoteRows) -> None:
    rows = RNG(2).normal(size=(100, 64))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    made, parents = smote_rows(rows, 5, 2000)
    assert -0.16 < norm_shift(pair(made, parents)) < -0.11
    assert norm_shift(pair(parents * 2, parents)) == pytest.approx(1.0)
    assert np.isnan(norm_shift(pair(parents, np.zeros_like(parents))))


def with_eigenvalues(values: list[float], n: int = 400, seed: int = 0) -> F64:
    """Rows whose covariance, divided by n, has exactly these eigenvalues, in a turned basis."""
    d = len(values)
    rows = RNG(seed).normal(size=(n, d))
    rows -= rows.mean(axis=0)
    white = np.linalg.svd(rows, full_matrices=False)[0] * np.sqrt(n)
    return white * np.sqrt(values) @ np.linalg.qr(RNG(seed + 1).normal(size=(d, d)))[0]


def test_ranks_of_known_spectra() -> None:
    assert effective_rank(with_eigenvalues([1.0] * 7)) == pytest.approx(7)
    assert participation_ratio(with_eigenvalues([1.0] * 7)) == pytest.approx(7)
    shares = np.array([0.5, 0.25, 0.25])
    assert effective_rank(with_eigenvalues([2.0, 1.0, 1.0])) == pytest.approx(2**1.5)
    assert participation_ratio(with_eigenvalues([2.0, 1.0, 1.0])) == pytest.approx(1 / (shares**2).sum())
    wide = np.hstack([with_eigenvalues([2.0, 1.0, 1.0], n=5), np.zeros((5, 40))])  # fewer rows than columns
    assert effective_rank(wide) == pytest.approx(2**1.5)


@pytest.mark.parametrize("rank", [effective_rank, participation_ratio])
def test_rows_that_do_not_vary_have_rank_one(rank: object) -> None:
    assert callable(rank)
    assert rank(np.full((20, 5), 3.0)) == 1.0
    assert np.isnan(variance_ratio(pair(np.ones((20, 5)), np.full((20, 5), 3.0))))
    assert np.isnan(frechet(pair(np.ones((20, 5)), np.full((20, 5), 3.0))))


def test_the_frechet_distance_equals_the_matrix_square_root() -> None:
    a, b = RNG(3).normal(size=(60, 5)) * [1, 2, 3, 4, 5], RNG(4).normal(size=(60, 5)) + 1
    S, T = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    apart = a.mean(axis=0) - b.mean(axis=0)
    expected = apart @ apart + np.trace(S + T - 2 * linalg.sqrtm(S @ T).real)
    assert frechet_distance(a, b) == pytest.approx(expected)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    one_dimension = frechet_distance(a[:, :1], b[:, :1])
    assert one_dimension == pytest.approx(apart[0] ** 2 + (S[0, 0] ** 0.5 - T[0, 0] ** 0.5) ** 2)


@pytest.mark.parametrize(("n", "d", "bias"), [(100, 16, 1.68), (100, 64, 22.5), (500, 64, 4.6)])
def test_the_frechet_distance_of_one_distribution_is_mostly_bias(n: int, d: int, bias: float) -> None:
    """To second order in 1/n it is 2 d / n for the means and d (d + 1) / (2 n) for the covariances."""
    rng = RNG(5)
    found = [frechet_distance(rng.normal(size=(n, d)), rng.normal(size=(n, d))) for _ in range(20)]
    assert np.mean(found) == pytest.approx(bias, rel=0.06)  # a single draw scatters by 3 to 10 %
    assert np.mean(found) == pytest.approx(2 * d / n + d * (d + 1) / (2 * n), rel=0.03)


@pytest.mark.parametrize("d", [10, 16])
def test_all_components_give_the_distance_itself(d: int) -> None:
    a, b = RNG(6).normal(size=(60, d)) * 2, RNG(7).normal(size=(60, d)) * np.arange(1, d + 1)
    assert frechet(pair(a, b)) == pytest.approx(frechet_distance(a, b))


@pytest.mark.parametrize("n", [12, 50, 300])
def test_sixteen_components_of_the_real_rows_are_taken(n: int) -> None:
    a, b = RNG(8).normal(size=(n, 40)), RNG(9).normal(size=(n, 40)) * np.linspace(3, 1, 40)
    _, singular, axes = np.linalg.svd(b - b.mean(axis=0), full_matrices=False)
    axes = axes[singular > 1e-9][:16]
    assert len(axes) == min(16, n - 1)
    expected = frechet_distance(a @ axes.T, b @ axes.T)
    assert frechet(pair(a, b)) == pytest.approx(expected)


def test_total_variance_is_divided_by_n() -> None:
    assert total_variance(np.array([[0.0, 0.0], [2.0, 4.0]])) == 1 + 4
