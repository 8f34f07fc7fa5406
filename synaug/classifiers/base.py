"""What a classifier is: its knobs, the rungs of its ladder, how it trains the models of all folds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from ..knobs import Knob, knobs_of

if TYPE_CHECKING:
    from ..methods.base import Method
    from .options import FoldRows, LadderLogits

F32 = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Classifier:
    """Base of all classifiers. A subclass declares knobs, a default ladder and ``train``.

    ``rung`` says what the integers of the ladder count. ``costly`` says that training takes much longer
    than that of the others: such cells come first in a sweep.

    Attributes:
        ladder: budgets or complexities at which every model is scored, ascending; the folds choose.
        precision: of the large products of a network, and of arms that train one; a name of torch's.
    """

    name: ClassVar[str]
    order: ClassVar[int] = 50
    paper: ClassVar[str] = ""
    rung: ClassVar[str]
    costly: ClassVar[bool] = False

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
