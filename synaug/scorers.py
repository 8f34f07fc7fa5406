"""What turns embeddings into scores of the classes: every classifier becomes one of these, plain arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import ClassVar

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating]

STRAIGHT = 0.9  # decision value, 1 at the margin, from which the log odds go on as a straight line
DISTANCES_AT_ONCE = 1 << 22  # between asked rows and rows that vote


@dataclass(frozen=True, eq=False, kw_only=True)
class Scorer:
    """Base of all scorers; the fields are arrays.

    Attributes:
        offset: taken off the logits (C,): the log of each class's share of the training mass where the
            arm scores adjusted, else 0.
    """

    kind: ClassVar[str]
    smooth: ClassVar[bool] = True  # a small change of an embedding is a small change of its scores

    offset: F32

    def plain(self, X: F32) -> Floats:
        """Logits of embeddings (n, d) -> (n, C), the offset not yet taken off."""
        raise NotImplementedError

    def logits(self, X: F32) -> Floats:
        """Scores of the classes for embeddings (n, d) -> (n, C), the offset taken off."""
        found: Floats = self.plain(X) - self.offset
        return found

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """The arrays that there are, by name."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: np.ascontiguousarray(array) for name, array in found.items() if array is not None}


@dataclass(frozen=True, eq=False, kw_only=True)
class Weights(Scorer):
    """A linear layer, behind one hidden layer of ReLU units where there is one.

    Attributes:
        head: weights of the linear layer (C, H), or (C, d) without a hidden layer.
        head_bias: its bias (C,).
        first: weights of the hidden layer (d, H), or None.
        bias: its bias (H,), or None.
    """

    kind = "network"

    head: F32
    head_bias: F32
    first: F32 | None = None
    bias: F32 | None = None

    def plain(self, X: F32) -> Floats:
        """Logits of the network."""
        hidden = X
        if self.first is not None and self.bias is not None:
            hidden = np.maximum(X @ self.first + self.bias, 0)
        logits: Floats = hidden @ self.head.T + self.head_bias
        return logits


@dataclass(frozen=True, eq=False, kw_only=True)
class Margins(Scorer):
    """Linear decision values, one class against the rest, read as probabilities: see ``linear_svm``.

    Attributes:
        weights: of each class (C, d); of two classes those of the second alone (1, d).
        bias: (C,) or (1,).
    """

    kind = "margins"

    weights: F64
    bias: F64

    def plain(self, X: F32) -> Floats:
        """Logs of the estimated probabilities."""
        decision = X @ self.weights.T + self.bias
        if decision.shape[1] == 1:
            decision = np.concatenate([-decision, decision], axis=1)
        return np.asarray(-np.logaddexp(0, -log_odds(decision)))


@dataclass(frozen=True, eq=False, kw_only=True)
class Votes(Scorer):
    """The vote of the nearest rows: see ``knn``.

    Attributes:
        rows: what votes (t, d): training rows, and synthetic ones.
        labels: their classes (t,).
        neighbors: how many vote (1,).
        metric: which of ``METRICS`` ranks them (1,).
    """

    kind = "votes"
    smooth = False
    METRICS: ClassVar[tuple[str, ...]] = ("euclidean", "cosine", "manhattan")

    rows: F32
    labels: Ints
    neighbors: Ints
    metric: Ints

    def plain(self, X: F32) -> Floats:
        """Logs of (votes + share) / (K + 1)."""
        K, n_classes = int(self.neighbors[0]), len(self.offset)
        share = np.bincount(self.labels, minlength=n_classes) / len(self.labels)
        found, several = np.empty((len(X), n_classes)), max(1, DISTANCES_AT_ONCE // len(self.rows))
        for start in range(0, len(X), several):
            far = self._distances(X[start : start + several])
            nearest = self.labels[np.argpartition(far, K - 1, axis=1)[:, :K]]  # (q, K)
            votes = (nearest[:, :, None] == np.arange(n_classes)).sum(1)
            found[start : start + several] = np.log((votes + share) / (K + 1))
        return found

    def _distances(self, X: F32) -> F64:
        """What ranks the rows for some others (q, t), in double precision."""
        asked, rows = X.astype(np.float64), self.rows.astype(np.float64)
        metric = self.METRICS[int(self.metric[0])]
        if metric == "manhattan":
            return np.stack([np.abs(rows - one).sum(1) for one in asked])
        if metric == "cosine":
            return -_unit(asked) @ _unit(rows).T
        squares: F64 = (rows**2).sum(1) - 2 * asked @ rows.T
        return squares


@dataclass(frozen=True, eq=False, kw_only=True)
class Trees(Scorer):
    """Boosted trees: their values are added up, class by class.

    Attributes:
        start: what the sums begin with (K,), K = 1 for two classes, else C.
        roots: number of the first node of each tree (t,), in the order of training: tree i adds to sum
            i modulo K.
        feature: number of the feature that a node looks at (n,).
        threshold: a row goes left where its feature is not larger (n,).
        left: number of the left child (n,); a leaf is its own child.
        right: number of the right child (n,).
        value: of a leaf (n,).
    """

    kind = "trees"
    smooth = False

    start: F64
    roots: Ints
    feature: Ints
    threshold: F64
    left: Ints
    right: Ints
    value: F64

    def plain(self, X: F32) -> Floats:
        """The sums; for two classes the log odds of the second beside 0."""
        sums = np.tile(self.start, (len(X), 1))  # (n, K)
        every = np.arange(len(X))
        for number, root in enumerate(self.roots):
            node = np.full(len(X), root)
            while True:
                goes_left = X[every, self.feature[node]] <= self.threshold[node]
                following = np.where(goes_left, self.left[node], self.right[node])
                if np.array_equal(following, node):
                    break
                node = following
            sums[:, number % len(self.start)] += self.value[node]
        return np.concatenate([0 * sums, sums], axis=1) if len(self.start) == 1 else sums


SCORERS: Mapping[str, type[Scorer]] = {kind.kind: kind for kind in (Weights, Margins, Votes, Trees)}


def log_odds(decision: Floats) -> Floats:
    """Log odds of (1 + f) / 2, straight on where \\|f\\| exceeds 0.9; smooth, odd and increasing."""
    inside = np.clip(decision, -STRAIGHT, STRAIGHT)
    return np.asarray(2 * np.arctanh(inside) + (decision - inside) * 2 / (1 - STRAIGHT**2))


def _unit(X: F64) -> F64:
    """Rows of length one."""
    scaled: F64 = X / np.maximum(np.linalg.norm(X, axis=1, keepdims=True), np.finfo(np.float64).tiny)
    return scaled
