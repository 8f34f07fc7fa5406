"""What the loss of one fold's model is a sum over: real rows, rows without parents, mixtures of two rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .options import F32, FoldRows

Codes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Losses:
    """Terms of a fold's loss; all weights together sum to 1.

    Attributes:
        train: positions of the real rows trained on (t,), ascending.
        ends: positions of other real rows that mixtures lie between (p,): those taken away, ascending.
        weights: of the losses of all real rows (n,), 0 where not trained on; a copy adds to its parent's.
        made: synthetic rows without parents (e, d); e may be 0.
        made_labels: their classes (e,).
        made_weights: of their losses (e,).
        parents: positions of the two real rows that each mixture lies between (s, 2); mixtures of the same
            two rows follow one another, so that these are still in cache.
        share: of the second parent (s,).
        mixed_labels: classes of the mixtures (s,).
        mixed_weights: of their losses (s,).
        gamma: exponent of the focal loss; 0 is the cross-entropy.
    """

    train: Codes
    ends: Codes
    weights: F32
    made: F32
    made_labels: Codes
    made_weights: F32
    parents: Codes
    share: F32
    mixed_labels: Codes
    mixed_weights: F32
    gamma: float


def losses(fold: FoldRows, dimensions: int) -> Losses:
    """Sort a fold's synthetic rows into copies, mixtures and rows without parents.

    Args:
        fold: what the model trains on.
        dimensions: length d of a row.
    """
    weights, dense = fold.weight.astype(np.float64), fold.rows is not None
    copies = (fold.parents[:, 0] == fold.parents[:, 1]) & (not dense)
    np.add.at(weights, fold.parents[copies, 0], fold.label_weight[copies])
    mixed = np.flatnonzero(~copies & (not dense))
    between = np.sort(fold.parents[mixed], axis=1)
    mixed = mixed[np.lexsort((between[:, 1], between[:, 0]))]
    made = np.arange(len(fold.labels)) if dense else mixed[:0]
    total = weights.sum() + fold.label_weight[mixed].sum(dtype=np.float64)
    total += fold.label_weight[made].sum(dtype=np.float64)
    return Losses(
        train=np.flatnonzero(weights),
        ends=np.setdiff1d(fold.parents[mixed], np.flatnonzero(weights)),
        weights=(weights / total).astype(np.float32),
        made=np.empty((0, dimensions), np.float32) if fold.rows is None else fold.rows,
        made_labels=fold.labels[made],
        made_weights=(fold.label_weight[made] / total).astype(np.float32),
        parents=fold.parents[mixed],
        share=fold.share[mixed],
        mixed_labels=fold.labels[mixed],
        mixed_weights=(fold.label_weight[mixed] / total).astype(np.float32),
        gamma=fold.gamma,
    )
