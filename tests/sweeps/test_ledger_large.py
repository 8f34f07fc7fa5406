"""A large ledger stays on the disk, and says the same as one that is held in memory."""

from __future__ import annotations

import json
import random
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from sweeps import ledger
from sweeps.analysis.records import records
from sweeps.answers import ask
from sweeps.ledger import read
from sweeps.ledger_state import state
from sweeps.stored import StoredLine


@pytest.fixture
def all_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "LARGE", 0)


def test_it_says_the_same(finished: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = finished.out / "ledger.jsonl"
    held = read(path)
    monkeypatch.setattr(ledger, "LARGE", 0)
    stored = read(path)
    assert all(isinstance(line, StoredLine) for line in stored.lines)
    assert [dict(line) for line in stored.lines] == [dict(line) for line in held.lines]
    assert (stored.size, stored.torn) == (held.size, held.torn)
    assert records(stored.lines).equals(records(held.lines))
    assert ask(stored.lines, "method") == ask(held.lines, "method")
    assert state(stored.lines).replicates == state(held.lines).replicates


@pytest.mark.usefixtures("all_large")
def test_only_long_fields_are_read_again(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_text(json.dumps({"kind": "result", "trial_key": "a", "scores": {"x": 1}}) + "\n")
    (line,) = read(path, strict=False).lines
    path.unlink()
    assert (line["trial_key"], len(line), list(line)) == ("a", 3, ["kind", "trial_key", "scores"])
    with pytest.raises(FileNotFoundError):
        line["scores"]
    with pytest.raises(KeyError):
        line["reason"]


@pytest.mark.usefixtures("all_large")
def test_memory_does_not_grow_with_the_curves(tmp_path: Path) -> None:
    path, numbers = tmp_path / "ledger.jsonl", random.Random(0)
    with path.open("w") as file:
        for number in range(400):
            curve = [{"steps": step, "train_recall": numbers.random()} for step in range(400)]
            line = {"kind": "result", "trial_key": f"{number:016x}", "replicate": 0, "config": {"arm": "ros"}}
            file.write(json.dumps({**line, "curve": curve}) + "\n")
    size = path.stat().st_size
    tracemalloc.start()
    found = state(read(path, strict=False).lines)
    taken, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found.results) == 400
    assert taken < size / 10
    assert peak < size / 2
    assert found.results[f"{7:016x}", 0]["curve"][3]["steps"] == 3
