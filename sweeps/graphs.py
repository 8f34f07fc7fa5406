"""The neighbour graphs of a sweep: from the cache, else found here or, where it pays, by Ray tasks."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import synaug
from synaug.cache import ArrayCache, cache_folder
from synaug.nearest import F32, Rows, ranking_metric
from synaug.neighbors import Lists, NeighborGraph, depth_for, find_lists, listed_rows

from .prepare import Shared

# What a float of a pair of rows costs on one core, nearly: it decides where lists are found, nothing else.
NANOSECONDS: Mapping[str, float] = {"manhattan": 0.3, "chebyshev": 0.5}
OTHER_NANOSECONDS = 0.04
HERE_SECONDS = 4.0  # so much is done by the time that Ray's workers have started
TASK_SECONDS = 5.0  # about what a task takes, at the longest
_HASHED_ROWS = 4096  # at a time


@dataclass(frozen=True)
class Search:
    """The lists of one graph to be found, or of some of its rows.

    Attributes:
        rows: numbers of the rows of the graph in X (n,), ascending.
        y: their class codes (n,).
        listed: numbers of the rows that get lists (m,).
        rank_by: what ranks; cosine and Euclidean graphs of rows of one norm have the same lists.
        depth: length of the lists.
    """

    rows: Rows
    y: Rows
    listed: Rows
    rank_by: str
    depth: int

    def key(self, X: F32) -> str:
        """Hash of all that the lists depend on, hexadecimal."""
        digest = hashlib.sha256(f"{self.rank_by} {self.depth} {synaug.ENGINE_VERSION} {X.shape[1]}".encode())
        digest.update(self.rows.astype("<i8").tobytes() + self.y.astype("<i8").tobytes())
        for start in range(0, len(self.rows), _HASHED_ROWS):
            digest.update(X[self.rows[start : start + _HASHED_ROWS]].tobytes())
        return digest.hexdigest()

    def parts(self, dimensions: int) -> list[Search]:
        """Cut it into tasks, each of a part of the rows."""
        number = max(1, math.ceil(self.seconds(dimensions) / TASK_SECONDS))
        pieces = np.array_split(self.listed, number)
        return [replace(self, listed=piece) for piece in pieces]

    def seconds(self, dimensions: int) -> float:
        """About how long it takes one core."""
        each = NANOSECONDS.get(self.rank_by, OTHER_NANOSECONDS)
        return 1e-9 * each * len(self.listed) * len(self.rows) * dimensions


def with_graphs(shared: Shared, metrics: Sequence[str], neighbors: int) -> Shared:
    """Add the neighbour graphs of all replicates; Ray must be connected.

    Lists that an earlier sweep on the same rows has found come from the cache.

    Args:
        shared: what the cells share, without graphs.
        metrics: metrics that a cell may ask for.
        neighbors: the largest number of neighbours that a cell may ask for.

    Raises:
        SynaugError: the cache cannot be written (exit 6).
    """
    X, searches = shared.X, _searches(shared, metrics, neighbors)
    wanted = {key: search for graphs in searches for key, search in graphs.values()}
    cache = ArrayCache(cache_folder() / "graphs")
    cached = {key: _cached(cache, key, search) for key, search in wanted.items()}
    lists = {key: found for key, found in cached.items() if found is not None}
    missing = [key for key in wanted if key not in lists]
    for key, found in zip(missing, _find(X, [wanted[key] for key in missing]), strict=True):
        cache.put(key, found)
        lists[key] = found
    graphs = tuple(
        {m: NeighborGraph.of_lists(X, s.rows, s.y, m, lists[key]) for m, (key, s) in of_draw.items()}
        for of_draw in searches
    )
    return replace(shared, graphs=graphs)


def _searches(shared: Shared, metrics: Sequence[str], neighbors: int) -> list[dict[str, tuple[str, Search]]]:
    """The searches and their keys, by replicate and metric."""
    result = []
    for draw in shared.draws:
        y, depth = shared.y[draw.rows], depth_for(neighbors, int(draw.folds.max()) + 1)
        listed, of_draw = listed_rows(draw.rows, y), {}
        for metric in metrics:
            rank_by = ranking_metric(shared.X, draw.rows, metric)
            search = Search(draw.rows, y, listed, rank_by, depth)
            of_draw[metric] = (search.key(shared.X), search)
        result.append(of_draw)
    return result


def _cached(cache: ArrayCache, key: str, search: Search) -> Lists | None:
    found = cache.get(key)
    fits = found is not None and found.shape == (2, len(search.listed), search.depth)
    return np.asarray(found) if fits else None


def _find(X: F32, searches: Sequence[Search]) -> list[Lists]:
    """Find the lists of each search."""
    parts = [search.parts(X.shape[1]) for search in searches]
    seconds = sum(search.seconds(X.shape[1]) for search in searches)
    if seconds < HERE_SECONDS or sum(map(len, parts)) < 2:
        return [find_lists(X, s.rows, s.y, s.listed, s.rank_by, s.depth) for s in searches]
    import ray

    task: Any = ray.remote(num_cpus=1)(find_lists)
    embeddings = ray.put(X)
    running = [
        [task.remote(embeddings, p.rows, p.y, p.listed, p.rank_by, p.depth) for p in of_search]
        for of_search in parts
    ]
    return [np.concatenate(ray.get(tasks), axis=1) for tasks in running]
