"""The multi-layer perceptron of all folds of a replicate, scored along a ladder of budgets.

One hidden layer of ReLU units, softmax, full-batch Adam with a fixed number of steps. Synthetic
rows that lie between two real rows are mixed *after* the first layer, ``(S X) W = S (X W)``, so
they cost no product with the embeddings, and a copy of a row is a larger weight of that row.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch
from scipy.sparse import csr_array

from .options import F32, FoldRows, LadderLogits, MlpOptions


def shared_tensor(array: F32) -> torch.Tensor:
    """View an array that may be read only as a tensor, without a copy. Never write to it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)
        return torch.from_numpy(array)


def train_ladder(
    X: F32,
    y: npt.NDArray[np.int64],
    held_out: npt.NDArray[np.int64],
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
    n, rungs = len(X), len(options.ladder)
    held = np.zeros((rungs, n, n_classes), dtype=np.float32)
    scored = np.empty((rungs, len(folds), len(X_scored), n_classes), dtype=np.float32)
    recall = np.empty((rungs, len(folds), n_classes), dtype=np.float32)
    real, extra = shared_tensor(X), shared_tensor(X_scored)
    for number, (fold, generator) in enumerate(zip(folds, generators, strict=True)):
        model = _FoldModel(real, y, fold, n_classes, options, generator)
        mine = held_out == number
        for rung, logits in enumerate(model.run(options.ladder)):
            held[rung, mine] = logits[mine]
            recall[rung, number] = _recall(logits[~mine].argmax(1), y[~mine], n_classes)
            if len(X_scored):
                scored[rung, number] = model.score(extra)
    return LadderLogits(held, scored, recall)


def _recall(predicted: npt.NDArray[np.int64], y: npt.NDArray[np.int64], n_classes: int) -> F32:
    hit = np.bincount(y[predicted == y], minlength=n_classes)
    return (hit / np.maximum(1, np.bincount(y, minlength=n_classes))).astype(np.float32)


class _FoldModel:
    """One fold's network with its gradient written out, so that mixing stays behind layer one."""

    def __init__(
        self,
        X: torch.Tensor,
        y: npt.NDArray[np.int64],
        fold: FoldRows,
        n_classes: int,
        options: MlpOptions,
        generator: np.random.Generator,
    ):
        n, d = X.shape
        self.X, self.product_dtype = X, getattr(torch, options.precision)
        self.X_product = X.to(self.product_dtype)
        self.first = _uniform(generator, (d, options.hidden), d)
        self.first_bias = _uniform(generator, (options.hidden,), d)
        self.second = _uniform(generator, (options.hidden, n_classes), options.hidden)
        self.second_bias = _uniform(generator, (n_classes,), options.hidden)
        parameters = [self.first, self.first_bias, self.second, self.second_bias]
        self.adam = torch.optim.Adam(
            parameters, lr=options.learning_rate, weight_decay=options.weight_decay, fused=True
        )
        weight, between = fold.weight.astype(np.float64), np.arange(len(fold.labels))
        self.dense: torch.Tensor | None = None
        if fold.rows is not None:
            self.dense = torch.from_numpy(fold.rows).to(self.product_dtype)
        else:
            copies = fold.parents[:, 0] == fold.parents[:, 1]
            np.add.at(weight, fold.parents[copies, 0], fold.label_weight[copies])
            between = np.flatnonzero(~copies)
            self.mix, self.mix_transposed = _mixing(fold.parents[between], fold.share[between], n)
        weights = np.concatenate([weight, fold.label_weight[between]])
        labels = np.concatenate([y, fold.labels[between]])
        self.n, self.total = n, len(labels)
        self.weights = torch.from_numpy((weights / weights.sum()).astype(np.float32))[:, None]
        self.target = torch.nn.functional.one_hot(torch.from_numpy(labels), n_classes).float()
        self.hidden = torch.empty(self.total, options.hidden)

    def run(self, ladder: Sequence[int]) -> Iterator[F32]:
        """Train to the last rung; at each rung yield the logits of the real rows (n, C)."""
        for step in range(ladder[-1] + 1):
            logits = self._forward()
            if step in ladder:
                yield logits[: self.n].numpy()
            if step < ladder[-1]:
                self._backward(logits)
                self.adam.step()

    def score(self, X: torch.Tensor) -> F32:
        """Logits of rows (m, d) under the present weights (m, C)."""
        hidden = torch.addmm(self.first_bias, X, self.first).relu_()
        return torch.addmm(self.second_bias, hidden, self.second).numpy()

    def _product(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        return (left @ right.to(self.product_dtype)).float()

    def _first_layer(self, rows: torch.Tensor, out: torch.Tensor) -> None:
        if self.product_dtype == torch.float32:
            torch.addmm(self.first_bias, rows, self.first, out=out)
        else:
            torch.add(self._product(rows, self.first), self.first_bias, out=out)

    def _forward(self) -> torch.Tensor:
        real, synthetic = self.hidden[: self.n], self.hidden[self.n :]
        self._first_layer(self.X_product, real)
        if self.dense is not None:
            self._first_layer(self.dense, synthetic)
        elif len(synthetic):
            synthetic.copy_(self.mix @ real)
        self.hidden.relu_()
        return torch.addmm(self.second_bias, self.hidden, self.second)

    def _backward(self, logits: torch.Tensor) -> None:
        slope = (torch.softmax(logits, 1) - self.target).mul_(self.weights)  # (n + s, C)
        self.second.grad = self.hidden.T @ slope
        self.second_bias.grad = slope.sum(0)
        inner = torch.ops.aten.threshold_backward(slope @ self.second.T, self.hidden, 0)  # (n + s, hidden)
        real, synthetic = inner[: self.n], inner[self.n :]
        if self.dense is None and len(synthetic):
            real += self.mix_transposed @ synthetic
        self.first.grad = self._product(self.X_product.T, real)
        self.first_bias.grad = real.sum(0)
        if self.dense is not None:
            self.first.grad += self._product(self.dense.T, synthetic)
            self.first_bias.grad += synthetic.sum(0)


def _uniform(generator: np.random.Generator, shape: tuple[int, ...], fan_in: int) -> torch.Tensor:
    bound = fan_in**-0.5
    return torch.from_numpy(generator.uniform(-bound, bound, shape).astype(np.float32))


def _mixing(parents: npt.NDArray[np.int64], share: F32, n: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The mixing matrix S (s, n) with rows ``1 - share, share`` and its transpose, both CSR."""
    s = len(parents)
    values = np.stack([1 - share, share], axis=1).astype(np.float32).ravel()
    matrix = csr_array((values, (np.repeat(np.arange(s), 2), parents.ravel())), shape=(s, n))
    return _sparse_tensor(matrix), _sparse_tensor(csr_array(matrix.T))


def _sparse_tensor(matrix: csr_array) -> torch.Tensor:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta", UserWarning)
        return torch.sparse_csr_tensor(
            torch.from_numpy(matrix.indptr.astype(np.int64)),
            torch.from_numpy(matrix.indices.astype(np.int64)),
            torch.from_numpy(matrix.data),
            matrix.shape,
            check_invariants=False,
        )
