"""Sweeps from a script."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sweeps import load_sweep, run_sweep
from sweeps.ledger import read
from sweeps.ledger_state import state
from synaug.errors import SynaugError

pytestmark = pytest.mark.slow


def test_records_are_tidy_and_answers_are_those_of_the_ledger(finished: Any) -> None:
    sweep = load_sweep(finished.out)
    frame = sweep.records()
    assert len(frame) == len(state(finished.lines).results)
    assert set(frame["arm"]) == {"none", "logit_adjust", "class_weight", "ros", "smote"}
    assert frame["score"].between(0, 1).all()
    answers = sweep.ask("method")
    assert answers.question == "method"
    assert answers.answers[0].budget == "own_best"


def test_a_folder_without_a_sweep_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SynaugError, match="holds no sweep"):
        load_sweep(tmp_path)


def test_a_bad_spec_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(SynaugError, match="smoet"):
        run_sweep({"name": "mine", "arms": ["smoet"]}, tmp_path / "runs" / "mine")
    assert list(tmp_path.iterdir()) == []


def test_a_declared_gate_is_opened_at_the_end_and_once(workshop: Any, tmp_path: Path) -> None:
    out = tmp_path / "runs" / "declared"
    options = ["--set", "test={cells: all}", "--set", "arms=[none, ros]", "--set", "design=defaults"]
    code, text = workshop.run("sweep", out, *options, "--trials", 0)
    assert code == 0, text
    lines = read(out / "ledger.jsonl").lines
    found = state(lines)
    assert found.gate is not None
    assert set(found.gate) == set(found.cells)
    assert set(found.tests) == {(key, replicate) for key in found.cells for replicate in range(2)}
    code, text = workshop.run("sweep", out, *options, "--trials", 0)
    assert code == 0, text
    again = read(out / "ledger.jsonl").lines
    assert [line for line in again if line["kind"] == "test"] == [x for x in lines if x["kind"] == "test"]
