"""A tiny data set and encoder, the command line as a process, and one finished sweep that tests read."""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from filelock import FileLock

from sweeps.ledger import Line, read
from sweeps.ledger_state import state
from sweeps.prepare import Shared
from synaug.imbalance import ImbalanceOptions, draw, split
from synaug.neighbors import NeighborGraph, depth_for
from synaug.randomness import Streams

CANARY = "zqxcanary"  # a word of every text, which no other record may hold
WORDS = {"beetle": ["wing", "shell", "leg", "antenna"], "teapot": ["lid", "spout", "handle", "steam"]}
FILLERS = ["the", "a", "of", "and", "with", "small", "large", "old", "new", "one"]
SYNAUG = [sys.executable, "-c", "from sweeps.cli.app import main; main()"]
SECONDS = 800  # until a process of a test counts as hung
SCORES = ("status", "chosen_steps", "scores", "curve", "folds", "per_class", "confusion", "counts")


class Synaug:
    """One ``synaug`` process in a session of its own, and what it says.

    Args:
        arguments: of the command line.
        log: takes stdout and stderr.
        code: Python code that runs instead of the plain command line.
    """

    def __init__(self, arguments: list[str], log: Path, code: str | None = None):
        self.log = log
        command = SYNAUG if code is None else [sys.executable, "-c", code]
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [*command, *arguments], stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )

    @property
    def text(self) -> str:
        """What it has said so far."""
        return self.log.read_text()

    def wait(self, seconds: float = SECONDS) -> int:
        """Wait for its end and return the exit code; one that hangs is killed and fails the test."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            pytest.fail(f"still running after {seconds} s:\n{self.text}")
        finally:  # also when pytest's own time limit or Ctrl-C ends the wait
            if self.process.poll() is None:
                self.kill()

    def kill(self) -> None:
        """Kill the process alone, as the kernel would."""
        self.process.kill()
        self.process.wait()

    def interrupt(self) -> None:
        """Send SIGINT to the whole process group, as Ctrl-C in a terminal does."""
        os.killpg(self.process.pid, signal.SIGINT)


@dataclass(frozen=True)
class Workshop:
    """Everything a sweep needs: ``data.csv``, ``encoder`` and ``spec.yaml`` in one folder."""

    folder: Path

    @property
    def spec(self) -> Path:
        return self.folder / "spec.yaml"

    def start(self, command: str, out: Path, *options: object, code: str | None = None) -> Synaug:
        """Start ``synaug COMMAND`` on a sweep's folder."""
        out.parent.mkdir(parents=True, exist_ok=True)
        where = [str(self.spec), "--out", str(out)] if command == "sweep" else [str(out)]
        log = out.parent / f"{out.name}-{command}-{time.monotonic_ns()}.log"
        return Synaug([command, *where, *map(str, options)], log, code)

    def run(self, command: str, out: Path, *options: object) -> tuple[int, str]:
        """Run ``synaug COMMAND`` on a sweep's folder; return the exit code and what it said."""
        process = self.start(command, out, *options)
        return process.wait(), process.text


@dataclass(frozen=True)
class Finished:
    """A sweep that ended: its folder, exit code, output and ledger as they were then."""

    out: Path
    code: int
    text: str
    lines: tuple[Line, ...]

    @property
    def tracking_uri(self) -> str:
        return f"sqlite:///{self.out.parent / 'mlflow.db'}"


def write_data(path: Path, changed: bool = False) -> None:
    """Write 240 short texts of two classes, 160 and 80, as CSV."""
    draw = random.Random(7)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "label"])
        for number in range(240):
            label = "teapot" if number % 3 == 0 else "beetle"
            words = [*draw.choices(WORDS[label], k=3), *draw.choices(FILLERS, k=3)]
            tail = " changed" if changed and number == 0 else ""
            rows.writerow([f"{CANARY} {' '.join(draw.sample(words, 6))} {number}{tail}", label])


def tiny_spec(folder: Path) -> dict[str, Any]:
    return {
        "name": "tiny",
        "data": {"source": str(folder / "data.csv")},
        "encoder": {"model": str(folder / "encoder"), "max_length": 16, "dtype": "float32"},
        "imbalance": {"kind": "minority", "minority": ["teapot"], "n_majority": 60, "n_minority": 20},
        "folds": 3,
        "precision": "float32",
        "replicates": 2,
        "classifier": {"hidden": 16, "ladder": [1, 4, 16]},
        "arms": ["none", "logit_adjust", "class_weight", "ros", "smote"],
        "design": "one_factor",
        "space": {"ratio": [50, 100], "k": [1, 3], "metric": ["euclidean"]},
        "controls": 0,
        "search": {"trials": 1},
    }


@pytest.fixture(scope="session")
def common(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the processes of pytest-xdist have in common."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def workshop(common: Path, save_bert: Callable[..., None]) -> Workshop:
    folder = common / "workshop"
    with FileLock(common / "workshop.lock"):
        if not folder.exists():
            folder.mkdir()
            write_data(folder / "data.csv")
            words = [*FILLERS, *WORDS["beetle"], *WORDS["teapot"]]
            save_bert(folder / "encoder", words, hidden_size=32, intermediate_size=32)
            (folder / "spec.yaml").write_text(yaml.safe_dump(tiny_spec(folder)))
    return Workshop(folder)


@pytest.fixture(scope="session")
def finished(workshop: Workshop, common: Path) -> Finished:
    """A sweep that nothing disturbed. Only read it: what changes a sweep takes a copy or runs its own."""
    out, said = common / "runs" / "tiny", common / "runs" / "said.json"
    with FileLock(common / "runs.lock"):
        if not said.exists():
            ended = workshop.run("sweep", out, "--workers", 2)
            said.write_text(json.dumps(ended))
    code, text = json.loads(said.read_text())
    return Finished(out, code, text, read(out / "ledger.jsonl").lines)


@pytest.fixture
def canary() -> str:
    return CANARY


@pytest.fixture
def change_data() -> Callable[[Path], None]:
    """Return a function that writes the data with one text changed."""
    return lambda path: write_data(path, changed=True)


@pytest.fixture
def design_scores() -> Callable[[Any], dict[tuple[str, int], dict[str, Any]]]:
    """Return a function from ledger lines to the numbers of each (design cell, replicate)."""

    def scores(lines: Any) -> dict[tuple[str, int], dict[str, Any]]:
        results = state(lines).results.items()
        return {
            key: {name: line[name] for name in SCORES} for key, line in results if line["stage"] == "design"
        }

    return scores


@pytest.fixture
def wait_for() -> Callable[[Synaug, Callable[[], Any]], Any]:
    """Return a function that waits until something is so while a process runs, and returns it."""

    def wait(process: Synaug, ready: Callable[[], Any]) -> Any:
        until = time.monotonic() + SECONDS
        while not (found := ready()):
            assert process.process.poll() is None, f"it ended too early:\n{process.text}"
            assert time.monotonic() < until, f"waited for {SECONDS} s:\n{process.text}"
            time.sleep(0.005)
        return found

    return wait


@pytest.fixture
def started() -> Iterator[list[Synaug]]:
    """Processes to kill at the end of a test that fails half way."""
    processes: list[Synaug] = []
    yield processes
    for process in processes:
        if process.process.poll() is None:
            process.kill()


@pytest.fixture(scope="session")
def shared() -> Shared:
    """What cells share, of 300 Gaussian rows: two replicates, 60 and 20 rows, three folds."""
    random, streams, names = np.random.default_rng(3), Streams(0, "5eed" * 16), ("beetle", "teapot")
    y = random.permutation(np.repeat([0, 1], [200, 100]))
    X = (random.normal(size=(300, 8)) + y[:, None]).astype(np.float32)
    options = ImbalanceOptions("minority", ("teapot",), n_majority=60, n_minority=20)
    none = np.empty(0, dtype=np.int64)
    division = split(y, names, np.arange(300), none, none, options, streams)
    draws = tuple(draw(number, division, y, names, 3, 500, streams) for number in range(2))
    depth = depth_for(5, 3)
    graphs = tuple(
        {"euclidean": NeighborGraph.build(X, d.rows, y[d.rows], "euclidean", depth)} for d in draws
    )
    return Shared(X, y, names, streams, draws, graphs, none)
