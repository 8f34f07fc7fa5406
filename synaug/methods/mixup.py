"""Mixup for the small classes: rows between a row of the class and any other row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..knobs import Choice, Float, knob
from ..mixing import pool_requests
from . import METHODS
from .base import Pool, Synthesiser, TrainingPart


@METHODS.register("mixup")
@dataclass(frozen=True)
class Mixup(Synthesiser):
    """A point between a random row of the class and a random row of any class, nearer to its own.

    The shares are those of a draw of Beta(alpha, alpha); the larger goes to the row of the small class,
    and so does the label, as Remix gives it to the minority where its share is half at least. A new row has
    one label, not two shares of labels as in mixup itself (Zhang et al. 2018, arXiv:1710.09412).
    """

    order = 18
    paper = "Chou et al. 2020, arXiv:2007.03943 (with tau 0.5, kappa 1 and no soft labels)"

    alpha: float = knob(
        1.0, Float(0.01, 100.0, log=True), "of the Beta distribution of the shares; small: near copies",
        levels=(0.2, 1.0, 4.0),
    )  # fmt: skip
    partner: str = knob(
        "any",
        Choice("any", "class"),
        "the other row is of any class, or of the same",
        levels=("any", "class"),
    )

    def pool(self, part: TrainingPart, random: np.random.RandomState) -> Pool:
        """Make the synthetic rows of ratio 200 %, class by class."""
        wanted = pool_requests(part)
        entropy = random.randint(0, 2**32, size=4, dtype=np.uint32).tolist()
        parents, weight = [np.empty((0, 2), dtype=np.int64)], [np.empty(0, dtype=np.float32)]
        for code in np.flatnonzero(wanted).tolist():
            generator, s = np.random.default_rng([*entropy, code]), int(wanted[code])
            own = np.flatnonzero(part.y == code)
            others = own if self.partner == "class" else np.arange(len(part.y))
            parents.append(np.stack([generator.choice(own, s), generator.choice(others, s)], axis=1))
            share = generator.beta(self.alpha, self.alpha, s)
            weight.append(np.minimum(share, 1.0 - share).astype(np.float32))
        labels = np.repeat(np.arange(len(wanted)), wanted)
        return Pool(labels, np.concatenate(parents), np.concatenate(weight), None, wanted)
