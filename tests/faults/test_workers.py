"""Faults of cells and their processes, on real Ray: killed, out of memory, poison, hung."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from sweeps.ledger_state import State
from sweeps.storage import summary as optuna_summary
from tests.faults.bench import Here
from tests.faults.workers import attempts_at, misbehaving
from tests.sweeps.conftest import Workshop
from tracking import open_client
from tracking import summary as mlflow_summary

pytestmark = pytest.mark.slow

DIES_ONCE = {"arm": "ros", "ratio": 50.0}  # in its first attempt, as when the kernel kills it
POISON = {"arm": "smote", "k": 1}
MISTAKE = {"arm": "smote", "k": 3}
HANGS = {"arm": "none"}
SECONDS = 12  # that an attempt may take: the cells that do not hang take less than one


@dataclass(frozen=True)
class Crashed:
    """A sweep that ended, in which cells misbehaved."""

    here: Here
    code: int
    text: str
    marks: Path

    @property
    def state(self) -> State:
        return self.here.state

    def cell(self, settings: dict[str, Any]) -> Any:
        """The last line of a cell by its settings."""
        return next(
            line for line in self.state.cells.values() if settings.items() <= dict(line["config"]).items()
        )

    def attempts(self, settings: dict[str, Any]) -> list[int]:
        """The attempts at a cell that misbehaves; one that lives makes one mark a replicate."""
        return sorted(set(attempts_at(self.marks, self.cell(settings)["trial_key"])))


def crash(
    bench: Workshop, folder: Path, faults: list[tuple[dict[str, Any], str]], *options: object
) -> Crashed:
    """Run a sweep in which cells misbehave."""
    here, marks = Here(bench.spec, folder / "runs" / "tiny"), folder / "marks"
    marks.mkdir()
    code = misbehaving(list(faults), marks)
    process = bench.start("sweep", here.out, "--workers", 2, "--trials", 0, *options, code=code)
    return Crashed(here, process.wait(280), " ".join(process.text.split()), marks)


@pytest.fixture(scope="module")
def crashed(bench: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Crashed:
    """One sweep with four kinds of trouble; Ray's memory monitor is off, as where a cgroup kills."""
    faults = [(DIES_ONCE, "kill once"), (POISON, "kill"), (MISTAKE, "raise"), (HANGS, "hang")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_memory_monitor_refresh_ms", "0")
        folder = tmp_path_factory.mktemp("crashed")
        return crash(bench, folder, faults, "--cell-timeout", f"{SECONDS}s", "--max-failed", 5)


@pytest.mark.parametrize("how", ["F03", "F06"])
def test_a_process_that_is_killed_is_replaced(
    crashed: Crashed, clean: Here, scores_of: Callable[[Any], Any], how: str
) -> None:
    """F03, and F06: without Ray's memory monitor the kernel's kill looks the same."""
    cell = crashed.cell(DIES_ONCE)
    assert crashed.attempts(DIES_ONCE) == [1, 2]
    assert (cell["status"], cell["attempt"]) == ("ok", 2)
    assert "ros ratio=50: attempt 1: its process died" in crashed.text
    fine = {key for key, found in crashed.state.cells.items() if found["status"] == "ok"}
    good, wanted = (
        {key: scores for key, scores in scores_of(here.lines).items() if key[0] in fine}
        for here in (crashed.here, clean)
    )
    assert good == wanted
    assert len(fine) == len(crashed.state.cells) - 3
    crashed.here.verify()


def test_F08_poison_is_given_up_and_named_and_a_mistake_is_tried_once(crashed: Crashed) -> None:
    assert crashed.code == 8
    poison, mistake = crashed.cell(POISON), crashed.cell(MISTAKE)
    assert (crashed.attempts(MISTAKE), crashed.attempts(POISON)) == ([1], [1, 2, 3])
    assert poison["status"] == mistake["status"] == "failed"
    assert poison["reason"] == "poison: in 3 attempts its process died"
    assert mistake["reason"] == "replicate 0: ValueError: a mistake of the code"
    for cell in (poison, mistake):
        assert f"synaug logs {crashed.here.out} {cell['trial_key']}" in crashed.text
    code, said = crashed.here.run("logs", mistake["trial_key"])
    assert code == 0
    assert "Traceback" in said
    crashed.here.verify()


def test_F09_a_hung_cell_is_ended_and_tells_where_it_hung(crashed: Crashed) -> None:
    cell = crashed.cell(HANGS)
    key = cell["trial_key"]
    assert crashed.attempts(HANGS) == [1, 2, 3]
    assert cell["status"] == "failed"
    assert cell["reason"].startswith("timeout: in 3 attempts it ran longer than limits.cell_timeout")
    assert "hang_in_this_function" in (crashed.here.out / "logs" / f"{key}.txt").read_text()
    uri = f"sqlite:///{crashed.here.out.parent / 'mlflow.db'}"
    [(run_id, status)] = mlflow_summary(uri, "tiny")[key]
    assert status == "FAILED"
    run = open_client(uri).get_run(run_id)
    stack = Path(run.info.artifact_uri.removeprefix("file://")) / "stack.txt"
    assert "hang_in_this_function" in stack.read_text()
    assert optuna_summary(f"sqlite:///{crashed.here.out.parent / 'optuna.db'}", "tiny")[key] == ["FAIL"]
    crashed.here.verify()


def test_F05_a_cell_that_takes_all_memory_fails_alone(
    bench: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is set a little above what is in use now, so that the machine never comes near its end."""
    memory = psutil.virtual_memory()
    room, greed = 5 << 30, 10 << 10  # bytes until the monitor acts; MiB that the cell asks for
    if memory.available < (greed << 20) + room:
        pytest.skip(f"needs {greed >> 10} GiB of memory and as much again to be safe")
    threshold = (memory.total - memory.available + room) / memory.total
    monkeypatch.setenv("RAY_memory_usage_threshold", f"{threshold:.4f}")
    monkeypatch.setenv("RAY_memory_monitor_refresh_ms", "100")
    faults = [(POISON, f"allocate {greed}")]
    crashed = crash(bench, tmp_path, faults, "--workers", 1)  # of several, Ray might choose another
    assert crashed.code == 8, crashed.text
    cell = crashed.cell(POISON)
    assert cell["status"] == "failed"
    assert cell["reason"].startswith("poison: in 3 attempts it was killed for want of memory")
    assert "it used" in cell["reason"]
    others = [line for key, line in crashed.state.cells.items() if key != cell["trial_key"]]
    assert {line["status"] for line in others} == {"ok"}
    crashed.here.verify()
