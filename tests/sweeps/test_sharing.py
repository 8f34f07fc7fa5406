"""Eight cells at once read 200 MB of embeddings without copying them.

The measurement runs in a process of its own: this file, started as a script.
"""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweeps.prepare import Shared

ROWS, DIMENSIONS, TRIALS = 130_000, 384, 8
BYTES = 4 * ROWS * DIMENSIONS
DRAWN, FOLDS = 400, 4


def private_bytes() -> int:
    """Memory of this process that no other process shares."""
    text = Path("/proc/self/smaps_rollup").read_text()
    return 1024 * sum(
        int(kb) for kb in re.findall(r"^Private_(?:Dirty|Clean): +(\d+) kB", text, re.MULTILINE)
    )


def shared_rows(rows: int) -> Shared:
    """Random rows of two classes, of which one draw takes 300 and 100."""
    from synaug.imbalance import Draw
    from synaug.neighbors import NeighborGraph, depth_for
    from synaug.randomness import Streams

    random = np.random.default_rng(0)
    X = random.random((rows, DIMENSIONS), dtype=np.float32)
    y = (np.arange(rows) % 4 == 0).astype(np.int64)
    taken = np.arange(0, rows, rows // (2 * DRAWN))[: 2 * DRAWN] + np.arange(2 * DRAWN) % 4
    drawn, dev = taken[:DRAWN], taken[DRAWN:]
    draw = Draw(0, drawn, np.arange(DRAWN) // 4 % FOLDS, dev)
    graph = NeighborGraph.build(X, drawn, y[drawn], "euclidean", depth_for(5, FOLDS))
    none = np.empty(0, dtype=np.int64)
    return Shared(X, y, ("a", "b"), Streams(0, "5eed" * 16), (draw,), ({"euclidean": graph},), none)


def evaluate_smote(data: Shared) -> str:
    from synaug.classifiers.options import MlpOptions
    from synaug.evaluate import evaluate
    from synaug.methods import METHODS

    return evaluate(METHODS["smote"](), data.replicate(0), MlpOptions(ladder=(1, 8), hidden=32)).status


def measure() -> None:
    """Print, for each trial, how much its own memory grew by the shared rows, and by a copy of them."""
    import ray

    @ray.remote(num_cpus=1)
    class Trial:
        def warm_up(self, small: Shared) -> str:
            import torch

            torch.set_num_threads(1)
            return evaluate_smote(small)

        def read(self, reference: list[Any]) -> dict[str, Any]:
            before = private_bytes()
            data = ray.get(reference[0])
            status, total = evaluate_smote(data), float(data.X.sum())
            return {
                "status": status,
                "grown": private_bytes() - before,
                "own": data.X.flags.owndata or data.X.flags.writeable,
                "total": total,
            }

        def copy(self, reference: list[Any]) -> int:
            before = private_bytes()
            copied = ray.get(reference[0]).X.copy()
            return private_bytes() - before + 0 * len(copied)

    ray.init("local", num_cpus=TRIALS, include_dashboard=False, logging_level=logging.ERROR)
    trials = [Trial.remote() for _ in range(TRIALS)]  # type: ignore[attr-defined]
    small, reference = shared_rows(8 * DRAWN), ray.put(shared_rows(ROWS))
    warmed = ray.get([trial.warm_up.remote(small) for trial in trials])
    read = ray.get([trial.read.remote([reference]) for trial in trials])
    copied = ray.get(trials[0].copy.remote([reference]))
    print(json.dumps({"warmed": warmed, "read": read, "copied": copied}))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_eight_trials_share_the_embeddings() -> None:
    done = subprocess.run(
        [sys.executable, __file__], capture_output=True, text=True, timeout=800, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["warmed"] == [trial["status"] for trial in found["read"]] == ["ok"] * TRIALS
    assert found["copied"] > 0.9 * BYTES  # a copy would be seen
    assert not any(trial["own"] for trial in found["read"])
    assert max(trial["grown"] for trial in found["read"]) < 0.1 * BYTES
    assert len({trial["total"] for trial in found["read"]}) == 1


if __name__ == "__main__":
    measure()
