"""What a classifier is: its knobs, the rungs of its ladder, how it trains the models of all folds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from ..knobs import Knob, knobs_of

if TYPE_CHECKING:
    from ..encoders import Encoder
    from ..evaluate import Replicate
    from ..methods.base import Method
    from ..scorers import Scorer
    from .options import FoldRows, LadderLogits

F32 = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Finished:
    """One trained model, to be put to work.

    Attributes:
        scorer: from embeddings to scores, no offset taken off.
        logits: what the trainer itself gives all real rows (n, C); not finite where it diverged.
        embeddings: of all real rows (n, d), by the encoder that the scorer stands on.
        encoder: the encoder where it was trained too, a model of transformers; else None.
    """

    scorer: Scorer
    logits: npt.NDArray[np.float64]
    embeddings: F32
    encoder: Any = None


@dataclass(frozen=True)
class Classifier:
    """Base of all classifiers. A subclass declares knobs, a default ladder and ``train``.

    ``rung`` says what the integers of the ladder count. ``costly`` says that training takes much longer
    than that of the others: such cells come first in a sweep. ``reads_texts`` says that it trains on the
    tokens of the texts, not on their embeddings alone; ``caution``, what a reader must know who compares its
    gains with those of others.

    Attributes:
        ladder: budgets or complexities at which every model is scored, ascending; the folds choose.
        precision: of the large products of a network, and of arms that train one; a name of torch's.
    """

    name: ClassVar[str]
    order: ClassVar[int] = 50
    paper: ClassVar[str] = ""
    rung: ClassVar[str]
    costly: ClassVar[bool] = False
    reads_texts: ClassVar[bool] = False
    caution: ClassVar[str] = ""

    ladder: tuple[int, ...] = ()
    precision: str = field(default="float32", kw_only=True)

    @classmethod
    def knobs(cls) -> tuple[Knob, ...]:
        """The knobs of this classifier in the order in which they are declared."""
        return knobs_of(cls)

    @classmethod
    def rung_text(cls, steps: int) -> str:
        """A rung as a sentence names it, such as ``45 steps``."""
        raise NotImplementedError

    def check(self, method: Method) -> None:
        """Refuse an arm that this classifier cannot train.

        Raises:
            NotApplicable: the message says why.
        """

    def check_encoder(self, encoder: Encoder, texts: Sequence[str]) -> None:
        """Refuse an encoder that a classifier that reads texts cannot train, by a few texts.

        Raises:
            SynaugError: it is not one of those that can be trained (exit 3).
        """

    def train_on(
        self,
        data: Replicate,
        rows: Sequence[FoldRows],
        scored: Codes,
        generators: Sequence[np.random.Generator],
        device: str = "cpu",
    ) -> LadderLogits:
        """Train on a replicate: by default on its embeddings, on the processor.

        Args:
            data: the replicate.
            rows: what each fold's model trains on.
            scored: rows of X that every model scores, ascending.
            generators: one a fold, for what is random in a training.
            device: of torch, for a classifier that can use another one than the processor.
        """
        draw, y = data.draw, data.y[data.draw.rows]
        real, extra = take_rows(data.X, draw.rows), take_rows(data.X, scored)
        return self.train(real, y, draw.folds, rows, extra, len(data.classes), generators)

    def finish(
        self, data: Replicate, rows: FoldRows, generator: np.random.Generator, device: str = "cpu"
    ) -> Finished:
        """Train one model to the last rung of the ladder, to be put to work.

        Args:
            data: the replicate.
            rows: what the model trains on.
            generator: for what is random in the training.
            device: of torch, as for ``train_on``.

        Raises:
            NotApplicable: this classifier cannot train on these rows; the message says why.
        """
        raise NotImplementedError

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
        """Train one model a fold and score it at every rung of the ladder.

        Args:
            X: real rows (n, d), shared by all folds; not changed.
            y: their classes (n,).
            held_out: the fold that holds each row out (n,).
            folds: what each fold's model trains on.
            X_scored: rows that every model scores (m, d); m may be 0.
            n_classes: number of classes C.
            generators: one a fold, for what is random in a training.

        Returns:
            Logits at each rung; not finite where a training diverged.

        Raises:
            NotApplicable: this classifier cannot train on these rows; the message says why.
        """
        raise NotImplementedError


def counted(number: int, noun: str) -> str:
    """``1 step``, ``64 steps``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def take_rows(X: F32, rows: Codes) -> F32:
    """Rows of a shared array; a view, not a copy, where they are consecutive."""
    if len(rows) and rows[-1] - rows[0] + 1 == len(rows):
        return X[rows[0] : rows[-1] + 1]
    return X[rows]
