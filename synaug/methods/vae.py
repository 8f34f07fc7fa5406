"""VAE: rows decoded from Gaussian noise, one variational autoencoder for each fold and class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..errors import NotApplicable
from ..knobs import Float, Int, knob
from ..mixing import pool_requests
from ..randomness import Stream
from . import METHODS
from .base import Pool, Synthesiser, TrainingPart

if TYPE_CHECKING:
    from ..vae_training import VaeSettings


@METHODS.register("vae")
@dataclass(frozen=True)
class Vae(Synthesiser):
    """Rows decoded from draws of the prior by a Gaussian VAE of the class.

    One hidden layer each way, full-batch Adam. A class's rows are standardised by their mean and one
    standard deviation for all dimensions; on that scale the decoder has unit variance, so the loss of
    a row is ``0.5 * |x - decoded|^2 + beta * KL``. The decoder's mean has less variance than the
    data even where the model is perfect; ``decoder_noise`` gives it back.
    """

    order = 20
    stream = Stream.VAE
    costly = True
    paper = "Kingma and Welling 2014, arXiv:1312.6114"

    latent: int = knob(16, Int(1), "dimensions of the latent space", levels=(2, 8, 16, 32, 64))
    beta: float = knob(1.0, Float(0.0), "weight of the KL divergence in the loss")
    epochs: int = knob(300, Int(1), "training steps; each sees all rows of the class")
    learning_rate: float = knob(0.003, Float(1e-6, 10.0, log=True), "step size of Adam")
    decoder_noise: float = knob(0.0, Float(0.0), "share of the decoder's noise added: 0 mean, 1 sample")
    hidden: int = knob(256, Int(1), "hidden units of encoder and decoder")

    def pool(self, part: TrainingPart, random: np.random.RandomState) -> Pool:
        """Make the synthetic rows of ratio 200 %; each class has a VAE of its own."""
        from ..vae_training import VaeData, generate

        wanted, entropy = self._requests(part), random.randint(0, 2**32, size=4, dtype=np.uint32).tolist()
        data = [
            VaeData(
                part.X[part.rows[part.y == code]],
                int(wanted[code]),
                np.random.default_rng([*entropy, code]),
            )
            for code in np.flatnonzero(wanted).tolist()
        ]
        labels = np.repeat(np.arange(len(wanted)), wanted)
        rows = np.concatenate([part.X[:0], *generate(data, self._settings(part))])
        parents = np.full((len(labels), 2), -1, dtype=np.int64)
        return Pool(labels, parents, np.zeros(len(labels), dtype=np.float32), rows, wanted)

    def examine(
        self,
        part: TrainingPart,
        random: np.random.RandomState,
        unseen: Mapping[int, npt.NDArray[np.float32]],
    ) -> dict[str, float]:
        """Train the VAEs of some classes again, as for the pool, and read codes and decoded rows."""
        from ..diagnostics.posterior import mean_numbers, read_vae
        from ..vae_training import FittedVae, VaeData

        entropy = random.randint(0, 2**32, size=4, dtype=np.uint32).tolist()
        found = []
        for code, rows in unseen.items():
            generator = np.random.default_rng([*entropy, code])
            mine = part.X[part.rows[part.y == code]]
            model = FittedVae(VaeData(mine, 0, generator), self._settings(part))
            found.append(read_vae(model, mine, rows, generator))
        return mean_numbers(found)

    def _settings(self, part: TrainingPart) -> VaeSettings:
        from ..vae_training import VaeSettings

        return VaeSettings(
            self.latent, self.hidden, self.beta, self.epochs, self.learning_rate, self.decoder_noise,
            part.precision,
        )  # fmt: skip

    def _requests(self, part: TrainingPart) -> npt.NDArray[np.int64]:
        wanted, d = pool_requests(part), part.X.shape[1]
        if self.latent > d:
            raise NotApplicable(f"{self.latent} latent dimensions are more than the {d} of the embeddings")
        small = np.flatnonzero((wanted > 0) & (part.counts < 2))
        if len(small):
            raise NotApplicable(f"{part.named(small)} has 1 row in a training part, a VAE needs 2")
        return wanted
