"""Classifiers of scikit-learn: trained fold by fold on the rows of a fold written out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from ..errors import NotApplicable
from ..scorers import Scorer
from .base import F32, Classifier, Codes, Finished, take_rows
from .network import recall_by_class
from .options import FoldRows, LadderLogits

if TYPE_CHECKING:
    from ..evaluate import Replicate
    from ..methods.base import Method

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class TrainingRows:
    """The rows of one fold, written out: first the real ones, then the synthetic ones.

    Attributes:
        X: the rows (t, d).
        y: their classes (t,).
        weight: their loss weights (t,).
        real: how many of them are real.
    """

    X: F32
    y: Codes
    weight: F32
    real: int


def training_rows(X: F32, y: Codes, fold: FoldRows, merge: bool) -> TrainingRows:
    """Write out the rows of a fold.

    Args:
        X: real rows (n, d).
        y: their classes (n,).
        fold: what the model trains on.
        merge: add the weight of a copy to its parent's instead of writing it out.
    """
    copies = (fold.parents[:, 0] == fold.parents[:, 1]) & (merge and fold.rows is None)
    weight = fold.weight.copy()
    np.add.at(weight, fold.parents[copies, 0], fold.label_weight[copies])
    real, made = np.flatnonzero(weight), np.flatnonzero(~copies)
    if fold.rows is None:
        first, second = X[fold.parents[made, 0]], X[fold.parents[made, 1]]
        new = first + fold.share[made, None] * (second - first)
    else:
        new = fold.rows[made]
    return TrainingRows(
        np.concatenate([X[real], new]),
        np.concatenate([y[real], fold.labels[made]]),
        np.concatenate([weight[real], fold.label_weight[made]]),
        len(real),
    )


@dataclass(frozen=True)
class FoldByFold(Classifier):
    """Base of the classifiers that train each fold by itself. A subclass gives ``logits``.

    ``merges_copies``: a copy of a row is the same to it as a doubled weight of the row.
    ``weighs``: it knows loss weights.
    """

    merges_copies: ClassVar[bool] = True
    weighs: ClassVar[bool] = True

    def check(self, method: Method) -> None:
        """Refuse an arm with loss weights where this classifier knows none, or with a loss of its own."""
        if method.loss_weights != "uniform" and not self.weighs:
            raise NotApplicable(f"{self.name} has no loss weights, of which {method.name} consists")
        if method.focus() > 0:
            raise NotApplicable(f"{self.name} minimises no focal loss, only the network does")

    def logits(
        self, rows: TrainingRows, asked: F32, n_classes: int, generator: np.random.Generator
    ) -> Floats:
        """Train on the rows of a fold and score others (q, d) at every rung (L, q, C)."""
        raise NotImplementedError

    def scorer(
        self, rows: TrainingRows, asked: F32, n_classes: int, generator: np.random.Generator
    ) -> tuple[Scorer, Floats]:
        """Train on some rows to the last rung: the model as arrays, and the library's logits of ``asked``."""
        raise NotImplementedError

    def finish(
        self, data: Replicate, rows: FoldRows, generator: np.random.Generator, device: str = "cpu"
    ) -> Finished:
        """Train one model to the last rung of the ladder; on one thread."""
        real, y = take_rows(data.X, data.draw.rows), data.y[data.draw.rows]
        with one_thread():
            written = training_rows(real, y, rows, self.merges_copies)
            scorer, logits = self.scorer(written, real, len(data.classes), generator)
        return Finished(scorer, np.asarray(logits, np.float64), real)

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
        """Train one model a fold and score it at every rung of the ladder; on one thread."""
        n, m, rungs = len(X), len(X_scored), len(self.ladder)
        held = np.zeros((rungs, n, n_classes), dtype=np.float32)
        scored = np.empty((rungs, len(folds), m, n_classes), dtype=np.float32)
        recall = np.empty((rungs, len(folds), n_classes), dtype=np.float32)
        with one_thread():
            for number, (fold, generator) in enumerate(zip(folds, generators, strict=True)):
                rows = training_rows(X, y, fold, self.merges_copies)
                mine = np.flatnonzero(held_out == number)
                asked = np.concatenate([rows.X[: rows.real], X[mine], X_scored])
                found = self.logits(rows, asked, n_classes, generator)
                own, held[:, mine], scored[:, number] = np.split(
                    found, [rows.real, rows.real + len(mine)], axis=1
                )
                for rung, predicted in enumerate(own.argmax(-1)):
                    recall[rung, number] = recall_by_class(predicted, rows.y[: rows.real], n_classes)
        return LadderLogits(held, scored, recall)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let BLAS and OpenMP use one thread: a sweep has a worker a processor, and sums keep their order."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield


def log_probabilities(scores: Floats) -> Floats:
    """Log probabilities (q, C) from logits (q, C), or from log odds (q,) of the second of two classes."""
    from scipy.special import log_softmax

    if scores.ndim == 1:
        scores = np.stack([np.zeros_like(scores), scores], axis=1)
    return np.asarray(log_softmax(scores, axis=1))


def no_offset(n_classes: int) -> F32:
    """The offset of scores that are not adjusted."""
    return np.zeros(n_classes, dtype=np.float32)
