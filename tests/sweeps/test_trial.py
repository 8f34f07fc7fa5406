"""A worker's part of a ledger line: pools of a costly arm are made once a node."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweeps import trial
from sweeps.prepare import Shared
from sweeps.trial import Job, Work
from synaug import vae_training
from synaug.classifiers.options import MlpOptions
from synaug.imbalance import Draw
from synaug.randomness import Streams

Y = np.arange(80) % 8 // 6
X = np.random.default_rng(0).normal(size=(80, 6)).astype(np.float32)
ROWS = np.arange(80)
DATA = Shared(
    X, Y, ("a", "b"), Streams(0, "5eed" * 16), (Draw(0, ROWS, ROWS // 8 % 2, ROWS[:0]),), ({},), ROWS[:0]
)


def test_cells_that_differ_in_the_ratio_share_their_pools(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, generate = [], vae_training.generate

    def counted(data: Any, settings: Any) -> Any:
        calls.append(len(data))
        return generate(data, settings)

    monkeypatch.setattr(vae_training, "generate", counted)
    monkeypatch.setenv("SYNAUG_CACHE", str(tmp_path))
    trial._pool_cache.cache_clear()
    for ratio in (0.0, 50.0, 100.0):
        settings = {"latent": 2, "epochs": 3, "ratio": ratio}
        work = Work("0" * 16, "vae", settings, [0], sketch=True)
        line = json.loads(trial._line(work, 0, DATA, Job(MlpOptions((1, 2), 4), None)))
        assert line["status"] == "ok"
        assert bool(line["sketch"]) == bool(ratio)
        assert (tmp_path / "pools").exists() == bool(ratio)
    assert calls == [1, 1]  # each fold once
    trial._pool_cache.cache_clear()
