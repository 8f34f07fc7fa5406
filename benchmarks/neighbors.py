"""Neighbours for 10 folds and 4 values of k: one graph against scikit-learn asked per fold and k.

Run with ``OMP_NUM_THREADS=1 python benchmarks/neighbors.py``. Both answer the same questions and
their answers are compared; scikit-learn is timed on the first folds only, and its time scaled up.
Seconds are of one core's work, so that a busy machine changes little.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when NumPy is imported

import sys
import time

import numpy as np
import numpy.typing as npt
from sklearn.neighbors import NearestNeighbors

from synaug.neighbors import NeighborGraph, depth_for

FOLDS, KS = 10, (3, 5, 10, 15)
F32 = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
CASES = {
    "2,000 x 384, one minority 20:1": ((1905, 95), 384, 10),
    "5,900 x 384, three minorities 20:1": ((5130, 257, 257, 256), 384, 10),
    "5,900 x 384, one minority 20:1": ((1934, 1934, 1935, 97), 384, 2),
    "20,000 x 384, four classes": ((10_000, 5_000, 4_000, 1_000), 384, 1),
}


def clouds(counts: tuple[int, ...], d: int) -> tuple[F32, Rows]:
    """Unit rows around a centre a class, spread in 32 directions and a little in all."""
    random = np.random.default_rng(0)
    y = random.permutation(np.repeat(np.arange(len(counts)), counts))
    hidden = random.normal(size=(len(y), 32)) + random.normal(size=(len(counts), 32))[y]
    X = hidden @ random.normal(size=(32, d)) / 6 + 0.3 * random.normal(size=(len(y), d))
    return (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32), y


def ask(X: F32, query: Rows, allowed: Rows, k: int, metric: str) -> Rows:
    """The ``k`` nearest other rows by scikit-learn (m, k)."""
    model = NearestNeighbors(n_neighbors=k + 1, metric=metric, algorithm="brute").fit(X[allowed])
    near = allowed[model.kneighbors(X[query], return_distance=False)]
    itself = near == query[:, None]
    itself[~itself.any(axis=1), -1] = True
    return near[~itself].reshape(len(query), k)


def compare(name: str, metric: str) -> str:
    """Time both and return a line."""
    counts, d, measured = CASES[name]
    X, y = clouds(counts, d)
    NeighborGraph.build(X[:400], np.arange(400), y[:400], metric, 3)  # imports
    ask(X, np.arange(9), np.arange(400), 3, metric)
    rows, fold = np.arange(len(y)), np.arange(len(y)) % FOLDS
    started = time.process_time()
    graph = NeighborGraph.build(X, rows, y, metric, depth_for(max(KS), FOLDS))
    built = time.process_time() - started
    codes = np.unique(y[graph.listed])
    ours = theirs = 0.0
    wrong = total = 0
    for f in range(FOLDS):
        allowed = rows[fold != f]
        query = np.intersect1d(graph.listed, allowed)
        questions = [(query, allowed, False)]
        questions += [(query[y[query] == c], allowed[y[allowed] == c], True) for c in codes]
        for k in KS:
            started = time.process_time()
            answers = [graph.neighbors(q, allowed, k, within) for q, _, within in questions]
            ours += time.process_time() - started
            if f >= measured:
                continue
            started = time.process_time()
            others = [ask(X, q, of, k, metric) for q, of, _ in questions]
            theirs += time.process_time() - started
            wrong += sum(int((a != b).sum()) for a, b in zip(answers, others, strict=True))
            total += sum(a.size for a in answers)
    theirs *= FOLDS / measured
    return (
        f"{name}, {metric}: graph {built:.2f} s + slices {ours:.2f} s, scikit-learn {theirs:.1f} s "
        f"({measured} of {FOLDS} folds), {theirs / (built + ours):.0f} times; {wrong} of {total} differ"
    )


if __name__ == "__main__":
    for metric in sys.argv[1:] or ["euclidean", "manhattan"]:
        for name in CASES:
            print(compare(name, metric), flush=True)
