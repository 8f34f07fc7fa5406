"""Exact nearest neighbours of the training rows: one graph a metric, shared by all folds."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import numpy as np
import numpy.typing as npt

from .errors import Exit, Problem, SynaugError, did_you_mean
from .nearest import F32, Rows, blocks, ranking_metric

METRICS = ("euclidean", "cosine", "manhattan", "chebyshev", "correlation")

Lists = npt.NDArray[np.int32]
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
        rank_by = ranking_metric(X, rows, metric)
        lists = find_lists(X, rows, y, listed_rows(rows, y), rank_by, depth)
        return cls.of_lists(X, rows, y, metric, lists)

    @classmethod
    def of_lists(cls, X: F32, rows: Rows, y: Rows, metric: str, lists: Lists) -> NeighborGraph:
        """Make a graph of what ``find_lists`` found for ``listed_rows``; the others as for ``build``."""
        order = np.argsort(rows)
        return cls(metric, X, rows[order], y[order], listed_rows(rows, y), lists[0], lists[1])

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
        seen = np.cumsum(usable, axis=1, dtype=np.int32)
        usable &= seen <= k
        result = np.full((len(query), k), -1, dtype=np.int64)
        result[np.arange(k) < seen[:, -1:]] = lists[usable]
        short = np.flatnonzero(seen[:, -1] < k)
        if len(short):
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
            rank_by = ranking_metric(self.X, np.concatenate([query[mine], reference]), self.metric)
            found = [block.nearest(k) for _, block in blocks(self.X, query[mine], reference, rank_by)]
            result[mine] = np.concatenate(found)
        return result

    def _codes(self, rows: Rows) -> Rows:
        place = _positions(self.rows, rows)
        if (place < 0).any():
            raise ValueError("expected rows of the graph, got others")
        return self.y[place]


def listed_rows(rows: Rows, y: Rows) -> Rows:
    """Numbers of the rows that have lists, ascending (m,)."""
    return np.sort(rows[_may_lack_rows(y)[y]])


def find_lists(X: F32, rows: Rows, y: Rows, listed: Rows, rank_by: str, depth: int) -> Lists:
    """Find the nearest rows of some rows of a graph, among all rows and in their own class.

    Args:
        X: embeddings (N, d), float32.
        rows: numbers of the rows of the graph in X (n,), each once.
        y: their class codes (n,).
        listed: numbers of the rows that get lists (m,), any of the graph's.
        rank_by: what ranks; see ``ranking_metric``.
        depth: length of the lists.

    Returns:
        Numbers of rows in X (2, m, depth), int32; -1 fills what is left.
    """
    lists = np.full((2, len(listed), depth), -1, dtype=np.int32)
    order = np.argsort(rows)
    rows, y = rows[order], y[order]
    codes = y[np.searchsorted(rows, listed)]
    order, by_class = np.argsort(codes, kind="stable"), np.argsort(y, kind="stable")
    codes, rows, y = codes[order], rows[by_class], y[by_class]  # a class is a slice of a block
    for place, block in blocks(X, listed[order], rows, rank_by):
        found = np.full((2, len(block.query), depth), -1, dtype=np.int32)
        found[0] = block.nearest(depth)
        for code in np.unique(codes[place]):
            mine, same = (slice(*np.searchsorted(c, [code, code + 1])) for c in (codes[place], y))
            found[1, mine] = block.nearest(depth, mine, same)
        lists[:, order[place]] = found
    return lists


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
