"""Neighbours of every fold and k: one graph and slices of it, against scikit-learn once for each."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from sklearn.neighbors import NearestNeighbors

from benchmarks.blobs import blobs
from benchmarks.measure import Found, Options, alternate, one_thread, ratio
from synaug.evaluate import Replicate
from synaug.neighbors import NeighborGraph, depth_for

KS = (1, 5, 10, 15)
Rows = npt.NDArray[np.int64]
TOLERANCE = 1e-5  # of a distance between rows of length one: float32 rows, two orders of summation


def measure(options: Options) -> Found:
    """Answer, for each fold, k and small class, who is near: among all rows and among its own."""
    large, folds = (600, 3) if options.quick else (2000, 10)
    sizes = (large, large // 4, large // 10, large // 20)
    data = blobs(sizes, dev_per_class=1, folds=folds)
    with one_thread():
        _compare(data)
        works = {"synaug": lambda: from_graph(data), "scikit-learn": lambda: from_searches(data)}
        seconds = alternate(works, options.repetitions)
    what = "seconds of all neighbours: scikit-learn per fold and k / one graph and slices"
    detail = {
        "seconds": seconds,
        "classes": list(sizes),
        "folds": folds,
        "k": list(KS),
        "answers": "distances equal to 1e-5",
    }
    return Found((ratio("ratio", what, seconds["scikit-learn"], seconds["synaug"]),), detail)


def from_graph(data: Replicate) -> list[Rows]:
    """Build the graph and read every answer from it."""
    y = data.y[data.draw.rows]
    depth = depth_for(max(KS), data.n_folds)
    graph = NeighborGraph.build(data.X, data.draw.rows, y, "euclidean", depth)
    return [
        graph.neighbors(query, allowed, k, within) for query, allowed, within in _questions(data) for k in KS
    ]


def from_searches(data: Replicate) -> list[Rows]:
    """Fit scikit-learn once for each answer, as imbalanced-learn's samplers do."""
    found = []
    for query, allowed, _ in _questions(data):
        for k in KS:
            search = NearestNeighbors(n_neighbors=k + 1).fit(data.X[allowed])
            near = search.kneighbors(data.X[query], return_distance=False)[:, 1:]  # the first is the row
            found.append(allowed[near])
    return found


def _questions(data: Replicate) -> Iterator[tuple[Rows, Rows, bool]]:
    """For each fold and small class: its training rows, the rows that may be answered, own class only."""
    y = data.y[data.draw.rows]
    for fold in range(data.n_folds):
        kept = data.draw.folds != fold
        for code in range(1, len(data.classes)):
            mine = data.draw.rows[kept & (y == code)]
            yield mine, mine, True
            yield mine, data.draw.rows[kept], False


def _compare(data: Replicate) -> None:
    """Refuse to time answers that differ by more than the rounding of a distance."""
    questions = [query for query, _, _ in _questions(data) for _ in KS]
    for query, ours, theirs in zip(questions, from_graph(data), from_searches(data), strict=True):
        here = data.X[query][:, None]
        distances = [np.linalg.norm(here - data.X[near], axis=2) for near in (ours, theirs)]
        np.testing.assert_allclose(distances[0], distances[1], atol=TOLERANCE)
