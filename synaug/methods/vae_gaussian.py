"""Ablation of the VAE: a Gaussian with the mean and covariance of what it makes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..drawing import F32, gaussian_rows
from . import METHODS
from .vae import VaeMethod

ROWS = 1000  # of the VAE, from which mean and covariance are taken


@METHODS.register("vae_gaussian")
@dataclass(frozen=True)
class VaeGaussian(VaeMethod):
    """Rows drawn from a Gaussian with the mean and covariance of 1,000 rows that ``vae`` makes.

    Where it does as well as ``vae``, the VAE gives nothing beyond its first two moments; where it loses to
    ``gaussian`` by as much, it loses by these.
    """

    order = 22
    paper = "an ablation of Kingma and Welling 2014, arXiv:1312.6114"

    def draw(self, rows: F32, wanted: int, generator: np.random.Generator, precision: str) -> F32:
        """Draw new rows (wanted, d) like those of one class (n, d)."""
        from ..vae_training import VaeData, generate

        settings = self.train(precision, decoder_noise=0.0)
        made = generate([VaeData(rows, ROWS, generator)], settings)[0]
        return gaussian_rows(made, wanted, generator, shrinkage=0.0)
