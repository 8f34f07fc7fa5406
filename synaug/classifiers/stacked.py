"""The multi-layer perceptron of many cells and folds at once: the way to train on a GPU.

The models of a batch share one product with the rows of their replicate; mixtures are taken after it,
as in ``mlp``, whose arithmetic this follows. A batch is as large as the memory that it is given. Sums
are taken in a fixed order, so that the same batch gives the same numbers again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np
import torch

from .losses import Codes, Losses, losses
from .network import first_values, recall_by_class, shapes_of
from .options import F32, FoldRows, LadderLogits, MlpOptions

FLOATS_A_ROW = 6  # arrays of the hidden layer's size that a step holds at once


@dataclass(frozen=True)
class Cell:
    """What the models of one cell train on, and where they start.

    Attributes:
        folds: one a fold.
        generators: one a fold, for its initial weights.
    """

    folds: Sequence[FoldRows]
    generators: Sequence[np.random.Generator]


def train_cells(
    X: F32,
    y: Codes,
    held_out: Codes,
    cells: Sequence[Cell],
    X_scored: F32,
    n_classes: int,
    options: MlpOptions,
    device: str = "cuda",
    memory: int = 2 << 30,
) -> list[LadderLogits]:
    """Train the models of some cells on one replicate and score them at every rung of the ladder.

    Args:
        X: real rows (n, d), shared by all; not changed.
        y: their classes (n,).
        held_out: the fold that holds each row out (n,).
        cells: what differs between the cells.
        X_scored: rows that every model scores (m, d); m may be 0.
        n_classes: number of classes C.
        options: settings of the classifier.
        device: of torch.
        memory: bytes that the models trained together may take on the device, about.

    Returns:
        Logits at each rung, one a cell; not finite where a training diverged.
    """
    results = [_empty(len(X), len(X_scored), len(cell.folds), n_classes, options) for cell in cells]
    dtype: torch.dtype = getattr(torch, options.precision)
    real, extra = (torch.from_numpy(np.array(rows)).to(device, dtype) for rows in (X, X_scored))
    jobs = [
        (number, fold, losses(rows, X.shape[1]), generator)
        for number, cell in enumerate(cells)
        for fold, (rows, generator) in enumerate(zip(cell.folds, cell.generators, strict=True))
    ]
    for batch in _batches(jobs, len(X), len(X_scored), options.hidden, memory):
        terms = [job[2] for job in batch]
        values = np.stack([first_values(job[3], X.shape[1], n_classes, options) for job in batch])
        models = _Models(real, y, terms, values, n_classes, options)
        for rung, logits in enumerate(models.run(options.ladder)):
            scored = models.score(extra)
            for place, (number, fold, term, _) in enumerate(batch):
                found, mine = results[number], held_out == fold
                found.held[rung, mine] = logits[place, mine]
                found.scored[rung, fold] = scored[place]
                predicted = logits[place, term.train].argmax(1)
                found.train_recall[rung, fold] = recall_by_class(predicted, y[term.train], n_classes)
    return results


_Job = tuple[int, int, Losses, np.random.Generator]


def _empty(n: int, m: int, folds: int, n_classes: int, options: MlpOptions) -> LadderLogits:
    rungs = len(options.ladder)
    return LadderLogits(
        np.zeros((rungs, n, n_classes), np.float32),
        np.empty((rungs, folds, m, n_classes), np.float32),
        np.empty((rungs, folds, n_classes), np.float32),
    )


def _batches(jobs: Sequence[_Job], n: int, m: int, hidden: int, memory: int) -> Iterator[list[_Job]]:
    """Cut the models into batches that fit; those with like numbers of synthetic rows share the padding."""
    batch: list[_Job] = []
    widest = 0
    for job in sorted(jobs, key=lambda job: (len(job[2].made), len(job[2].mixed_labels))):
        rows = n + len(job[2].made) + len(job[2].mixed_labels)
        wider = max(widest, rows, m)
        if batch and 4 * FLOATS_A_ROW * hidden * wider * (len(batch) + 1) > memory:
            yield batch
            batch, wider = [], max(rows, m)
        batch.append(job)
        widest = wider
    if batch:
        yield batch


class _Models:
    """B networks with their gradients written out.

    Args:
        X: real rows (n, d) on the device, in the precision of the products.
        y: their classes (n,).
        terms: of each model's loss.
        values: initial parameters (B, p).
        n_classes: number of classes C.
        options: settings of the classifier.
    """

    def __init__(
        self, X: torch.Tensor, y: Codes, terms: Sequence[Losses], values: F32, n_classes: int,
        options: MlpOptions,
    ):  # fmt: skip
        self.X, self.options, self.device = X, options, X.device
        self.values = torch.from_numpy(values).to(self.device)  # (B, p)
        self.gradient = torch.empty_like(self.values)
        shapes = shapes_of(X.shape[1], options.hidden, n_classes)
        self.first, self.bias, self.head, self.head_bias = _views(self.values, shapes)
        self.of_first, self.of_bias, self.of_head, self.of_head_bias = _views(self.gradient, shapes)
        self.made = self._padded([term.made for term in terms]).to(X.dtype)  # (B, e, d)
        self.share = self._padded([term.share for term in terms])[:, :, None]  # (B, s, 1)
        labels = [
            np.tile(y, (len(terms), 1)),
            _pad([term.made_labels for term in terms]),
            _pad([term.mixed_labels for term in terms]),
        ]
        self.labels = torch.from_numpy(np.concatenate(labels, axis=1)).to(self.device)[:, :, None]
        weights = [
            np.stack([term.weights for term in terms]),
            _pad([term.made_weights for term in terms]),
            _pad([term.mixed_weights for term in terms]),
        ]
        self.weights = torch.from_numpy(np.concatenate(weights, axis=1)).to(self.device)[:, :, None]
        gammas = np.array([term.gamma for term in terms])
        self.gamma = torch.from_numpy(gammas).float().to(self.device)[:, None, None] if gammas.any() else None
        self._link(_pad([term.parents for term in terms]))

    def _padded(self, arrays: Sequence[F32]) -> torch.Tensor:
        return torch.from_numpy(_pad(arrays)).to(self.device)

    def _link(self, parents: Codes) -> None:
        """Number the parents (B, s, 2) in the rows of all models, and list the children of each row."""
        models, n = len(parents), len(self.X)
        numbers = parents + n * np.arange(models)[:, None, None]  # (B, s, 2)
        one_then_two = numbers.transpose(2, 0, 1).reshape(-1)  # (2 B s,)
        order = np.argsort(one_then_two, kind="stable")
        self.parents = torch.from_numpy(one_then_two).to(self.device)
        self.by_parent = torch.from_numpy(order).to(self.device)
        children = np.bincount(one_then_two, minlength=models * n)
        self.children = torch.from_numpy(children).to(self.device)

    def run(self, ladder: Sequence[int]) -> Iterator[F32]:
        """Train to the last rung; at each rung yield the logits of the real rows (B, n, C)."""
        mean, square = torch.zeros_like(self.values), torch.zeros_like(self.values)
        rate, decay = self.options.learning_rate, self.options.weight_decay
        for step in range(ladder[-1] + 1):
            first = self._times_first(self.X)
            if step in ladder:
                yield self._logits(self._hidden(first)).cpu().numpy()
            if step < ladder[-1]:
                self._backward(first)
                _adam(self.values, self.gradient, mean, square, step + 1, rate, decay)

    def score(self, X: torch.Tensor) -> F32:
        """Logits of rows (m, d) under the present weights (B, m, C)."""
        logits: F32 = self._logits(self._hidden(self._times_first(X))).cpu().numpy()
        return logits

    def _times_first(self, X: torch.Tensor) -> torch.Tensor:
        """Rows (m, d), or rows of each model (B, m, d), times the first layer (B, m, H)."""
        return (X @ self.first.to(X.dtype)).float()

    def _hidden(self, first: torch.Tensor) -> torch.Tensor:
        return torch.relu(first + self.bias[:, None])

    def _logits(self, hidden: torch.Tensor) -> torch.Tensor:
        return torch.baddbmm(self.head_bias[:, None], hidden, self.head.mT)

    def _backward(self, first: torch.Tensor) -> None:
        (models, n, width), made = first.shape, self.made.shape[1]
        ends = first.reshape(-1, width)[self.parents].view(2, models, -1, width)
        mixed = torch.lerp(ends[0], ends[1], self.share)
        hidden = self._hidden(torch.cat([first, self._times_first(self.made), mixed], dim=1))
        logits = self._logits(hidden)
        slope = torch.softmax(logits, dim=2)
        slope.scatter_add_(2, self.labels, torch.full_like(self.labels, -1, dtype=slope.dtype))
        slope *= (
            self.weights if self.gamma is None else self.weights * _focus(logits, self.labels, self.gamma)
        )
        self.of_head.copy_(slope.mT @ hidden)
        self.of_head_bias.copy_(slope.sum(1))
        back = (slope @ self.head).where(hidden > 0, 0.0)
        self.of_bias.copy_(back.sum(1))
        real, new, between = back[:, :n], back[:, n : n + made], back[:, n + made :]
        if between.shape[1]:
            real = real + self._to_parents(between)
        self.of_first.copy_(self.X.T @ real.to(self.X.dtype))
        if made:
            self.of_first.add_(self.made.mT @ new.to(self.X.dtype))

    def _to_parents(self, back: torch.Tensor) -> torch.Tensor:
        """Sum the gradients of mixtures (B, s, H) at their parents (B, n, H), each in a fixed order."""
        models, _, width = back.shape
        pulls = torch.stack([(1 - self.share) * back, self.share * back]).view(-1, width)[self.by_parent]
        sums = torch.segment_reduce(pulls, "sum", lengths=self.children, axis=0, unsafe=True, initial=0.0)
        return sums.view(models, -1, width)


def _focus(logits: torch.Tensor, labels: torch.Tensor, gamma: torch.Tensor) -> torch.Tensor:
    """What the focal loss multiplies the gradient of the cross-entropy by (B, r, 1); see ``gradients``."""
    log_p = torch.log_softmax(logits, dim=2)
    own = log_p.gather(2, labels)
    missed = log_p.exp().scatter(2, labels, 0.0).sum(2, keepdim=True)  # not 1 - p, which is 0 too soon
    own = torch.where(missed < 0.5, torch.log1p(-missed), own)
    pull = gamma * own.exp() * own / missed
    return torch.where(missed > 0, missed**gamma * (1 - pull), (gamma == 0).float())


def _views(values: torch.Tensor, shapes: Sequence[tuple[int, ...]]) -> list[torch.Tensor]:
    """Views of parameters (B, p), one after the other, in the given shapes (B, ...)."""
    ends = [0, *accumulate(map(math.prod, shapes))]
    blocks = (values[:, start:end] for start, end in pairwise(ends))
    return [block.view(len(values), *shape) for block, shape in zip(blocks, shapes, strict=True)]


def _pad(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Stack arrays of different lengths, zeros at the end."""
    longest = max(map(len, arrays))
    found = np.zeros((len(arrays), longest, *arrays[0].shape[1:]), arrays[0].dtype)
    for row, array in zip(found, arrays, strict=True):
        row[: len(array)] = array
    return found


def _adam(
    values: torch.Tensor, gradient: torch.Tensor, mean: torch.Tensor, square: torch.Tensor, step: int,
    rate: float, decay: float,
) -> None:  # fmt: skip
    """One step of Adam in place, with the arithmetic of ``kernels.adam``."""
    slope = gradient + decay * values if decay else gradient
    mean.mul_(0.9).add_(slope, alpha=0.1)
    square.mul_(0.999).addcmul_(slope, slope, value=0.001)
    root = square.sqrt().mul_((1 - 0.999**step) ** -0.5).add_(1e-8)
    values.addcdiv_(mean, root, value=-rate / (1 - 0.9**step))
