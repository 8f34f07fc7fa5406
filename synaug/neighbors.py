"""Exact nearest neighbours of the training rows: one graph a metric, shared by all folds."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import numpy as np
import numpy.typing as npt

from .errors import Exit, Problem, SynaugError, did_you_mean

METRICS = ("euclidean", "cosine", "manhattan", "chebyshev", "correlation")

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
_BLOCK_BYTES = 64 * 2**20  # distances held at once
_LEAD = 1.1  # a class so many times larger than the next has the most rows in every fold
_SHORT = 1e-4  # share of the rows that a list may fail to serve


def depth_for(k: int, folds: int) -> int:
    """Length that lets a list serve ``k`` neighbors of a fold's training part, but for rare rows.

    A neighbor is held out with probability ``1 / folds``; the shortest list is taken of which fewer
    than ``k`` rows are left with probability at most 1e-4.
    """
    if folds < 2:
        return k
    out, depth = 1.0 / folds, k
    while sum(comb(depth, left) * (1 - out) ** left * out ** (depth - left) for left in range(k)) > _SHORT:
        depth += 1
    return depth


@dataclass(frozen=True)
class NeighborGraph:
    """The nearest other rows of each row under one metric, among all rows and in its own class.

    Plain arrays only, so that it is shared between processes without a copy. Rows at equal distance
    come in the order of their numbers. Among rows of one norm the cosine ranks as the Euclidean
    distance, and is taken as that. The one class that is largest beyond doubt has no lists, because
    no method asks for its neighbors; it is answered all the same, as are rows whose list runs short.

    Attributes:
        metric: one of METRICS.
        X: embeddings (N, d), float32.
        rows: numbers of the rows of the graph in X (n,), ascending.
        y: their class codes (n,).
        listed: numbers of the rows that have lists (m,), ascending.
        overall: their nearest rows, by number in X (m, depth), int32; -1 fills what is left.
        within: the same among the rows of their own class (m, depth).
    """

    metric: str
    X: F32
    rows: Rows
    y: Rows
    listed: Rows
    overall: npt.NDArray[np.int32]
    within: npt.NDArray[np.int32]

    @classmethod
    def build(cls, X: F32, rows: Rows, y: Rows, metric: str, depth: int) -> NeighborGraph:
        """Find the ``depth`` nearest neighbors of the rows.

        Args:
            X: embeddings (N, d), float32.
            rows: numbers of the rows of the graph in X (n,), each once.
            y: their class codes (n,).
            metric: one of METRICS.
            depth: length of the lists; see ``depth_for``.

        Raises:
            SynaugError: the metric is unknown.
        """
        if metric not in METRICS:
            message = f"unknown metric {metric!r}{did_you_mean(metric, METRICS)}"
            raise SynaugError(Problem(message, fix="use one of " + ", ".join(METRICS)), Exit.SPEC)
        order = np.argsort(rows)
        rows, y = rows[order], y[order]
        points = _points(X[rows], metric)
        asked = np.flatnonzero(_may_lack_rows(y)[y])
        within = np.full((len(asked), depth), -1, dtype=np.int32)
        for code in np.unique(y[asked]):
            mine, place = np.flatnonzero(y == code), y[asked] == code
            near = _nearest(points[mine], points[mine], np.arange(len(mine)), depth, metric)
            within[place] = _numbers(rows[mine], near)
        near = _nearest(points[asked], points, asked, depth, metric)
        return cls(metric, X, rows, y, rows[asked], _numbers(rows, near), within)

    def neighbors(self, query: Rows, allowed: Rows, k: int, within_class: bool) -> Rows:
        """Return the ``k`` nearest of the allowed rows for each queried row (m, k), nearest first.

        A row is never its own neighbor; its duplicates may be.

        Args:
            query: row numbers in X (m,), rows of the graph.
            allowed: numbers of the rows that may be answered, rows of the graph.
            k: how many.
            within_class: only rows of the queried row's own class.

        Raises:
            ValueError: fewer than ``k`` rows may be answered for a queried row, or a row is unknown.
        """
        if k > self.overall.shape[1] or not len(self.listed):
            return self._searched(query, allowed, k, within_class)
        mask = np.zeros(len(self.X) + 1, dtype=bool)  # the last place answers for -1
        mask[allowed] = True
        slot = _positions(self.listed, query)
        lists = (self.within if within_class else self.overall)[slot]  # (m, depth)
        usable = mask[lists] & (slot >= 0)[:, None]
        short = np.flatnonzero(usable.sum(axis=1) < k)
        first = np.argsort(~usable, axis=1, kind="stable")[:, :k]
        result = np.take_along_axis(lists, first, axis=1).astype(np.int64)
        result[short] = self._searched(query[short], allowed, k, within_class)
        return result

    def _searched(self, query: Rows, allowed: Rows, k: int, within_class: bool) -> Rows:
        """Answer as ``neighbors`` does, from the embeddings and without the lists."""
        result = np.empty((len(query), k), dtype=np.int64)
        allowed = np.sort(allowed)
        asked, known = self._codes(query), self._codes(allowed)
        if not within_class:
            asked, known = np.zeros_like(asked), np.zeros_like(known)
        for code in np.unique(asked):
            mine, reference = asked == code, allowed[known == code]
            itself = _positions(reference, query[mine])
            if (len(reference) - (itself >= 0) < k).any():
                raise ValueError(f"expected at least {k} other rows to choose from, got {len(reference)}")
            points = _points(self.X[np.concatenate([query[mine], reference])], self.metric)
            m = len(itself)
            near = _nearest(points[:m], points[m:], itself, k, self.metric)
            result[mine] = reference[near]
        return result

    def _codes(self, rows: Rows) -> Rows:
        place = _positions(self.rows, rows)
        if (place < 0).any():
            raise ValueError("expected rows of the graph, got others")
        return self.y[place]


def _may_lack_rows(y: Rows) -> npt.NDArray[np.bool_]:
    """Mark the classes that are not the largest of every fold (n_classes,)."""
    counts = np.bincount(y)
    second, first = np.sort(np.append(counts, 0))[-2:]
    return np.asarray((counts < first) | (first < _LEAD * second))


def _positions(ordered: Rows, wanted: Rows) -> Rows:
    """Where the wanted numbers stand in an ascending array; -1 where they do not."""
    if not len(ordered):
        return np.full(len(wanted), -1, dtype=np.int64)
    place = np.minimum(np.searchsorted(ordered, wanted), len(ordered) - 1)
    return np.where(ordered[place] == wanted, place, -1)


def _numbers(rows: Rows, near: Rows) -> npt.NDArray[np.int32]:
    return np.where(near >= 0, rows[near], -1).astype(np.int32)


def _points(X: F32, metric: str) -> F64:
    """Rows in the space where the metric ranks as a distance between points (n, d)."""
    points = X.astype(np.float64)
    if metric == "correlation":
        points -= points.mean(axis=1, keepdims=True)
    if metric not in ("cosine", "correlation") or not len(points):
        return points
    norm = np.linalg.norm(points, axis=1, keepdims=True)
    if np.ptp(norm) <= 4 * np.finfo(np.float32).eps * norm.max():
        return points
    zero = norm == 0
    points /= np.where(zero, 1.0, norm)
    return np.hstack([points, zero]) if zero.any() else points  # no direction: at a right angle to all


def _nearest(query: F64, reference: F64, itself: Rows, k: int, metric: str) -> Rows:
    """Positions of the k nearest reference points (m, k), nearest first; -1 fills what is left.

    ``itself`` is the position of each queried point in the reference, -1 where it has none.
    """
    result = np.full((len(query), k), -1, dtype=np.int64)
    width, n = min(k, len(reference)), len(reference)
    step = max(1, _BLOCK_BYTES // (8 * max(1, n)))
    square = np.einsum("ij,ij->i", reference, reference)
    for start in range(0, len(query), step):
        block, own = query[start : start + step], itself[start : start + step]
        distance = _distance(block, reference, square, metric)  # (b, n)
        present = np.flatnonzero(own >= 0)
        distance[present, own[present]] = np.inf
        near = np.argpartition(distance, width - 1, axis=1)[:, :width]
        value = np.take_along_axis(distance, near, axis=1)
        order = np.lexsort((near, value), axis=1)
        near = np.take_along_axis(near, order, axis=1)
        near[np.isinf(np.take_along_axis(value, order, axis=1))] = -1
        result[start : start + step, :width] = near
    return result


def _distance(query: F64, reference: F64, square: F64, metric: str) -> F64:
    """Numbers that rank the reference points as their distance does (m, n)."""
    if metric in ("manhattan", "chebyshev"):
        from scipy.spatial.distance import cdist

        return np.asarray(cdist(query, reference, "cityblock" if metric == "manhattan" else "chebyshev"))
    distance: F64 = query @ reference.T
    distance *= -2
    distance += square
    return distance
