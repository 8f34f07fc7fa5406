"""Replicates of Gaussian rows, for rows whose speed does not depend on what the embeddings say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from synaug.evaluate import Replicate
from synaug.imbalance import Draw
from synaug.neighbors import NeighborGraph, depth_for
from synaug.randomness import Streams


def blobs(
    sizes: Sequence[int],
    *,
    dev_per_class: int = 500,
    dimensions: int = 384,
    folds: int = 10,
    seed: int = 0,
    classes: Sequence[str] | None = None,
) -> Replicate:
    """Make one replicate with so many training rows of each class, of length one like embeddings.

    Args:
        sizes: training rows of each class.
        dev_per_class: rows of each class that are scored.
        dimensions: numbers in a row.
        folds: number of folds.
        seed: other seeds give other rows and another digest.
        classes: names; "0", "1", ... by default.
    """
    random, count = np.random.default_rng(seed), len(sizes)
    train = np.repeat(np.arange(count), sizes)
    y = np.concatenate([train, np.repeat(np.arange(count), dev_per_class)])
    centers = random.normal(size=(count, dimensions))
    X = (centers[y] + 2 * random.normal(size=(len(y), dimensions))).astype(np.float32)
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    rows = np.arange(len(train))
    dealt = np.concatenate([random.permutation(size) % folds for size in sizes])
    graph = NeighborGraph.build(X, rows, train, "euclidean", depth_for(10, folds))
    names = tuple(classes or map(str, range(count)))
    draw = Draw(0, rows, dealt, np.arange(len(train), len(y)))
    return Replicate(X, y, names, draw, {"euclidean": graph}, Streams(seed, f"{seed:064x}"))
