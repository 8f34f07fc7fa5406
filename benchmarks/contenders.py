"""The processes that ``throughput`` compares, each started fresh and watched until it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeps.ledger import read

SYNAUG = [sys.executable, "-c", "from sweeps.cli.app import main; main()"]
POLL = 0.02  # seconds; the ledger's own time stamps are whole seconds


@dataclass(frozen=True)
class Scored:
    """One finished cell.

    Attributes:
        arm: its method.
        ratio: synthetic rows in per cent of the deficit.
        began: ``time.time()`` when its numerical work began.
        ended: ``time.time()`` when its result was there.
        scores: balanced accuracy on held-out folds, by a name of the budget; fractions.
        epochs: passes over the rows of a training.
    """

    arm: str
    ratio: float
    began: float
    ended: float
    scores: Mapping[str, float]
    epochs: float


@dataclass(frozen=True)
class Watched:
    """One sweep from the start of its process to its end.

    Attributes:
        cells: its cells.
        started: ``time.time()`` when the process was started.
        exited: ``time.time()`` when it had ended.
    """

    cells: tuple[Scored, ...]
    started: float
    exited: float

    @property
    def steady(self) -> float:
        """Cells an hour from the first cell's first work to the last cell's result.

        The picture that a worker of synaug draws after its first cell counts as start-up; all others count.
        """
        began, ended = min(c.began for c in self.cells), max(c.ended for c in self.cells)
        return 3600 * len(self.cells) / (ended - began)

    @property
    def whole(self) -> float:
        """Cells an hour from the start of the process to its end."""
        return 3600 * len(self.cells) / (self.exited - self.started)

    @property
    def start_up(self) -> float:
        """Seconds from the start of the process to the first cell's first work, imports included."""
        return min(c.began for c in self.cells) - self.started

    @property
    def closing(self) -> float:
        """Seconds from the last cell's result to the end of the process, MLflow's backlog included."""
        return self.exited - max(c.ended for c in self.cells)


def run_synaug(spec: Path, out: Path) -> Watched:
    """Run ``synaug sweep`` and take note of when each result is in its ledger."""
    started = time.time()
    process = _start([*SYNAUG, "sweep", str(spec), "--out", str(out)], out.parent / "synaug.log")
    lines: list[tuple[float, Mapping[str, Any]]] = []
    while process.poll() is None:
        lines += _new(out / "ledger.jsonl", len(lines))
        time.sleep(POLL)
    exited = time.time()
    lines += _new(out / "ledger.jsonl", len(lines))
    _check(process, out.parent / "synaug.log")
    cells = [_of_line(at, line) for at, line in lines if line["kind"] == "result"]
    return Watched(tuple(cells), started, exited)


def _new(ledger: Path, known: int) -> list[tuple[float, Mapping[str, Any]]]:
    """Lines of the ledger beyond the first ``known``, with the time at which they were seen."""
    found = read(ledger, strict=False).lines[known:] if ledger.exists() else ()
    return [(time.time(), line) for line in found]


def _of_line(at: float, line: Mapping[str, Any]) -> Scored:
    scores = {str(rung["steps"]): float(rung["cv_balanced_accuracy"]) for rung in line["curve"]}
    scores["chosen"] = float(line["scores"]["cv_balanced_accuracy"])
    config, seconds = line["config"], float(line["seconds"]["total"])
    last = float(line["curve"][-1]["steps"])
    return Scored(config["arm"], float(config["ratio"]), at - seconds, at, scores, last)


def run_script(module: str, data: Path, cells: Path, out: Path) -> Watched:
    """Run one of the two scripts on the same cells."""
    out.mkdir(parents=True)
    started, log = time.time(), out / "script.log"
    command = [sys.executable, "-m", module, str(data), str(cells), str(out)]
    process = _start(command, log)
    process.wait()
    exited = time.time()
    _check(process, log)
    results = json.loads((out / "results.json").read_text())
    return Watched(tuple(_of_result(result) for result in results), started, exited)


def _of_result(result: Mapping[str, Any]) -> Scored:
    score = {"chosen": float(result["balanced_accuracy"])}
    times = float(result["began"]), float(result["ended"])
    return Scored(result["arm"], float(result["ratio"]), *times, score, float(result["epochs"]))


def _start(command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    quiet = {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore", "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1"}
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        return subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **quiet})


def _check(process: subprocess.Popen[bytes], log: Path) -> None:
    if process.returncode:
        raise RuntimeError(f"exit code {process.returncode}:\n{log.read_text()[-4000:]}")
