"""Exact nearest rows: float32 arithmetic rules out most pairs, float64 distances decide on the rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

ANGULAR = ("cosine", "correlation")
F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
_BLOCK_BYTES = 64 * 2**20  # float32 distances held at once
_PAIR_BYTES = 4 * 2**20  # float64 differences held at once; they stay in a core's cache
_MOST_PAIRS = 2**20  # that are compared at once
_TILE = 1024  # rows of the reference that a product takes
_MINIMUM_TILE = 256  # the same for minima, so that a tile and its minima stay in a core's cache
_UNIT = 2.0**-24  # of rounding to float32
_ALL = slice(None)


def ranking_metric(X: F32, rows: Rows, metric: str) -> str:
    """The metric to rank the rows by: Euclidean for the cosine among rows of one norm."""
    if metric != "cosine" or not len(rows):
        return metric
    tiles = (X[rows[start : start + _TILE]].astype(np.float64) for start in range(0, len(rows), _TILE))
    norm = np.concatenate([np.linalg.norm(tile, axis=1) for tile in tiles])
    one = np.ptp(norm) <= 4 * np.finfo(np.float32).eps * norm.max()
    return "euclidean" if one else metric


@dataclass(frozen=True)
class Block:
    """Queried rows and all rows that they choose from, with rough distances between them.

    With ``D`` a distance (squared for Euclidean ones), each rough one plus its row's ``offset`` lies
    within ``error * (4 D + 5 size)`` of D, whatever the order in which a processor sums. From
    ``x y``, or ``min(x, y)``, this is the rounding of a sum of d terms, where the size of the other
    row is bounded by that of the queried one and D.

    Attributes:
        X: embeddings (N, d), float32.
        metric: what ranks; see ``ranking_metric``.
        query: numbers of the queried rows in X (b,).
        reference: numbers of the rows to choose from in X (n,).
        rough: what ranks the reference of each queried row, nearly (b, n), float32.
        offset: what the rough distances of each queried row lack (b,).
        size: squared norm, or norm, of each queried row from the centre (b,).
        error: bound of the relative error.
    """

    X: F32
    metric: str
    query: Rows
    reference: Rows
    rough: F32
    offset: F64
    size: F64
    error: float

    def nearest(self, k: int, rows: slice = _ALL, columns: slice = _ALL) -> Rows:
        """Numbers in X of the ``k`` nearest other rows, nearest first; -1 fills what is left (b, k).

        Rows at equal distance come in the order of their numbers.

        Args:
            k: how many.
            rows: which of the queried rows.
            columns: which of the rows to choose from.
        """
        rough, query, reference = self.rough[rows, columns], self.query[rows], self.reference[columns]
        result = np.full((len(query), k), -1, dtype=np.int64)
        if k and len(reference) and len(query):
            with np.errstate(over="ignore", invalid="ignore"):
                limit = self._limit(rough, k, rows)
            possible = ~(rough > limit[:, None])  # what overflowed to NaN remains possible
            for part in _portions(possible):
                self._rank(possible[part], query[part], reference, result[part])
        return result

    def _limit(self, rough: F32, k: int, rows: slice) -> F32:
        """Rough distance beyond which a row cannot be among the k nearest (b,)."""
        n, width = rough.shape[1], min(k, rough.shape[1])
        deep = max(1, min(32, n // (4 * width)))
        groups = n // deep  # the least of each of k groups are k rows, so that the kth bounds all k
        least = rough[:, : deep * groups].reshape(-1, deep, groups).min(axis=1)
        bound = np.partition(least, width - 1, axis=1)[:, width - 1].astype(np.float64)
        offset, slack = self.offset[rows], 5 * self.error * self.size[rows]
        farthest = (bound + offset + slack) / (1 - 4 * self.error)
        limit = farthest * (1 + 4 * self.error) + slack - offset
        limit += 8 * self.X.shape[1] * np.finfo(np.float32).tiny  # products that underflowed
        return np.nextafter(limit.astype(np.float32), np.float32(np.inf))

    def _rank(self, possible: npt.NDArray[np.bool_], query: Rows, reference: Rows, result: Rows) -> None:
        """Write the nearest of the possible rows into the result (b, k)."""
        i, j = np.divmod(np.flatnonzero(possible), len(reference))
        other = query[i] != reference[j]
        i, near = i[other], reference[j[other]]
        distance = _distances(self.X, query[i], near, self.metric)
        order = np.lexsort((near, distance, i))
        i, near = i[order], near[order]
        rank = np.arange(len(i)) - np.searchsorted(i, i)
        first = rank < result.shape[1]
        result[i[first], rank[first]] = near[first]


def blocks(X: F32, query: Rows, reference: Rows, metric: str) -> Iterator[tuple[slice, Block]]:
    """Compare rows with rows, as many at a time as a constant amount of memory holds.

    Args:
        X: embeddings (N, d), float32.
        query: numbers of the queried rows in X (m,).
        reference: numbers of the rows to choose from (n,).
        metric: what ranks; see ``ranking_metric``.

    Yields:
        Which of the queried rows, and their block.
    """
    n = len(reference)
    if not n:
        return
    order = np.argsort(reference)
    own = order[np.minimum(np.searchsorted(reference, query, sorter=order), n - 1)]
    own = np.where(reference[own] == query, own, -1)
    some = _points(X, reference[:: n // _TILE + 1], metric)
    centre = some.mean(axis=0, dtype=np.float64).astype(some.dtype)
    step = max(1, _BLOCK_BYTES // (4 * n))
    for start in range(0, len(query), step):
        place = slice(start, min(start + step, len(query)))
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is ranked by _distances alone
            asked = _centred(X, query[place], metric, centre)
            rough = _rough(X, asked, reference, metric, centre)
            offset, size = _measures(asked, metric)
        present = np.flatnonzero(own[place] >= 0)
        rough[present, own[place][present]] = np.inf
        error = 1.1 * (asked.shape[1] + 8) * _UNIT
        yield place, Block(X, metric, query[place], reference, rough, offset, size, error)


def _rough(X: F32, asked: F32, reference: Rows, metric: str, centre: F32 | F64) -> F32:
    """Distances less the offset of each queried point (b, n)."""
    rough = np.empty((len(asked), len(reference)), dtype=np.float32)
    for start in range(0, len(reference), _TILE):
        part = slice(start, start + _TILE)
        _compare(asked, _centred(X, reference[part], metric, centre), metric, rough[:, part])
    return rough


def _points(X: F32, rows: Rows, metric: str) -> F32 | F64:
    """Rows in the space where the metric ranks as a distance between points (n, d)."""
    if metric not in ANGULAR:
        return X[rows]
    points = X[rows].astype(np.float64)
    if metric == "correlation":
        points -= points.mean(axis=1, keepdims=True)
    norm = np.linalg.norm(points, axis=1, keepdims=True)
    zero = norm == 0
    points /= np.where(zero, 1.0, norm)
    return np.hstack([points, zero])  # without a direction: at a right angle to all others


def _centred(X: F32, rows: Rows, metric: str, centre: F32 | F64) -> F32:
    """Points from the centre, where float32 is finest."""
    points = _points(X, rows, metric)
    points -= centre
    return points.astype(np.float32, copy=False)


def _measures(asked: F32, metric: str) -> tuple[F64, F64]:
    """The offset and size of queried points; see ``Block``."""
    if metric == "chebyshev":
        return np.zeros(len(asked)), np.abs(asked).max(axis=1).astype(np.float64)
    if metric == "manhattan":
        return asked.sum(axis=1, dtype=np.float64), np.abs(asked).sum(axis=1, dtype=np.float64)
    square: F64 = np.einsum("ij,ij->i", asked, asked, dtype=np.float64)
    return square, square


def _compare(asked: F32, tile: F32, metric: str, rough: F32) -> None:
    """Write distances less the offset of each queried point (b, t)."""
    if metric == "chebyshev":
        from scipy.spatial.distance import cdist

        rough[:] = cdist(asked, tile, "chebyshev")
    elif metric == "manhattan":
        _compare_minima(asked, tile, rough)
    else:
        np.matmul(asked, -2 * tile.T, out=rough)
        rough += np.einsum("ij,ij->i", tile, tile)


def _compare_minima(asked: F32, tile: F32, rough: F32) -> None:
    """The Manhattan distance as ``sum(x) + sum(y) - 2 sum(min(x, y))``, less the first of these."""
    minus_two = np.full(tile.shape[1], -2, dtype=np.float32)
    for left in range(0, len(tile), _MINIMUM_TILE):
        points = tile[left : left + _MINIMUM_TILE]
        total, least = points.sum(axis=1), np.empty_like(points)
        for i, point in enumerate(asked):
            np.minimum(points, point, out=least)
            np.add(least @ minus_two, total, out=rough[i, left : left + _MINIMUM_TILE])


def _distances(X: F32, one: Rows, other: Rows, metric: str) -> F64:
    """Distances of pairs of rows (p,), squared for Euclidean ones; equal rows get equal numbers."""
    result = np.empty(len(one))
    step = max(1, _PAIR_BYTES // (8 * X.shape[1]))
    for start in range(0, len(one), step):
        part = slice(start, start + step)
        difference = _points(X, one[part], metric).astype(np.float64, copy=False)
        difference -= _points(X, other[part], metric)
        if metric == "manhattan":
            result[part] = np.abs(difference, out=difference).sum(axis=1)
        elif metric == "chebyshev":
            result[part] = np.abs(difference, out=difference).max(axis=1)
        else:
            result[part] = np.einsum("ij,ij->i", difference, difference)
    return result


def _portions(possible: npt.NDArray[np.bool_], start: int = 0) -> Iterator[slice]:
    """Slices of the rows that hold few enough pairs to be compared at once, or one row."""
    if len(possible) > 1 and np.count_nonzero(possible) > _MOST_PAIRS:
        half = len(possible) // 2
        yield from _portions(possible[:half], start)
        yield from _portions(possible[half:], start + half)
    else:
        yield slice(start, start + len(possible))
