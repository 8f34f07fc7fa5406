"""VAE: rows decoded from Gaussian noise, one variational autoencoder for each fold and class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..drawing import F32, DrawingMethod
from ..errors import NotApplicable
from ..knobs import Choice, Float, Int, knob
from ..randomness import Stream
from . import METHODS
from .base import TrainingPart

if TYPE_CHECKING:
    from ..vae_training import VaeSettings


@dataclass(frozen=True)
class VaeMethod(DrawingMethod):
    """Base of the arms that train a Gaussian VAE of each class.

    One hidden layer each way, full-batch Adam. A class's rows are standardised by their mean and one
    standard deviation for all dimensions; on that scale the decoder has unit variance, so the loss of
    a row is ``0.5 * |x - decoded|^2 + beta * KL``.
    """

    stream = Stream.VAE
    costly = True
    model: ClassVar[str] = "a VAE"

    latent: int = knob(16, Int(1), "dimensions of the latent space", levels=(2, 8, 16, 32, 64))
    beta: float = knob(1.0, Float(0.0), "weight of the KL divergence in the loss")
    epochs: int = knob(300, Int(1), "training steps; each sees all rows of the class")
    learning_rate: float = knob(0.003, Float(1e-6, 10.0, log=True), "step size of Adam")
    hidden: int = knob(256, Int(1), "hidden units of encoder and decoder")

    def train(self, precision: str, **how: Any) -> VaeSettings:
        """What a VAE is trained with and, by ``how``, what it makes."""
        from ..vae_training import VaeSettings

        return VaeSettings(
            latent=self.latent,
            hidden=self.hidden,
            beta=self.beta,
            steps=self.epochs,
            learning_rate=self.learning_rate,
            precision=precision,
            **how,
        )

    def examine(
        self, part: TrainingPart, random: np.random.RandomState, unseen: Mapping[int, F32]
    ) -> dict[str, float]:
        """Train the VAEs of some classes again, as for the pool, and read codes and decoded rows."""
        from ..diagnostics.posterior import mean_numbers, read_vae
        from ..vae_training import FittedVae, VaeData

        entropy = random.randint(0, 2**32, size=4, dtype=np.uint32).tolist()
        found = []
        for code, rows in unseen.items():
            generator = np.random.default_rng([*entropy, code])
            mine = part.X[part.rows[part.y == code]]
            model = FittedVae(VaeData(mine, 0, generator), self.train(part.precision, decoder_noise=0.0))
            found.append(read_vae(model, mine, rows, generator))
        return mean_numbers(found)

    def check(self, part: TrainingPart) -> None:
        """Raise NotApplicable where the latent space is larger than that of the rows."""
        d = part.X.shape[1]
        if self.latent > d:
            raise NotApplicable(f"{self.latent} latent dimensions are more than the {d} of the embeddings")


@METHODS.register("vae")
@dataclass(frozen=True)
class Vae(VaeMethod):
    """Rows decoded from draws of the prior by a Gaussian VAE of the class.

    The decoder's mean has less variance than the data even where the model is perfect. Two kinds of noise
    give variance back: ``decoder_noise`` 1 samples the model, whose unit variance is that of the rows
    before anything is explained, so more comes back than is missing; ``residual_noise`` 1 has the covariance
    of what the decoder leaves unexplained of the training rows, which is little where it fits them too well.
    With ``source: posterior`` the latent draws are those of random training rows, not of the prior.
    """

    order = 20
    core = True
    paper = "Kingma and Welling 2014, arXiv:1312.6114"

    decoder_noise: float = knob(0.0, Float(0.0), "share of the decoder's noise added: 0 mean, 1 sample")
    residual_noise: float = knob(0.0, Float(0.0), "share of the noise of training residuals added")
    source: str = knob(
        "prior", Choice("prior", "posterior"), "what is decoded: draws of the prior, or of rows"
    )

    def draw(self, rows: F32, wanted: int, generator: np.random.Generator, precision: str) -> F32:
        """Draw new rows (wanted, d) like those of one class (n, d)."""
        from ..vae_training import VaeData, generate

        settings = self.train(
            precision,
            decoder_noise=self.decoder_noise,
            residual_noise=self.residual_noise,
            source=self.source,
        )
        return generate([VaeData(rows, wanted, generator)], settings)[0]
