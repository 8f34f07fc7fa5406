"""Ablation of the VAE: copies of rows with the noise that it leaves unexplained."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..drawing import F32
from ..knobs import Float, knob
from . import METHODS
from .base import Synthesiser
from .vae import VaeMethod


@METHODS.register("ros_residual")
@dataclass(frozen=True)
class RosResidual(VaeMethod):
    """Copies of rows plus Gaussian noise with the covariance of a VAE's residuals on the training rows.

    Against ``ros`` it shows what the residual noise does by itself, against ``vae`` with
    ``residual_noise: 1`` what the decoded part does.
    """

    order = 23
    paper = "an ablation of Kingma and Welling 2014, arXiv:1312.6114"

    examine = Synthesiser.examine  # no row is decoded from a code

    residual_noise: float = knob(1.0, Float(0.0), "share of the noise of training residuals added")

    def draw(self, rows: F32, wanted: int, generator: np.random.Generator, precision: str) -> F32:
        """Draw new rows (wanted, d) like those of one class (n, d)."""
        from ..vae_training import VaeData, generate

        settings = self.train(precision, decoder_noise=0.0, residual_noise=self.residual_noise, source="rows")
        return generate([VaeData(rows, wanted, generator)], settings)[0]
