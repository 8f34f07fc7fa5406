"""Faults of what a sweep writes: Optuna's storage, the ledger, a folder that two want."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest

from sweeps import launch
from sweeps.ledger import Ledger
from tests.faults.bench import CELLS, Here


def optuna_file(here: Here) -> Path:
    return here.out.parent / "optuna.db"


def lock(file: Path) -> sqlite3.Connection:
    """Hold Optuna's SQLite file as another program would."""
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    return other


def test_F16_a_storage_that_stays_locked_stops_nothing(
    here: Here, clean: Here, scores_of: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "LOCKED_SECONDS", 2.0)
    here.sweep("--max-time", "0.000001s", exit=0)  # makes the storage, and starts no cell
    other = lock(optuna_file(here))
    text = here.sweep()
    assert "database is locked" in text
    assert f"synaug rebuild-study {here.out}" in text
    other.close()
    assert scores_of(here.lines) == scores_of(clean.lines)
    assert here.run("verify", "--strict")[0] == 9
    assert here.run("rebuild-study")[0] == 0
    here.verify()


def test_F16_a_lock_that_goes_while_the_sweep_runs_leaves_no_trace(here: Here) -> None:
    held: list[sqlite3.Connection] = []

    def hold(number: int, _: Any) -> None:
        if number == 2:
            held.append(lock(optuna_file(here)))
        if number == 4:
            held.pop().close()

    here.before = hold
    assert "rebuild-study" not in here.sweep()
    here.verify()


@pytest.mark.parametrize("damage", ["torn", "no database"])
def test_F17_a_damaged_storage_is_made_anew_from_the_ledger(
    here: Here, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "LOCKED_SECONDS", 1.0)
    here.before = lambda number, _: os.kill(os.getpid(), signal.SIGTERM) if number == 4 else None
    here.sweep(exit=143)
    file = optuna_file(here)
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2] if damage == "torn" else b"no database " * 400)
    here.before = lambda number, _: None
    assert "Optuna's studies: " in here.sweep()
    code, text = here.run("rebuild-study")
    assert code == 5, text
    assert f"move {file} away" in text
    file.rename(here.out / "damaged.db")
    assert here.run("rebuild-study")[0] == 0
    here.verify()


def test_F18_a_torn_last_line_is_dropped_and_said(
    here: Here, clean: Here, scores_of: Callable[[Any], Any]
) -> None:
    here.before = lambda number, _: os.kill(os.getpid(), signal.SIGTERM) if number == 4 else None
    here.sweep(exit=143)
    with here.ledger.open("ab") as file:
        file.write(b'{"at":"2026-01-')
    here.before = lambda number, _: None
    assert "dropped 15 bytes of a line that was cut off" in here.sweep()
    here.verify()
    assert scores_of(here.lines) == scores_of(clean.lines)


def test_F18_a_bad_line_in_the_middle_is_refused_and_kept(here: Here) -> None:
    here.sweep("--max-time", "0.000001s")
    here.sweep()
    good = here.ledger.read_bytes()
    lines = good.splitlines(keepends=True)
    lines[2] = lines[2].replace(b'"at":"2', b'"at":"3')  # two bits
    here.ledger.write_bytes(b"".join(lines))
    text = here.sweep(exit=9)
    assert "line 3 cannot be relied on: its crc does not fit" in text
    assert (here.out / "ledger.jsonl.bad-1").read_bytes() == b"".join(lines)
    here.ledger.write_bytes(good)
    here.sweep()
    here.verify()


def test_F19_a_sampler_that_repeats_itself_makes_no_second_trial(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every ask is answered with a point of the design, as if it had been enqueued again and again."""
    ask = optuna.study.Study.ask

    def repeat(study: optuna.study.Study, fixed_distributions: Any = None) -> optuna.trial.Trial:
        known = {"k": 1, "ratio": 100.0}
        study.enqueue_trial({name: known[name] for name in fixed_distributions})
        return ask(study, fixed_distributions)

    monkeypatch.setattr(optuna.study.Study, "ask", repeat)
    here.sweep()
    trained = Counter((x["trial_key"], x["replicate"]) for x in here.lines if x["kind"] == "result")
    assert set(trained.values()) == {1}
    assert here.count("start") == here.count("cell") == len(here.statuses) == CELLS
    here.sweep()  # and nothing is trained again
    assert here.count("start") == CELLS
    here.verify()


def test_F20_who_comes_second_is_told_who_holds_the_folder_and_writes_nothing(here: Here) -> None:
    with Ledger(here.out, "tiny") as held:
        text = here.sweep(exit=7)
        assert f"is being written by host {socket.gethostname()}, pid {os.getpid()}, since " in text
        assert held.path.read_bytes() == b""
    here.sweep()
    here.verify()


def test_F21_sigterm_ends_the_sweep_cleanly(here: Here, clean: Here, scores_of: Callable[[Any], Any]) -> None:
    here.before = lambda number, _: os.kill(os.getpid(), signal.SIGTERM) if number == 4 else None
    text = here.sweep(exit=143)
    assert "interrupted by SIGTERM" in text
    assert 0 < here.count("cell") < CELLS
    here.before = lambda number, _: None
    here.sweep()
    here.verify()
    assert scores_of(here.lines) == scores_of(clean.lines)
