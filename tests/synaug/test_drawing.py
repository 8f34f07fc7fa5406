"""Rows drawn from a model of the class: moments in closed form, and what the ablations of the VAE do."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.covariance import LedoitWolf

from synaug.drawing import gaussian_rows
from synaug.errors import NotApplicable
from synaug.methods import METHODS
from synaug.methods.base import Pool, Synthesiser, TrainingPart
from synaug.methods.gaussian import Gaussian
from synaug.methods.mixup import Mixup
from synaug.methods.noise import Noise
from synaug.methods.ros_residual import RosResidual
from synaug.methods.vae import Vae
from synaug.methods.vae_gaussian import VaeGaussian
from synaug.neighbors import NeighborGraph

SIZES = (12_000, 40)
D = 6
RNG = np.random.default_rng(8)
Y = RNG.permutation(np.repeat([0, 1], SIZES))
X = (RNG.normal(size=(len(Y), D)) * np.array([3.0, 2.0, 1.0, 0.5, 0.5, 0.5]) + 2.0 * Y[:, None]).astype(
    np.float32
)
REAL = X[Y == 1].astype(np.float64)


def graph(metric: str) -> NeighborGraph:
    raise AssertionError("nothing here needs neighbors")


PART = TrainingPart(X, np.arange(len(Y)), Y, 2, graph)


def made(method: Synthesiser, seed: int = 0) -> tuple[Pool, np.ndarray]:
    pool = method.pool(PART, np.random.RandomState(seed))
    return pool, pool.materialise(PART)


def test_the_gaussian_has_the_mean_and_the_shrunk_covariance() -> None:
    _, rows = made(Gaussian())
    fitted = LedoitWolf().fit(REAL)
    assert 0.05 < fitted.shrinkage_ < 0.95
    np.testing.assert_allclose(rows.mean(axis=0), REAL.mean(axis=0), atol=0.06)  # 23,920 rows: error 0.02
    found = np.cov(rows.T, bias=True)
    np.testing.assert_allclose(found, fitted.covariance_, atol=0.025 * np.trace(fitted.covariance_))
    for column in rows.T:
        assert abs(stats.kurtosis(column)) < 0.15


@pytest.mark.parametrize("shrinkage", [0.0, 0.4, 1.0])
def test_the_shrunk_covariance_is_that_of_the_formula(shrinkage: float) -> None:
    drawn = gaussian_rows(X[Y == 1], 60_000, np.random.default_rng(1), shrinkage)
    S = np.cov(REAL.T, bias=True)
    expected = (1 - shrinkage) * S + shrinkage * np.trace(S) / D * np.eye(D)
    np.testing.assert_allclose(np.cov(drawn.T, bias=True), expected, atol=0.015 * np.trace(S))


def test_noise_adds_its_share_of_the_variance_in_each_dimension() -> None:
    """A copy with noise of sd standard deviations has 1 + sd^2 times the variance."""
    for sd in (0.0, 0.5, 1.0):
        _, rows = made(Noise(sd=sd))
        np.testing.assert_allclose(rows.var(axis=0), (1 + sd**2) * REAL.var(axis=0), rtol=0.05)
        np.testing.assert_allclose(rows.mean(axis=0), REAL.mean(axis=0), atol=0.1)


def test_noise_of_zero_copies() -> None:
    _, rows = made(Noise(sd=0.0))
    assert set(map(bytes, rows)) == set(map(bytes, X[Y == 1]))


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_the_shares_of_mixup_are_those_of_the_folded_beta(alpha: float) -> None:
    pool, _ = made(Mixup(alpha=alpha))
    assert pool.weight.max() <= 0.5

    def folded(x: np.ndarray) -> np.ndarray:
        return np.asarray(2 * stats.beta(alpha, alpha).cdf(x))

    assert stats.kstest(pool.weight[:4000], folded).pvalue > 0.01


@pytest.mark.parametrize(("partner", "foreign"), [("any", SIZES[0] / sum(SIZES)), ("class", 0.0)])
def test_the_other_parent_of_mixup_is_of_any_class_or_of_the_same(partner: str, foreign: float) -> None:
    pool, _ = made(Mixup(partner=partner))
    np.testing.assert_array_equal(Y[pool.parents[:, 0]], pool.labels)
    share = (Y[pool.parents[:, 1]] != pool.labels).mean()
    assert share == pytest.approx(foreign, abs=0.003)


@pytest.mark.parametrize("name", ["gaussian", "noise", "vae", "vae_gaussian", "ros_residual"])
def test_one_row_does_not_apply(name: str) -> None:
    rows = np.append(np.flatnonzero(Y == 0)[:9], np.flatnonzero(Y == 1)[:1])
    part = TrainingPart(X, rows, Y[rows], 2, graph)
    method = METHODS[name](latent=2) if name not in ("gaussian", "noise") else METHODS[name]()
    with pytest.raises(NotApplicable, match=r"class 1 has 1 row in a training part, a .* needs 2"):
        method.pool(part, np.random.RandomState(0))


VAE = {"latent": 3, "hidden": 64, "epochs": 300, "learning_rate": 0.005, "beta": 0.2}


def variance_ratio(method: Synthesiser) -> float:
    """Variance of the synthetic rows over that of the real ones."""
    return float(made(method)[1].var(axis=0).sum() / REAL.var(axis=0).sum())


def test_the_noises_of_the_vae_add_what_they_say() -> None:
    """The decoder's noise has the variance of the rows; that of the residuals at most what is missing."""
    plain, model, residual = (
        variance_ratio(Vae(**VAE, **noise)) for noise in ({}, {"decoder_noise": 1.0}, {"residual_noise": 1.0})
    )
    assert plain < 1.0
    assert model == pytest.approx(plain + 1.0, abs=0.03)
    assert plain < residual < plain + 0.5


def test_residual_noise_has_the_covariance_of_the_residuals() -> None:
    """Copies vary as the rows do; what is beyond that is the noise, in proportion to the square."""
    whole, half = (np.cov(made(RosResidual(**VAE, residual_noise=s))[1].T) for s in (1.0, 0.5))
    S = np.cov(REAL.T, bias=True)
    np.testing.assert_allclose(whole - S, 4 * (half - S), atol=0.04 * np.trace(S))
    extra = np.trace(whole - S) / np.trace(S)
    noisy = variance_ratio(Vae(**VAE, residual_noise=1.0)) - variance_ratio(Vae(**VAE))
    assert extra == pytest.approx(noisy, abs=0.04)
    assert extra > 0.05


def test_posterior_draws_decode_to_what_the_rows_look_like() -> None:
    """With residual noise they have the variance of the rows: a regression and what it leaves."""
    settings = VAE | {"epochs": 600, "beta": 1.0}
    prior, posterior = (Vae(**settings, source=s, residual_noise=1.0) for s in ("prior", "posterior"))
    assert variance_ratio(posterior) == pytest.approx(1.0, abs=0.12)
    assert (made(prior)[1] != made(posterior)[1]).any()


def test_the_gaussian_of_the_vae_has_its_moments_and_no_others() -> None:
    _, rows = made(VaeGaussian(**VAE))
    _, decoded = made(Vae(**VAE))
    S = np.cov(decoded.T)
    np.testing.assert_allclose(rows.mean(axis=0), decoded.mean(axis=0), atol=0.1 * np.sqrt(np.trace(S)))
    np.testing.assert_allclose(np.cov(rows.T), S, atol=0.08 * np.trace(S))  # of 1,000 rows
    assert np.abs(stats.kurtosis(rows)).max() < 0.15


def test_the_defaults_of_the_new_knobs_change_no_row() -> None:
    spelled = Vae(**VAE, decoder_noise=0.0, residual_noise=0.0, source="prior")
    np.testing.assert_array_equal(made(spelled)[1], made(Vae(**VAE))[1])
