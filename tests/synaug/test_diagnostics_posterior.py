"""A linear VAE is probabilistic PCA: its closed forms (A17, A17b), reached by training one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
import torch
from scipy.optimize import minimize

from synaug.diagnostics.moments import effective_rank, total_variance
from synaug.diagnostics.posterior import (
    active_units,
    kl_per_dimension,
    mean_numbers,
    read_vae,
    reconstruction,
)
from synaug.vae_training import FittedVae, VaeData, VaeSettings, generate

F64 = npt.NDArray[np.float64]
F32 = npt.NDArray[np.float32]
EIGENVALUES, LATENT = np.array([8, 4, 2, 0.5, 0.25, 0.125, 0.1, 0.05]), 6
N = 500


def rows_with(values: F64, n: int = N) -> F32:
    """Rows whose covariance, divided by n, is diagonal with exactly these values; their mean is zero."""
    rows = np.random.default_rng(0).normal(size=(n, len(values)))
    rows -= rows.mean(axis=0)
    white = np.linalg.svd(rows, full_matrices=False)[0] * np.sqrt(n)
    return (white * np.sqrt(values)).astype(np.float32)


@dataclass(frozen=True)
class LinearVae:
    """Encoder ``x V`` with variances of its own, decoder ``z W`` of a given variance.

    On the scale of the model, where the decoder has unit variance, rows are divided by its root.
    """

    V: F64
    log_variance: F64
    W: F64
    deviation: float

    def standardise(self, rows: F32) -> F32:
        return (rows / self.deviation).astype(np.float32)

    def encode(self, rows: F32) -> tuple[F32, F32]:
        mean = (rows @ self.V).astype(np.float32)
        return mean, np.broadcast_to(self.log_variance.astype(np.float32), mean.shape)

    def decode(self, codes: F32) -> F32:
        return (codes @ self.W).astype(np.float32)


def train_linear(decoder_variance: float) -> LinearVae:
    """Minimise the exact expected loss over Gaussian rows, by autograd from a random start."""
    d = len(EIGENVALUES)
    covariance = torch.diag(torch.from_numpy(EIGENVALUES / decoder_variance))
    shapes = [(d, LATENT), (LATENT,), (LATENT, d)]
    sizes = [int(np.prod(shape)) for shape in shapes]

    def parts(flat: torch.Tensor) -> list[torch.Tensor]:
        return [part.reshape(shape) for part, shape in zip(flat.split(sizes), shapes, strict=True)]

    def loss(values: F64) -> tuple[float, F64]:
        flat = torch.tensor(values, requires_grad=True)
        V, log_variance, W = parts(flat)
        left = torch.eye(d, dtype=torch.float64) - V @ W
        error = torch.trace(left.T @ covariance @ left) + (log_variance.exp() * (W**2).sum(1)).sum()
        square = torch.einsum("ij,ik,kj->j", V, covariance, V)  # variance of the posterior means
        divergence = (square + log_variance.exp() - 1 - log_variance).sum()
        total = 0.5 * (error + divergence)
        total.backward()
        assert flat.grad is not None
        return float(total.detach()), flat.grad.numpy()

    start = np.random.default_rng(1).normal(size=sum(sizes)) * 0.3
    best = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 5000, "ftol": 1e-15})
    V, log_variance, W = (part.numpy() for part in parts(torch.from_numpy(best.x)))
    return LinearVae(V, log_variance, W, decoder_variance**0.5)


def test_A17_the_trained_linear_vae_has_the_closed_form() -> None:
    """KL of a dimension is ln(eigenvalue) / 2; the posterior mean varies by 1 - 1 / eigenvalue."""
    active = EIGENVALUES[EIGENVALUES > 1]
    closed = np.append(0.5 * np.log(active), np.zeros(LATENT - len(active)))
    np.testing.assert_allclose(closed, [1.0397, 0.6931, 0.3466, 0, 0, 0], atol=5e-5)
    model, rows = train_linear(1.0), rows_with(EIGENVALUES)
    mean, log_variance = model.encode(rows)
    assert kl_per_dimension(mean, log_variance).sum() == pytest.approx(2.07944, abs=1e-4)
    assert active_units(mean) == 3
    # A rotation of the latent space costs nothing but what diagonal variances make of it: none here.
    np.testing.assert_allclose(np.sort(kl_per_dimension(mean, log_variance))[::-1], closed, atol=2e-3)
    np.testing.assert_allclose(np.sort(mean.var(axis=0))[::-1][:3], [0.875, 0.75, 0.5], atol=2e-3)
    means = np.linalg.eigvalsh(model.W.T @ model.W)[::-1]
    np.testing.assert_allclose(means[:3], active - 1, atol=5e-3)
    assert effective_rank(rows.astype(np.float64)) == pytest.approx(3.42, abs=0.005)
    decoded = rows_with(np.eye(LATENT).diagonal()) @ model.W
    assert total_variance(decoded) / total_variance(rows) == pytest.approx(0.7320, abs=2e-3)
    assert effective_rank(decoded.astype(np.float64)) == pytest.approx(2.36, abs=0.005)


def test_A17_all_numbers_are_read_from_a_model() -> None:
    model, rows = train_linear(1.0), rows_with(EIGENVALUES)
    found = read_vae(model, rows, rows, np.random.default_rng(0))
    assert found["vae_active_units"] == 3
    assert found["vae_kl"] == pytest.approx(2.07944, abs=1e-4)
    assert [found[f"vae_kl_{place}"] for place in (1, 2, 3, 4)] == pytest.approx(
        [1.0397, 0.6931, 0.3466, 0], abs=2e-3
    )
    assert f"vae_kl_{LATENT + 1}" not in found
    assert found["vae_mean_variance_ratio"] == pytest.approx(11 / 15.025, rel=0.05)
    assert found["vae_sample_variance_ratio"] == pytest.approx(19 / 15.025, rel=0.05)
    # Probabilistic PCA: the bound is tight, so it is the likelihood of N(0, C), C = WW' + I.
    spread = np.maximum(EIGENVALUES, 1)
    likelihood = -0.5 * (np.log(2 * np.pi * spread) + EIGENVALUES / spread).sum()
    assert found["vae_elbo"] == pytest.approx(likelihood, abs=0.1)  # drawn codes
    assert found["vae_held_elbo"] == pytest.approx(likelihood, abs=0.1)  # drawn codes
    assert found["vae_elbo"] == found["vae_reconstruction"] - found["vae_kl"]
    assert found["vae_held_kl"] == pytest.approx(found["vae_kl"])


def test_A17b_a_noisy_decoder_collapses() -> None:
    model, rows = train_linear(10.0), rows_with(EIGENVALUES)
    found = read_vae(model, rows, rows, np.random.default_rng(0))
    assert found["vae_active_units"] == 0
    assert found["vae_kl"] == pytest.approx(0, abs=1e-4)
    assert found["vae_mean_variance_ratio"] == pytest.approx(0, abs=1e-4)
    assert effective_rank(np.zeros((100, 8))) == 1


def test_the_divergence_equals_that_of_torch() -> None:
    rng = np.random.default_rng(3)
    mean, log_variance = rng.normal(size=(2, 40, 5)).astype(np.float32)
    posterior = torch.distributions.Normal(
        torch.from_numpy(mean), torch.from_numpy(np.exp(0.5 * log_variance))
    )
    expected = torch.distributions.kl_divergence(posterior, torch.distributions.Normal(0.0, 1.0)).mean(0)
    np.testing.assert_allclose(kl_per_dimension(mean, log_variance), expected.numpy(), rtol=1e-5)


def test_a_dimension_is_active_from_a_variance_of_a_hundredth() -> None:
    steps = np.array([[-1.0], [1.0]], dtype=np.float32)
    assert active_units(steps * np.array([0.09, 0.11, 2.0, 0.0], dtype=np.float32)) == 2


SETTINGS = VaeSettings(latent=3, hidden=32, beta=1.0, steps=200, learning_rate=0.01, decoder_noise=0.0)


def entry(rows: F32, wanted: int = 0) -> VaeData:
    return VaeData(rows, wanted, np.random.default_rng(5))


def test_the_fitted_model_is_the_one_that_makes_the_rows() -> None:
    rows = 3 + rows_with(EIGENVALUES, 60)
    data = entry(rows)
    model, made = FittedVae(data, SETTINGS), generate([entry(rows, 30)], SETTINGS)[0]
    codes = data.generator.standard_normal((30, 3), dtype=np.float32)  # what generate draws next
    np.testing.assert_allclose(model.decode(codes), model.standardise(made), atol=1e-5)
    scaled = model.standardise(rows)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-5)
    assert scaled.var() == pytest.approx(1, abs=1e-5)


def test_what_a_trained_model_tells_is_as_it_should_be() -> None:
    """The two strong directions are in use; what is not trained on is no better reconstructed."""
    strong = np.array([9.0, 4.0, *[0.04] * 8])
    rows = np.random.default_rng(7).normal(size=(200, 10)) * np.sqrt(strong)
    seen, unseen = rows[:60].astype(np.float32), rows[60:].astype(np.float32)
    model = FittedVae(entry(seen), SETTINGS)
    found = read_vae(model, seen, unseen, np.random.default_rng(0))
    assert found["vae_active_units"] == 2
    assert 0.5 < found["vae_kl"] < 4
    assert found["vae_held_elbo"] < found["vae_elbo"]
    assert found["vae_sample_variance_ratio"] == pytest.approx(found["vae_mean_variance_ratio"] + 1, abs=1e-4)
    mean, log_variance = model.encode(model.standardise(seen))
    exact = reconstruction(model, model.standardise(seen), mean, log_variance - 50, np.random.default_rng(0))
    error = (model.standardise(seen) - model.decode(mean)).astype(np.float64)
    assert exact == pytest.approx(-0.5 * (error**2).sum(axis=1).mean() - 5 * np.log(2 * np.pi), rel=1e-5)


def test_classes_are_averaged_over_what_all_have() -> None:
    assert mean_numbers([{"a": 1.0, "b": 2.0}, {"a": 3.0}]) == {"a": 2.0}
