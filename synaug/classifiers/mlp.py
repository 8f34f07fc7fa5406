"""The multi-layer perceptron of all folds of a replicate, scored along a ladder of budgets.

One hidden layer of ReLU units, softmax, full-batch Adam with a fixed number of steps. Synthetic
rows that lie between two real rows are mixed *after* the first layer, ``(S X) W = S (X W)``, so
they cost no product with the embeddings, and a copy of a row is a larger weight of that row. The
two large products of a step are torch's; all between them is one pass over the rows (``gradients``).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from . import kernels
from .gradients import gradients_of
from .losses import Losses, losses
from .network import first_values, parts, recall_by_class, shapes_of
from .options import F32, FoldRows, LadderLogits, MlpOptions

Codes = npt.NDArray[np.int64]


def shared_tensor(array: F32) -> torch.Tensor:
    """View an array that may be read only as a tensor, without a copy. Never write to it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)
        return torch.from_numpy(array)


def train_ladder(
    X: F32,
    y: Codes,
    held_out: Codes,
    folds: Sequence[FoldRows],
    X_scored: F32,
    n_classes: int,
    options: MlpOptions,
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
        options: settings of the classifier.
        generators: one a fold, for its initial weights: uniform within ``1 / sqrt(fan in)``.

    Returns:
        Logits at each rung; not finite where a training diverged.
    """
    n, m, rungs = len(X), len(X_scored), len(options.ladder)
    held = np.zeros((rungs, n, n_classes), dtype=np.float32)
    scored = np.empty((rungs, len(folds), m, n_classes), dtype=np.float32)
    recall = np.empty((rungs, len(folds), n_classes), dtype=np.float32)
    dtype: torch.dtype = getattr(torch, options.precision)
    real, extra = shared_tensor(X).to(dtype), shared_tensor(X_scored).to(dtype)
    for number, (fold, generator) in enumerate(zip(folds, generators, strict=True)):
        model = _FoldModel(real, y, fold, n_classes, options, generator)
        mine = np.flatnonzero(held_out == number)
        others = torch.cat([real[torch.from_numpy(mine)], extra])  # rows to score beside its own
        for rung, trained in enumerate(model.run(options.ladder)):
            recall[rung, number] = recall_by_class(trained.argmax(1), y[model.train], n_classes)
            found = model.score(others)
            held[rung, mine], scored[rung, number] = found[: len(mine)], found[len(mine) :]
    return LadderLogits(held, scored, recall)


@dataclass(frozen=True)
class Trained:
    """The parameters of one network after the last rung, and what they say of its rows.

    Attributes:
        first: first layer (d, H).
        bias: its bias (H,).
        head: second layer (C, H).
        head_bias: its bias (C,).
        logits: of all real rows (n, C); not finite where the training diverged.
    """

    first: F32
    bias: F32
    head: F32
    head_bias: F32
    logits: F32


def train_one(
    X: F32, y: Codes, rows: FoldRows, n_classes: int, options: MlpOptions, generator: np.random.Generator
) -> Trained:
    """Train one model to the last rung of the ladder and return it; arguments as for ``train_ladder``."""
    real = shared_tensor(X).to(getattr(torch, options.precision))
    model = _FoldModel(real, y, rows, n_classes, options, generator)
    for _ in model.run(options.ladder):
        pass
    return Trained(model.first, model.bias, model.head, model.head_bias, model.score(real))


@dataclass(frozen=True)
class _Rows:
    """The rows that one fold's model sees.

    Attributes:
        X: real rows, then ends of mixtures that are not trained on, then synthetic rows without parents
            (r, d), in the precision of the products.
        labels: their classes, then those of the mixtures (r + s,).
        weights: of their losses (r + s,); 0 for the ends.
        parents: which of them each mixture lies between (s, 2).
    """

    X: torch.Tensor
    labels: Codes
    weights: F32
    parents: Codes


def _rows_of(X: torch.Tensor, y: Codes, terms: Losses) -> _Rows:
    """Gather a fold's rows: the real ones that it trains on, the ends, and those without parents."""
    real = np.concatenate([terms.train, terms.ends])
    place = np.zeros(len(terms.weights), dtype=np.int64)  # of a real row among those gathered
    place[real] = np.arange(len(real))
    rows = X[torch.from_numpy(real)]
    if len(terms.made):
        rows = torch.cat([rows, torch.from_numpy(terms.made).to(rows.dtype)])
    labels = np.concatenate([y[real], terms.made_labels, terms.mixed_labels])
    weights = np.concatenate([terms.weights[real], terms.made_weights, terms.mixed_weights])
    return _Rows(rows, labels, weights, place[terms.parents])


class _FoldModel:
    """One fold's network with its gradient written out, so that mixing stays behind layer one.

    Attributes:
        train: positions of the real rows that it trains on (t,).
    """

    def __init__(
        self,
        X: torch.Tensor,
        y: Codes,
        fold: FoldRows,
        n_classes: int,
        options: MlpOptions,
        generator: np.random.Generator,
    ):
        self.options, self.terms = options, losses(fold, X.shape[1])
        self.train, self.rows = self.terms.train, _rows_of(X, y, self.terms)
        self.columns = self.rows.X.T.contiguous()  # (d, r), so that no product has to turn the rows
        self.values = first_values(generator, X.shape[1], n_classes, options)
        self.gradient, shapes = np.empty_like(self.values), shapes_of(X.shape[1], options.hidden, n_classes)
        self.first, self.bias, self.head, self.head_bias = parts(self.values, shapes)
        self.of_first, self.of_bias, self.of_head, self.of_head_bias = parts(self.gradient, shapes)
        self.gradients = gradients_of(n_classes, options.hidden, focal=self.terms.gamma > 0)

    def run(self, ladder: Sequence[int]) -> Iterator[F32]:
        """Train to the last rung; at each rung yield the logits of the real rows trained on (t, C)."""
        mean, square = np.zeros_like(self.values), np.zeros_like(self.values)
        rate, decay = self.options.learning_rate, self.options.weight_decay
        for step in range(ladder[-1] + 1):
            first = self._times_first(self.rows.X)
            if step in ladder:
                yield self._logits(first[: len(self.train)])
            if step < ladder[-1]:
                self._backward(first)
                kernels.adam(self.values, self.gradient, mean, square, step + 1, rate, decay)

    def score(self, X: torch.Tensor) -> F32:
        """Logits of rows (m, d) under the present weights (m, C)."""
        return self._logits(self._times_first(X))

    def _times_first(self, X: torch.Tensor) -> F32:
        product: F32 = (X @ torch.from_numpy(self.first).to(X.dtype)).float().numpy()
        return product

    def _logits(self, first: F32) -> F32:
        out = np.empty((len(first), len(self.head_bias)), dtype=np.float32)
        kernels.logits(first, self.bias, self.head, self.head_bias, out)
        return out

    def _backward(self, first: F32) -> None:
        rows, terms, back = self.rows, self.terms, np.empty_like(first)  # (r, hidden)
        self.gradients(
            first, self.bias, self.head, self.head_bias,
            rows.labels, rows.weights, rows.parents, terms.share,
            back, self.of_bias, self.of_head, self.of_head_bias, terms.gamma,
        )  # fmt: skip
        torch.from_numpy(self.of_first).copy_(self.columns @ torch.from_numpy(back).to(rows.X.dtype))
