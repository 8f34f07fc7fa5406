"""What a classifier trains on and what it gives back, and the settings of the network; no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..knobs import Choice, Float, Int, knob
from . import CLASSIFIERS
from .base import F32, Classifier, Codes, Finished, counted, take_rows

if TYPE_CHECKING:
    from ..evaluate import Replicate

__all__ = ["DEFAULT_LADDER", "F32", "FoldRows", "LadderLogits", "MlpOptions"]

DEFAULT_LADDER = (1, 2, 3, 4, 6, 8, 11, 16, 23, 32, 45, 64, 91, 128, 181, 256)


@CLASSIFIERS.register("mlp")
@dataclass(frozen=True)
class MlpOptions(Classifier):
    """A network with one hidden layer of ReLU units, trained by full-batch Adam."""

    order = 0
    rung = "optimiser steps"

    ladder: tuple[int, ...] = DEFAULT_LADDER
    hidden: int = knob(128, Int(1), "hidden units")
    learning_rate: float = knob(0.01, Float(1e-6, 10.0, log=True), "step size of Adam")
    weight_decay: float = knob(0.0, Float(0.0, 10.0), "L2 penalty, as in torch.optim.Adam")
    init: str = knob("torch", Choice("torch", "glorot"), "bounds of the first weights: torch's or Glorot's")

    @classmethod
    def rung_text(cls, steps: int) -> str:
        """``45 steps``."""
        return counted(steps, "step")

    def train(
        self,
        X: F32,
        y: Codes,
        held_out: Codes,
        folds: Sequence[FoldRows],
        X_scored: F32,
        n_classes: int,
        generators: Sequence[np.random.Generator],
    ) -> LadderLogits:
        """Train one network a fold and score it at every rung of the ladder."""
        from .mlp import train_ladder

        return train_ladder(X, y, held_out, folds, X_scored, n_classes, self, generators)

    def finish(
        self, data: Replicate, rows: FoldRows, generator: np.random.Generator, device: str = "cpu"
    ) -> Finished:
        """Train one network to the last rung of the ladder."""
        from ..scorers import Weights
        from .mlp import train_one

        real, n_classes = take_rows(data.X, data.draw.rows), len(data.classes)
        found = train_one(real, data.y[data.draw.rows], rows, n_classes, self, generator)
        weights = Weights(
            offset=np.zeros(n_classes, np.float32),
            head=found.head,
            head_bias=found.head_bias,
            first=found.first,
            bias=found.bias,
        )
        return Finished(weights, found.logits.astype(np.float64), real)


@dataclass(frozen=True)
class FoldRows:
    """What the model of one fold trains on.

    Attributes:
        weight: loss weight of every real row (n,); 0 where the row is held out or taken away.
        labels: classes of the synthetic rows (s,).
        label_weight: loss weight of the synthetic rows (s,).
        parents: positions of the parents among the real rows (s, 2); a copy has the same parent
            twice, and that parent's class. A parent may be a row that is taken away.
        share: share of the second parent (s,).
        rows: the synthetic rows themselves (s, d) where they have no parents, else None.
        gamma: exponent of the focal loss (Lin et al. 2017, arXiv:1708.02002); 0 is the cross-entropy.
    """

    weight: F32
    labels: npt.NDArray[np.int64]
    label_weight: F32
    parents: npt.NDArray[np.int64]
    share: F32
    rows: F32 | None
    gamma: float = 0.0


@dataclass(frozen=True)
class LadderLogits:
    """Logits after each number of steps on the ladder (L rungs, F folds, C classes).

    Attributes:
        held: each real row by the model that did not train on it (L, n, C).
        scored: the scored rows by every fold's model (L, F, m, C).
        train_recall: share of the real training rows of a class that are recognised (L, F, C).
    """

    held: F32
    scored: F32
    train_recall: F32
