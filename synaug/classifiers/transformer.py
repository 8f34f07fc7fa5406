"""Fine-tuning of the encoder itself, with synthetic rows behind its pooling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import Exit, NotApplicable, Problem, SynaugError
from ..knobs import Float, Int, knob
from ..tokens import Tokens
from . import CLASSIFIERS
from .base import Classifier, Codes, Finished, counted, take_rows
from .options import FoldRows, LadderLogits

if TYPE_CHECKING:
    from ..encoders import Encoder
    from ..evaluate import Replicate
    from .backbone import Backbone

# How far its embeddings may be from those of the sweep, in shares of their length, by what made those.
CLOSE = {"float32": 1e-3, "bfloat16": 5e-2}


@CLASSIFIERS.register("transformer")
@dataclass(frozen=True)
class Transformer(Classifier):
    """The sweep's encoder, its last layers fine-tuned; synthetic rows enter behind the pooling.

    Real rows are texts that pass the encoder at every step. A synthetic row never was a text: where an arm
    mixes rows it is the same mixture of what the encoder *now* says of its two parents, pooled and
    normalised as in the sweep, and its loss moves the encoder through both; where an arm generates rows
    (VAE, Gaussian) it stays where it was made, among the embeddings of the frozen encoder. Parents, shares
    and generated rows are always found among the frozen embeddings, as for every classifier. So an arm's
    gain here is that of synthetic rows at the pooled layer of a network that moves, not of the same rows
    as with a classifier on frozen embeddings: another estimand.

    A rung is the number of steps of AdamW on batches of real and synthetic rows drawn without
    replacement, copies being rows of their own; the step size climbs to its height and stays, so that
    every rung is a training of its own length. There is no dropout.
    """

    order = 50
    paper = "Devlin et al. 2019, doi:10.18653/v1/N19-1423"
    rung = "optimiser steps"
    costly = True
    reads_texts = True
    caution = (
        "with classifier transformer, synthetic rows enter behind the pooling of an encoder that is being "
        "trained, and never pass its layers: a gain there is another estimand than one on frozen embeddings"
    )

    ladder: tuple[int, ...] = (4, 8, 16, 32, 64, 128)
    layers: int = knob(2, Int(0), "last layers of the encoder that are trained; more than it has: all of it")
    learning_rate: float = knob(1e-4, Float(1e-8, 1.0, log=True), "step size of the layers")
    head_rate: float = knob(0.01, Float(1e-6, 10.0, log=True), "step size of the head")
    batch_size: int = knob(32, Int(1), "rows of a step, real and synthetic")
    warmup: int = knob(4, Int(0), "steps over which both step sizes climb to their height")
    weight_decay: float = knob(0.01, Float(0.0, 10.0), "decoupled, of weight matrices")
    hidden: int = knob(128, Int(0), "hidden units of the head; 0: a linear one")

    @classmethod
    def rung_text(cls, steps: int) -> str:
        """``64 steps``."""
        return counted(steps, "step")

    def check_encoder(self, encoder: Encoder, texts: Sequence[str]) -> None:
        """Let some texts pass the layers as in a training, which must give the embeddings of the sweep."""
        if not self.layers:
            return
        from .backbone import TrainedEncoder, off_by

        trained = TrainedEncoder(Tokens.of(encoder, texts), self.layers, "float32", "cpu")
        apart = off_by(trained, encoder.encode(texts))
        if not apart <= CLOSE[encoder.dtype]:
            text = f"encoder.model: its layers, one after the other, give embeddings that are {apart:.2g} off"
            fix = "take another encoder, or leave the classifier transformer out"
            raise SynaugError(Problem(text, str(encoder.folder), fix), Exit.SPEC)

    def train_on(
        self,
        data: Replicate,
        rows: Sequence[FoldRows],
        scored: Codes,
        generators: Sequence[np.random.Generator],
        device: str = "cpu",
    ) -> LadderLogits:
        """Fine-tune one encoder a fold and score it at every rung of the ladder.

        Raises:
            NotApplicable: there are embeddings, but no texts.
        """
        from .finetuning import train_ladder

        asked = np.concatenate([data.draw.rows, scored])
        backbone = self._backbone(data, asked, device)
        return train_ladder(
            backbone,
            data.y[data.draw.rows],
            data.draw.folds,
            rows,
            len(asked),
            data.X.shape[1],
            len(data.classes),
            self,
            generators,
            device,
        )

    def finish(
        self, data: Replicate, rows: FoldRows, generator: np.random.Generator, device: str = "cpu"
    ) -> Finished:
        """Fine-tune one encoder to the last rung of the ladder."""
        from .backbone import TrainedEncoder
        from .finetuning import FoldModel, scorer_of

        backbone, y = self._backbone(data, data.draw.rows, device), data.y[data.draw.rows]
        model = FoldModel(backbone, y, rows, data.X.shape[1], len(data.classes), self, generator, device)
        for _ in model.run(self.ladder):
            pass
        embeddings, logits = model.scored(np.arange(len(y)))
        encoder = backbone.model if isinstance(backbone, TrainedEncoder) else None
        return Finished(scorer_of(model.head), logits.astype(np.float64), embeddings, encoder)

    def _backbone(self, data: Replicate, rows: Codes, device: str) -> Backbone:
        """What gives the embeddings of some rows.

        Raises:
            NotApplicable: there are embeddings, but no texts.
        """
        from .backbone import FixedRows, TrainedEncoder

        if not self.layers:
            return FixedRows(take_rows(data.X, rows), device)
        if data.tokens is None:
            raise NotApplicable(f"{self.name} trains the encoder on texts, and there are embeddings alone")
        return TrainedEncoder(data.tokens.take(rows), self.layers, self.precision, device)
