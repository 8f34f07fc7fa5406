"""What a classifier is told, what it trains on and what it gives back; plain data, no torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..knobs import Choice, Float, Int, knob

F32 = npt.NDArray[np.float32]
DEFAULT_LADDER = (1, 2, 3, 4, 6, 8, 11, 16, 23, 32, 45, 64, 91, 128, 181, 256)


@dataclass(frozen=True)
class MlpOptions:
    """Settings of the classifier, shared by all arms."""

    ladder: tuple[int, ...] = DEFAULT_LADDER
    hidden: int = knob(128, Int(1), "hidden units")
    learning_rate: float = knob(0.01, Float(1e-6, 10.0, log=True), "step size of Adam")
    weight_decay: float = knob(0.0, Float(0.0, 10.0), "L2 penalty, as in torch.optim.Adam")
    init: str = knob("torch", Choice("torch", "glorot"), "bounds of the first weights: torch's or Glorot's")
    precision: str = "float32"


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
