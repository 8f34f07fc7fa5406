"""Private memory of a Ray worker that ran a cell on large shared embeddings, against one that waits."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import Figure, Found, Options
from sweeps.prepare import Shared
from synaug.classifiers.options import MlpOptions
from synaug.evaluate import evaluate
from synaug.imbalance import Draw
from synaug.methods import METHODS
from synaug.neighbors import NeighborGraph, depth_for
from synaug.randomness import Streams

DIMENSIONS, FOLDS = 384, 4


def measure(options: Options) -> Found:
    """Start workers, let all run a small cell, then all but one a cell on the large data."""
    import ray

    rows, workers = (20_000, 2) if options.quick else (130_000, 3)
    drawn = 400 if options.quick else 2000
    ray.init("local", num_cpus=workers, include_dashboard=False, logging_level=logging.ERROR)
    try:
        actors = [ray.remote(num_cpus=1)(Worker).remote() for _ in range(workers)]
        bare = ray.get([actor.private.remote() for actor in actors])
        small, large = shared_rows(8 * drawn, drawn), ray.put(shared_rows(rows, drawn))
        ready = ray.get([actor.run.remote([ray.put(small)]) for actor in actors])
        used = ray.get([actor.run.remote([large]) for actor in actors[1:]])
        idle = ray.get(actors[0].private.remote())
    finally:
        ray.shutdown()
    figure = Figure(
        "ratio",
        "private memory of a worker: after a cell on the large rows / one that only ran a small cell",
        tuple(found / idle for found in used),
    )
    detail = {
        "shared_bytes": 4 * rows * DIMENSIONS,
        "private_bytes": {"started": bare, "after_small_cell": ready, "after_large_cell": used, "idle": idle},
        "beyond_idle_bytes": [found - idle for found in used],
    }
    return Found((figure,), detail)


class Worker:
    """What runs in a worker."""

    def run(self, reference: Any) -> int:
        """Evaluate a cell on shared rows, read all of them, return the private memory then."""
        import ray
        import torch

        torch.set_num_threads(1)
        data = ray.get(reference[0])
        found = evaluate(METHODS["smote"](), data.replicate(0), MlpOptions(ladder=(1, 8)))
        assert found.status == "ok", found.reason
        assert float(data.X.sum()) != 0
        return private_bytes()

    def private(self) -> int:
        """Return the private memory."""
        return private_bytes()


def private_bytes() -> int:
    """Memory of this process that no other process shares."""
    text = Path("/proc/self/smaps_rollup").read_text()
    kilobytes = re.findall(r"^Private_(?:Dirty|Clean): +(\d+) kB", text, re.MULTILINE)
    return 1024 * sum(map(int, kilobytes))


def shared_rows(rows: int, drawn: int) -> Shared:
    """Random rows of two classes, of which one draw takes ``drawn`` and scores as many."""
    random = np.random.default_rng(0)
    X = random.random((rows, DIMENSIONS), dtype=np.float32)
    y = (np.arange(rows) % 4 == 0).astype(np.int64)
    taken = np.arange(0, rows, rows // (2 * drawn))[: 2 * drawn] + np.arange(2 * drawn) % 4
    train, dev = taken[:drawn], taken[drawn:]
    draw = Draw(0, train, np.arange(drawn) // 4 % FOLDS, dev)
    graph = NeighborGraph.build(X, train, y[train], "euclidean", depth_for(5, FOLDS))
    graphs: tuple[Mapping[str, NeighborGraph], ...] = ({"euclidean": graph},)
    return Shared(X, y, ("a", "b"), Streams(0, "5eed" * 16), (draw,), graphs, np.empty(0, dtype=np.int64))
