"""What a variational autoencoder does with rows: codes in use, divergence, reconstruction, variance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from .moments import total_variance

F32 = npt.NDArray[np.float32]
Floats = npt.NDArray[np.floating]
ACTIVE = 0.01  # variance of the posterior mean from which a dimension is in use (Burda et al. 2016)
DRAWS = 10  # of a row's code, for the reconstruction
PRIOR_ROWS = 2000  # decoded for the variance of the decoder's mean


class Autoencoder(Protocol):
    """A trained Gaussian VAE whose decoder has unit variance on the scale of standardised rows."""

    def standardise(self, rows: F32) -> F32:
        """Put rows (n, d) on the scale of the model."""

    def encode(self, rows: F32) -> tuple[F32, F32]:
        """Mean and log variance of the posterior of standardised rows, both (n, latent)."""

    def decode(self, codes: F32) -> F32:
        """The decoder's mean, standardised (m, d), of codes (m, latent)."""


def kl_per_dimension(mean: Floats, log_variance: Floats) -> npt.NDArray[np.float64]:
    """Divergence of the posterior from the standard normal, mean over rows, in nats (latent,)."""
    exact = mean.astype(np.float64), log_variance.astype(np.float64)
    return np.asarray(0.5 * (exact[0] ** 2 + np.exp(exact[1]) - 1 - exact[1]).mean(axis=0))


def active_units(mean: Floats) -> int:
    """Latent dimensions whose posterior mean varies over rows by more than 0.01.

    Burda et al. 2016, arXiv:1509.00519.
    """
    return int((mean.var(axis=0, dtype=np.float64) > ACTIVE).sum())


def reconstruction(
    model: Autoencoder, rows: F32, mean: F32, log_variance: F32, generator: np.random.Generator
) -> float:
    """Expected log likelihood of a standardised row given a code from its posterior, in nats."""
    found = []
    for _ in range(DRAWS):
        noise = generator.standard_normal(mean.shape, dtype=np.float32)
        error = (rows - model.decode(mean + np.exp(0.5 * log_variance) * noise)).astype(np.float64)
        found.append((error**2).sum(axis=1).mean())
    return float(-0.5 * np.mean(found) - 0.5 * rows.shape[1] * np.log(2 * np.pi))


def read_vae(model: Autoencoder, rows: F32, unseen: F32, generator: np.random.Generator) -> dict[str, float]:
    """Read all numbers of ``TABLE`` about one trained model.

    The evidence lower bound is that of the model with beta 1, whatever it was trained with.

    Args:
        model: trained.
        rows: its training rows (n, d), on the scale of the data.
        unseen: rows of the same class that it was not trained on (h, d).
        generator: draws codes.
    """
    seen, other = model.standardise(rows), model.standardise(unseen)
    mean, log_variance = model.encode(seen)
    by_dimension = np.sort(kl_per_dimension(mean, log_variance))[::-1]
    codes = generator.standard_normal((PRIOR_ROWS, mean.shape[1]), dtype=np.float32)
    decoded, real = total_variance(model.decode(codes)), total_variance(seen)
    found = {
        "vae_active_units": float(active_units(mean)),
        "vae_kl": float(by_dimension.sum()),
        "vae_reconstruction": reconstruction(model, seen, mean, log_variance, generator),
    }
    found["vae_elbo"] = found["vae_reconstruction"] - found["vae_kl"]
    code = model.encode(other)
    found["vae_held_kl"] = float(kl_per_dimension(*code).sum())
    found["vae_held_reconstruction"] = reconstruction(model, other, *code, generator)
    found["vae_held_elbo"] = found["vae_held_reconstruction"] - found["vae_held_kl"]
    if real > 0:
        found["vae_mean_variance_ratio"] = decoded / real
        found["vae_sample_variance_ratio"] = (decoded + rows.shape[1]) / real
    return found | {f"vae_kl_{place}": float(value) for place, value in enumerate(by_dimension, start=1)}


def mean_numbers(found: Sequence[dict[str, float]]) -> dict[str, float]:
    """Mean over classes of what every class has."""
    common = [name for name in found[0] if all(name in each for each in found)]
    return {name: float(np.mean([each[name] for each in found])) for name in common}
