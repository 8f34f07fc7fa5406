"""Steps of AdamW on an encoder's last layers and a head, mixtures of pooled embeddings among the rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ..scorers import Weights
from .backbone import Backbone
from .network import first_values, parts, recall_by_class, shapes_of, uniform
from .options import F32, FoldRows, LadderLogits, MlpOptions
from .transformer import Transformer

Codes = npt.NDArray[np.int64]


def train_ladder(
    backbone: Backbone,
    y: Codes,
    held_out: Codes,
    folds: Sequence[FoldRows],
    asked: int,
    dimensions: int,
    n_classes: int,
    options: Transformer,
    generators: Sequence[np.random.Generator],
    device: str,
) -> LadderLogits:
    """Train one model a fold and score it at every rung of the ladder.

    Args:
        backbone: gives the embeddings of n real rows, then of m rows to score; each fold starts it anew.
        y: classes of the real rows (n,).
        held_out: the fold that holds each row out (n,).
        folds: what each fold's model trains on.
        asked: n + m.
        dimensions: length d of an embedding.
        n_classes: number of classes C.
        options: settings of the classifier.
        generators: one a fold, for the head's first weights, then for the order of the rows.
        device: of torch.
    """
    n, rungs = len(y), len(options.ladder)
    held = np.zeros((rungs, n, n_classes), dtype=np.float32)
    scored = np.empty((rungs, len(folds), asked - n, n_classes), dtype=np.float32)
    recall = np.empty((rungs, len(folds), n_classes), dtype=np.float32)
    for number, (fold, generator) in enumerate(zip(folds, generators, strict=True)):
        model = FoldModel(backbone, y, fold, dimensions, n_classes, options, generator, device)
        mine, train = held_out == number, np.flatnonzero(fold.weight)
        for rung in model.run(options.ladder):
            _, found = model.scored(np.arange(asked))
            held[rung, mine], scored[rung, number] = found[:n][mine], found[n:]
            recall[rung, number] = recall_by_class(found[train].argmax(1), y[train], n_classes)
    return LadderLogits(held, scored, recall)


@dataclass(frozen=True)
class Items:
    """What a fold's loss is a sum over: real rows, then synthetic ones, a copy being a row of its own.

    Attributes:
        parents: positions of the real rows that each lies between (i, 2); a real row is its own parents.
        share: of the second parent (i,).
        labels: classes (i,).
        weights: of their losses (i,); their mean is 1.
        made: rows without parents (e, d), the last of the items, or None.
    """

    parents: Codes
    share: F32
    labels: Codes
    weights: F32
    made: F32 | None

    @classmethod
    def of(cls, fold: FoldRows, y: Codes) -> Items:
        """Write out what a fold trains on."""
        real = np.flatnonzero(fold.weight)
        itself = np.stack([real, real], axis=1)
        parents = itself if fold.rows is not None else np.concatenate([itself, fold.parents])
        share = np.zeros(len(real), np.float32)
        weights = np.concatenate([fold.weight[real], fold.label_weight])
        return cls(
            parents,
            share if fold.rows is not None else np.concatenate([share, fold.share]),
            np.concatenate([y[real], fold.labels]),
            (weights / weights.mean(dtype=np.float64)).astype(np.float32),
            fold.rows,
        )

    def __len__(self) -> int:
        return len(self.labels)


class FoldModel:
    """One fold's encoder and head.

    Args:
        backbone: is set back to its start.
        y: classes of the real rows (n,).
        fold: what it trains on.
        dimensions: length d of an embedding.
        n_classes: number of classes C.
        options: settings of the classifier.
        generator: for the head's first weights, then for the order of the rows.
        device: of torch.
    """

    def __init__(
        self, backbone: Backbone, y: Codes, fold: FoldRows, dimensions: int, n_classes: int,
        options: Transformer, generator: np.random.Generator, device: str,
    ):  # fmt: skip
        self.backbone, self.options, self.items = backbone, options, Items.of(fold, y)
        self.gamma, self.generator, self.device = fold.gamma, generator, device
        backbone.reset()
        self.head = head_of(generator, dimensions, n_classes, options.hidden).to(device)
        made = self.items.made
        self.made = None if made is None else torch.from_numpy(np.array(made)).to(device)
        self.labels = torch.from_numpy(self.items.labels).to(device)
        self.weights = torch.from_numpy(self.items.weights).to(device)
        self.optimiser = torch.optim.AdamW(
            [
                *_groups(backbone.parameters(), options.learning_rate, options.weight_decay),
                *_groups(list(self.head.parameters()), options.head_rate, options.weight_decay),
            ]
        )
        self.rates = [float(group["lr"]) for group in self.optimiser.param_groups]

    def run(self, ladder: Sequence[int]) -> Iterator[int]:
        """Train to the last rung; yield the number of each rung when it is reached."""
        batches, rungs = self._batches(), {steps: rung for rung, steps in enumerate(ladder)}
        for step in range(1, ladder[-1] + 1):
            climbed = min(1.0, step / max(1, self.options.warmup))
            for group, rate in zip(self.optimiser.param_groups, self.rates, strict=True):
                group["lr"] = rate * climbed
            self.optimiser.zero_grad()
            self.backward(next(batches))
            self.optimiser.step()
            if step in rungs:
                yield rungs[step]

    def scored(self, rows: Codes) -> tuple[F32, F32]:
        """Embeddings (q, d) and logits (q, C) of rows by their positions."""
        embeddings, logits = [], []
        pieces = self.backbone.batches(rows)
        with torch.no_grad():
            for piece in pieces:
                pooled = self.backbone.embed(rows[piece])
                embeddings.append(pooled.cpu().numpy())
                logits.append(self.head(pooled).cpu().numpy())
        order = np.argsort(np.concatenate(pieces))
        return np.concatenate(embeddings)[order], np.concatenate(logits)[order]

    def backward(self, batch: Codes) -> None:
        """Add the gradient of the mean loss of some items.

        What does not pass the encoder at once passes it twice: first to find the gradient at the
        embeddings, then, batch by batch, to carry it into the layers.
        """
        ends = self.items.parents[batch[batch < len(self.items.parents)]]  # (p, 2)
        rows, places = np.unique(ends, return_inverse=True)
        pieces = self.backbone.batches(rows) if len(rows) else []
        if len(pieces) < 2:
            pooled = self.backbone.embed(rows) if pieces else torch.empty(0, device=self.device)
            self.loss(batch, pooled, places.reshape(ends.shape)).backward()  # type: ignore[no-untyped-call]
            return
        with torch.no_grad():
            found = torch.cat([self.backbone.embed(rows[piece]) for piece in pieces])
        order = torch.from_numpy(np.argsort(np.concatenate(pieces))).to(self.device)
        pooled = found[order].requires_grad_()
        self.loss(batch, pooled, places.reshape(ends.shape)).backward()  # type: ignore[no-untyped-call]
        if not self.backbone.parameters():
            return
        assert pooled.grad is not None
        for piece in pieces:
            self.backbone.embed(rows[piece]).backward(pooled.grad[torch.from_numpy(piece).to(self.device)])  # type: ignore[no-untyped-call]

    def loss(self, batch: Codes, pooled: torch.Tensor, places: Codes) -> torch.Tensor:
        """Mean loss of some items.

        Args:
            batch: numbers of the items (b,), ascending.
            pooled: embeddings of the rows that the batch needs (r, d).
            places: where in ``pooled`` the parents of its first items lie (p, 2); the others have none.
        """
        ends = torch.from_numpy(places).to(self.device)
        first, second = pooled[ends[:, 0]], pooled[ends[:, 1]]
        share = torch.from_numpy(self.items.share[batch[: len(places)]]).to(self.device)[:, None]
        rows = first + share * (second - first)
        if self.made is not None and len(places) < len(batch):
            number = torch.from_numpy(batch[len(places) :] - len(self.items.parents)).to(self.device)
            made = self.made[number]
            rows = torch.cat([rows, made]) if len(places) else made
        chosen = torch.from_numpy(batch).to(self.device)
        labels, weights = self.labels[chosen], self.weights[chosen]
        log_p = torch.log_softmax(self.head(rows), dim=1).gather(1, labels[:, None])[:, 0]
        if self.gamma > 0:
            weights = weights * (-torch.expm1(log_p)).clamp_min(1e-12) ** self.gamma
        return -(weights * log_p).mean()

    def _batches(self) -> Iterator[Codes]:
        """Batches of the items, epoch after epoch in a new order; ascending within a batch."""
        size = self.options.batch_size
        while True:
            order = self.generator.permutation(len(self.items))
            for start in range(0, len(order), size):
                yield np.sort(order[start : start + size])


def head_of(generator: np.random.Generator, dimensions: int, n_classes: int, hidden: int) -> nn.Sequential:
    """A head with the first weights of the network ``mlp``, or a linear one."""
    if not hidden:
        layer, bound = nn.Linear(dimensions, n_classes), dimensions**-0.5
        return _filled(
            nn.Sequential(layer),
            [
                uniform(generator, (n_classes, dimensions), bound),
                uniform(generator, (n_classes,), bound),
            ],
        )
    values = first_values(generator, dimensions, n_classes, MlpOptions(hidden=hidden))
    first, bias, last, last_bias = parts(values, shapes_of(dimensions, hidden, n_classes))
    network = nn.Sequential(nn.Linear(dimensions, hidden), nn.ReLU(), nn.Linear(hidden, n_classes))
    return _filled(network, [np.ascontiguousarray(first.T), bias, last, last_bias])


def scorer_of(head: nn.Sequential) -> Weights:
    """A trained head as arrays."""
    *hidden, last, last_bias = [p.detach().cpu().numpy().copy() for p in head.parameters()]
    first, bias = (np.ascontiguousarray(hidden[0].T), hidden[1]) if hidden else (None, None)
    none = np.zeros(len(last), np.float32)
    return Weights(offset=none, head=last, head_bias=last_bias, first=first, bias=bias)


def _filled(network: nn.Sequential, values: Sequence[F32]) -> nn.Sequential:
    with torch.no_grad():
        for parameter, value in zip(network.parameters(), values, strict=True):
            parameter.copy_(torch.from_numpy(value))
    return network


def _groups(parameters: Sequence[nn.Parameter], rate: float, decay: float) -> Iterator[dict[str, object]]:
    """Weight matrices, which decay, and the rest."""
    matrices = [parameter for parameter in parameters if parameter.ndim > 1]
    others = [parameter for parameter in parameters if parameter.ndim < 2]
    for group, its_decay in ((matrices, decay), (others, 0.0)):
        if group:
            yield {"params": group, "lr": rate, "weight_decay": its_decay}
