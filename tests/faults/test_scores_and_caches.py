"""Faults of numbers and of files that were there before: bad scores, damaged embeddings."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweeps import trial
from sweeps.storage import summary as optuna_summary
from sweeps.trial import Work
from synaug.cache import EmbeddingCache
from synaug.outcome import Outcome
from tests.faults.bench import Here
from tracking import summary as mlflow_summary

KEY = "0123456789abcdef"


@pytest.mark.parametrize("score", [np.nan, np.inf, -np.inf, None, "x"], ids=str)
def test_F07_a_score_that_is_no_number_is_a_failure(
    here: Here, monkeypatch: pytest.MonkeyPatch, score: object
) -> None:
    bad, real = Outcome("ok", scored_on="dev", scores={"dev_balanced_accuracy": score}), trial.evaluate  # type: ignore[dict-item]
    spoilt: list[str] = []

    def evaluate(method: Any, *rest: Any, **more: Any) -> Outcome:
        return bad if method.settings().get("k") == 1 else real(method, *rest, **more)

    def note(_: int, work: Work) -> None:
        if work.settings.get("k") == 1:
            spoilt.append(work.key)

    monkeypatch.setattr(trial, "evaluate", evaluate)
    here.before = note
    text = here.sweep("--trials", 0, exit=8)
    [key] = spoilt
    cell = here.state.cells[key]
    assert cell["status"] == "failed"
    assert cell["reason"] == f"replicate 0: non_finite: dev_balanced_accuracy is {score!r}"
    assert "value" not in cell
    assert f"synaug logs {here.out} {key}" in text
    assert [k for k, status in here.statuses.items() if status != "ok"] == [key]
    assert optuna_summary(f"sqlite:///{here.out.parent / 'optuna.db'}", "tiny")[key] == ["FAIL"]
    [(_, status)] = mlflow_summary(f"sqlite:///{here.out.parent / 'mlflow.db'}", "tiny")[key]
    assert status == "FAILED"
    here.verify()


def flip(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)


def reshape(path: Path) -> None:
    sidecar = path.with_suffix(".json")
    facts = json.loads(sidecar.read_text())
    sidecar.write_text(json.dumps(facts | {"shape": facts["shape"][::-1]}))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:100]),
    "flipped bit": flip,
    "empty": lambda path: path.write_bytes(b""),
    "wrong shape": reshape,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_F23_damaged_embeddings_are_set_aside_and_made_again(
    here: Here,
    clean: Here,
    scores_of: Callable[[Any], Any],
    damage: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("SYNAUG_CACHE", str(tmp_path / "cache"))
    here.sweep("--max-time", "0.000001s")  # fills the cache and starts no cell
    files = sorted((tmp_path / "cache" / "embeddings").glob("*.npy"))
    assert files
    for path in files:
        DAMAGES[damage](path)
    with caplog.at_level(logging.WARNING):
        here.sweep()
    assert "is set aside as *.bad" in caplog.text
    assert all(path.with_name(f"{path.name}.bad").exists() for path in files)
    assert scores_of(here.lines) == scores_of(clean.lines)
    here.verify()


def test_F25_a_crash_while_writing_leaves_no_entry(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, numpy as np, synaug.cache as c\n"
        f"cache = c.EmbeddingCache(pathlib.Path({str(tmp_path)!r}))\n"
        "c.np.save = lambda file, *_, **__: (file.write(b'half'), file.flush(), os._exit(3))\n"
        f"cache.put({KEY!r}, np.zeros(3))\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 3
    cache = EmbeddingCache(tmp_path)
    assert list(tmp_path.glob("*.npy")) == []
    assert cache.get(KEY) is None
