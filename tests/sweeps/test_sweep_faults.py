"""What may go wrong while a sweep runs: killed processes, Ctrl-C, a full disk, no server, bad numbers."""

from __future__ import annotations

import json
import os
import random
import shlex
import signal
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil
import pytest

from sweeps.feed import MAX_ATTEMPTS
from sweeps.interrupt import Interrupts
from sweeps.ledger import read
from sweeps.ledger_state import State, state
from sweeps.places import places
from sweeps.prepare import Shared
from sweeps.standing import disagreements
from sweeps.trial import Job, Work, run_cell
from synaug.classifiers.options import MlpOptions
from synaug.errors import Exit
from synaug.outcome import Outcome
from tracking import PARENT, find_run, open_client
from tracking import summary as mlflow_summary

CELLS, WORKERS = 11, 2
FAST = MlpOptions(ladder=(1, 4), hidden=8)
MAIN = "\nfrom sweeps.cli.app import main\nmain()\n"
AS_IF_OUT_OF_MEMORY = """
import sweeps.tune_run
from ray.air.execution._internal.actor_manager import RayActorManager
from ray.exceptions import OutOfMemoryError, RayActorError

failed, deaths = RayActorManager._actor_task_failed, []

def second_death_is_of_memory(self, tracked_actor_task, exception):
    if isinstance(exception, RayActorError):
        deaths.append(exception)
        exception = OutOfMemoryError("as Ray's memory monitor says") if len(deaths) == 2 else exception
    failed(self, tracked_actor_task, exception)

RayActorManager._actor_task_failed = second_death_is_of_memory
"""
FULL_DISK = """
import errno
from sweeps import ledger

write, room = ledger.Ledger._write, [12]

def full(self, data):
    room[0] -= 1
    if room[0] < 0:
        raise ledger._refused(self.path, OSError(errno.ENOSPC, "No space left on device"))
    write(self, data)

ledger.Ledger._write = full
"""


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "tiny"


def count(out: Path, kind: str) -> int:
    """Lines of a kind in a ledger that is being written."""
    path = out / "ledger.jsonl"
    return path.read_text().count(f'"kind":"{kind}"') if path.exists() else 0


def ends_well(out: Path) -> State:
    """Every cell is there once in ledger, Optuna and MLflow, no result twice; return what the ledger says."""
    lines = read(out / "ledger.jsonl").lines
    results = Counter((x["trial_key"], x["replicate"]) for x in lines if x["kind"] == "result")
    assert set(results.values()) == {1}
    found = state(lines)
    assert len(found.cells) == CELLS
    assert {cell["status"] for cell in found.cells.values()} == {"ok"}
    assert disagreements(places(out, environment={}), "tiny", lines) == []
    return found


def starts(out: Path) -> Counter[str]:
    return Counter(x["trial_key"] for x in read(out / "ledger.jsonl").lines if x["kind"] == "start")


def parent_status(out: Path) -> str:
    client = open_client(places(out, environment={}).tracking_uri)
    run = find_run(client, client.get_experiment_by_name("tiny").experiment_id, PARENT)
    assert run is not None
    return str(run.info.status)


def at_work(process: Any) -> list[psutil.Process]:
    """Ray's worker processes that hold a cell."""
    found = []
    for child in psutil.Process(process.process.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # it ended meanwhile
            if "ImplicitFunc" in "".join(child.cmdline()[:1]):
                found.append(child)
    return found


@pytest.mark.slow
def test_a_driver_killed_twice_goes_on_where_it_was(
    workshop: Any, finished: Any, out: Path, wait_for: Any, started: list[Any], design_scores: Any
) -> None:
    for point in sorted(random.Random(5).sample(range(2, 18), 2)):
        driver = workshop.start("sweep", out, "--workers", WORKERS)
        started.append(driver)
        wait_for(driver, lambda point=point: count(out, "result") >= point)
        workers = at_work(driver)
        assert workers
        driver.kill()
        _, alive = psutil.wait_procs(workers, timeout=60)
        assert not alive, "workers of the killed driver live on"
    code, text = workshop.run("sweep", out, "--workers", WORKERS)
    assert code == 0, text
    found = ends_well(out)
    assert starts(out).total() <= CELLS + 2 * WORKERS
    assert max(cell["attempt"] for cell in found.cells.values()) > 1
    assert design_scores(read(out / "ledger.jsonl").lines) == design_scores(finished.lines)


@pytest.mark.slow
def test_after_ctrl_c_the_command_that_is_named_goes_on(
    workshop: Any, out: Path, wait_for: Any, started: list[Any], tmp_path: Path
) -> None:
    sweep = workshop.start("sweep", out, "--workers", WORKERS)
    started.append(sweep)
    wait_for(sweep, lambda: count(out, "result") >= 4)
    sweep.interrupt()
    assert sweep.wait(60) == 130, sweep.text
    assert "Traceback" not in sweep.text
    assert 0 < count(out, "cell") < CELLS
    assert parent_status(out) == "KILLED"
    named = next(line for line in sweep.text.splitlines() if "synaug sweep" in line)
    command = shlex.split(named[named.index("synaug sweep") :])[1:]
    again = type(sweep)([*command, "--workers", str(WORKERS)], tmp_path / "again.log")
    assert again.wait() == 0, again.text
    ends_well(out)
    assert parent_status(out) == "FINISHED"


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, Exit.INTERRUPTED), (signal.SIGTERM, Exit.TERMINATED)]
)
def test_the_first_signal_ends_the_sweep_cleanly_and_the_second_at_once(
    monkeypatch: pytest.MonkeyPatch, number: signal.Signals, code: Exit
) -> None:
    stopped: list[str] = []
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    interrupts, before = Interrupts(SimpleNamespace(stop=stopped.append)), signal.getsignal(number)  # type: ignore[arg-type]
    with interrupts.caught() as halt:
        assert not halt.now
        signal.raise_signal(number)
        assert (interrupts.exit, halt.now, ended) == (code, True, [])
        assert number.name in stopped[0]
        signal.raise_signal(number)
        assert ended == [code]
    assert signal.getsignal(number) is before


@pytest.mark.slow
def test_a_worker_that_dies_is_replaced_also_where_tune_gives_up(
    workshop: Any, out: Path, wait_for: Any, started: list[Any]
) -> None:
    """The second death comes as the memory monitor's error, at which Tune ends its run."""
    sweep = workshop.start("sweep", out, "--workers", WORKERS, code=AS_IF_OUT_OF_MEMORY + MAIN)
    started.append(sweep)
    for results in (2, 8):
        workers = wait_for(sweep, lambda results=results: count(out, "result") >= results and at_work(sweep))
        workers[0].kill()
    assert sweep.wait() == 0, sweep.text
    found = ends_well(out)
    assert 1 < max(cell["attempt"] for cell in found.cells.values()) <= MAX_ATTEMPTS
    assert CELLS < starts(out).total() <= CELLS + 1 + WORKERS
    assert "died" in sweep.text


@pytest.mark.slow
def test_a_full_disk_ends_the_sweep_with_what_to_do(workshop: Any, out: Path) -> None:
    sweep = workshop.start("sweep", out, "--workers", WORKERS, code=FULL_DISK + MAIN)
    assert sweep.wait() == 6, sweep.text
    assert "No space left on device" in sweep.text
    assert "run again: finished work is kept" in sweep.text
    assert "Traceback" not in sweep.text
    assert len(read(out / "ledger.jsonl").lines) == 12
    assert parent_status(out) == "KILLED"


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that is taken and at which nobody answers."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield int(holder.getsockname()[1])


@pytest.mark.slow
def test_without_a_server_the_sweep_ends_well_and_sync_catches_up(
    workshop: Any, out: Path, closed_port: int, tmp_path: Path
) -> None:
    code, text = workshop.run("sweep", out, "--tracking-uri", f"http://127.0.0.1:{closed_port}")
    assert code == 0, text
    assert f"{CELLS} cells not yet in MLflow" in text
    assert f"synaug sync {out}" in " ".join(text.split())
    store = f"sqlite:///{tmp_path / 'store' / 'mlflow.db'}"
    (tmp_path / "store").mkdir()
    found = []
    for expected in (f"sent {CELLS} cells", "sent 0 cells"):
        code, text = workshop.run("sync", out, "--tracking-uri", store)
        assert code == 0, text
        assert expected in text
        found.append(mlflow_summary(store, "tiny"))
    assert found[0] == found[1]
    where = places(out, store, environment={})
    assert disagreements(where, "tiny", read(out / "ledger.jsonl").lines) == []
    artifacts = list((tmp_path / "store" / "mlartifacts").rglob("*.png"))
    assert Counter(path.name for path in artifacts)["confusion.png"] == CELLS


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


@pytest.mark.parametrize("score", [np.nan, np.inf, -np.inf])
def test_a_score_that_is_no_number_is_a_failure(
    shared: Shared, reported: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, score: float
) -> None:
    bad = Outcome("ok", scored_on="dev", scores={"dev_balanced_accuracy": score})
    monkeypatch.setattr("sweeps.trial.evaluate", lambda *_, **__: bad)
    run_cell(work("none"), [shared], Job(FAST, None))
    assert [x["status"] for x in reported] == ["failed", "failed"]
    assert "not JSON compliant" in reported[0]["reason"]


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
