"""A worker's part of a ledger line: what it reports, and that pools of a costly arm are made once a node."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweeps import trial
from sweeps.prepare import Shared
from sweeps.trial import Job, Work, run_cell
from synaug import vae_training
from synaug.classifiers.options import MlpOptions
from synaug.imbalance import Draw
from synaug.randomness import Streams

Y = np.arange(80) % 8 // 6
X = np.random.default_rng(0).normal(size=(80, 6)).astype(np.float32)
ROWS = np.arange(80)
FAST = MlpOptions(ladder=(1, 4), hidden=8)
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


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What a worker reports, without Ray."""
    import ray
    from ray import tune

    lines: list[dict[str, Any]] = []
    monkeypatch.setattr(ray, "get", lambda reference: reference)
    monkeypatch.setattr(tune, "report", lambda metrics: lines.append(json.loads(metrics["line"])))
    return lines


def work(arm: str = "none", **settings: Any) -> dict[str, Any]:
    return vars(Work("k", arm, settings, (0, 1), sketch=True))


def test_a_worker_reports_a_line_a_replicate(shared: Shared, reported: list[dict[str, Any]]) -> None:
    run_cell(work("smote", k=3), [shared], Job(FAST, None))
    assert [(x["replicate"], x["status"], x["scored_on"]) for x in reported] == [
        (0, "ok", "dev"),
        (1, "ok", "dev"),
    ]
    assert "sketch" in reported[0]
    assert "sketch" not in reported[1]


def test_a_training_that_diverges_fails_with_its_reason(
    shared: Shared, reported: list[dict[str, Any]]
) -> None:
    run_cell(work(), [shared], Job(MlpOptions(ladder=(1, 40), hidden=8, learning_rate=1e38), None))
    assert [x["status"] for x in reported] == ["failed", "failed"]
    assert "non_finite" in reported[0]["reason"]


def test_an_error_of_the_code_is_a_result_with_its_trace(
    shared: Shared, reported: list[dict[str, Any]]
) -> None:
    run_cell(work("smote", k=0), [shared], Job(FAST, None))
    assert [x["status"] for x in reported] == ["failed", "failed"]
    assert reported[0]["reason"].startswith("SynaugError: ")
    assert "Traceback" in reported[0]["trace"]


def test_a_method_that_does_not_apply_says_why(shared: Shared, reported: list[dict[str, Any]]) -> None:
    run_cell(work("smote", k=40), [shared], Job(FAST, None))
    assert [x["status"] for x in reported] == ["not_applicable"] * 2
    assert reported[0]["reason"]
