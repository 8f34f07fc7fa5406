"""The multi-layer perceptron of all folds of a replicate, scored along a ladder of budgets.

One hidden layer of ReLU units, softmax, full-batch Adam with a fixed number of steps. Synthetic
rows that lie between two real rows are mixed *after* the first layer, ``(S X) W = S (X W)``, so
they cost no product with the embeddings, and a copy of a row is a larger weight of that row. The
two large products of a step are torch's; all between them is one pass over the rows (``kernels``).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from . import kernels
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
            recall[rung, number] = _recall(trained.argmax(1), y[model.train], n_classes)
            found = model.score(others)
            held[rung, mine], scored[rung, number] = found[: len(mine)], found[len(mine) :]
    return LadderLogits(held, scored, recall)


def _recall(predicted: Codes, y: Codes, n_classes: int) -> F32:
    hit = np.bincount(y[predicted == y], minlength=n_classes)
    return (hit / np.maximum(1, np.bincount(y, minlength=n_classes))).astype(np.float32)


@dataclass(frozen=True)
class _Rows:
    """What one fold's model trains on: rows, the first of them real, and mixtures of two real rows.

    Attributes:
        X: the rows (r, d), in the precision of the products.
        labels: their classes (r,).
        weights: of their losses (r,); with those of the mixtures they sum to 1.
        parents: rows between which a mixture lies (s, 2).
        share: of the second parent (s,).
        new_labels: classes of the mixtures (s,).
        new_weights: of their losses (s,).
    """

    X: torch.Tensor
    labels: Codes
    weights: F32
    parents: Codes
    share: F32
    new_labels: Codes
    new_weights: F32


def _rows_of(X: torch.Tensor, y: Codes, fold: FoldRows, train: Codes) -> _Rows:
    """Gather a fold's rows; a copy adds to the weight of its parent, a row without parents is a row."""
    weight, dense = fold.weight.astype(np.float64), fold.rows is not None
    copies = fold.parents[:, 0] == fold.parents[:, 1]
    if not dense:
        np.add.at(weight, fold.parents[copies, 0], fold.label_weight[copies])
    between = np.flatnonzero(~copies & (not dense))
    place = np.zeros(len(y), dtype=np.int64)  # of a real row among those trained on
    place[train] = np.arange(len(train))
    rows, labels, weights = X[torch.from_numpy(train)], y[train], weight[train]
    if fold.rows is not None:
        rows = torch.cat([rows, torch.from_numpy(fold.rows).to(rows.dtype)])
        labels = np.concatenate([labels, fold.labels])
        weights = np.concatenate([weights, fold.label_weight])
    new_weights = fold.label_weight[between].astype(np.float64)
    total = weights.sum() + new_weights.sum()
    return _Rows(
        rows,
        labels,
        (weights / total).astype(np.float32),
        place[fold.parents[between]],
        fold.share[between],
        fold.labels[between],
        (new_weights / total).astype(np.float32),
    )


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
        self.options, self.train = options, np.flatnonzero(fold.weight)
        self.rows = _rows_of(X, y, fold, self.train)
        self.columns = self.rows.X.T.contiguous()  # (d, r), so that no product has to turn the rows
        d, width = X.shape[1], options.hidden
        shapes = ((d, width), (width,), (n_classes, width), (n_classes,))
        size = sum(math.prod(shape) for shape in shapes)
        self.values, self.gradient = np.empty(size, np.float32), np.empty(size, np.float32)
        self.first, self.bias, self.head, self.head_bias = _parts(self.values, shapes)
        self.of_first, self.of_bias, self.of_head, self.of_head_bias = _parts(self.gradient, shapes)
        self.first[:] = _uniform(generator, (d, width), d)
        self.bias[:] = _uniform(generator, (width,), d)
        self.head[:] = _uniform(generator, (width, n_classes), width).T
        self.head_bias[:] = _uniform(generator, (n_classes,), width)

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
        rows, back = self.rows, np.empty_like(first)  # (r, hidden)
        kernels.gradients(
            first, self.bias, self.head, self.head_bias,
            rows.labels, rows.weights,
            rows.parents, rows.share, rows.new_labels, rows.new_weights,
            back, self.of_bias, self.of_head, self.of_head_bias,
        )  # fmt: skip
        torch.from_numpy(self.of_first).copy_(self.columns @ torch.from_numpy(back).to(rows.X.dtype))


def _parts(values: F32, shapes: Sequence[tuple[int, ...]]) -> list[F32]:
    """Views of one array, one after the other, in the given shapes."""
    ends = np.cumsum([math.prod(shape) for shape in shapes])
    blocks = np.split(values, ends[:-1])
    return [block.reshape(shape) for block, shape in zip(blocks, shapes, strict=True)]


def _uniform(generator: np.random.Generator, shape: tuple[int, ...], fan_in: int) -> F32:
    bound = fan_in**-0.5
    return generator.uniform(-bound, bound, shape).astype(np.float32)
