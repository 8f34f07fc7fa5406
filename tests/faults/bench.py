"""A sweep in this process: the real command line, cells, ledger, Optuna and MLflow; only Ray is left out.

Faults of records and services do not depend on where cells run, and a sweep takes a second this way.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sweeps import launch, trial, tune_run
from sweeps.cli.app import main
from sweeps.cluster import Cluster
from sweeps.death import Death
from sweeps.ledger import Line, read
from sweeps.ledger_state import State, state
from sweeps.trial import Work

CELLS = 9  # none, 2 ros, 4 smote, and a proposal each for ros and smote
Step = Callable[[int, Work], None]


def faults_spec(folder: Path) -> dict[str, Any]:
    """A sweep of nine cells on the workshop's data."""
    return {
        "name": "tiny",
        "data": {"source": str(folder / "data.csv")},
        "encoder": {"model": str(folder / "encoder"), "max_length": 16, "dtype": "float32"},
        "imbalance": {"kind": "minority", "minority": ["teapot"], "n_majority": 60, "n_minority": 20},
        "folds": 2,
        "precision": "float32",
        "replicates": 2,
        "classifier": {"hidden": 16, "ladder": [1, 2, 4]},
        "arms": ["none", "ros", "smote"],
        "design": "one_factor",
        "space": {"ratio": [50, 100], "k": [1, 3], "metric": ["euclidean"]},
        "controls": 0,
        "diagnostics": False,  # which takes longer than all else
        "search": {"trials": 1},
    }


@contextmanager
def alone(*_: Any) -> Iterator[Cluster]:
    """In place of a Ray cluster: this process."""
    yield Cluster("local", 1, 0)


@dataclass
class Here:
    """The command line in this process, on one sweep's folder.

    Attributes:
        spec: the YAML file.
        out: folder of the sweep.
        before: called before each cell with its number in this start and its work.
        death: how every first attempt ends after its first replicate; None: they live.
    """

    spec: Path
    out: Path
    before: Step = field(default=lambda number, work: None)
    death: Death | None = None

    def run(self, command: str, *options: object) -> tuple[int, str]:
        """Run ``synaug COMMAND`` on the folder; return the exit code and what it said, in one line."""
        where = [self.spec, "--out", self.out] if command == "sweep" else [self.out]
        said = io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(said), redirect_stderr(said):
            patch.setattr(sys, "argv", ["synaug", command, *map(str, where), *map(str, options)])
            patch.setattr(launch, "connected", alone)
            patch.setattr(tune_run, "run", self._in_turn)
            with pytest.raises(SystemExit) as ended:
                main()
        return int(ended.value.code or 0), " ".join(said.getvalue().split())

    def sweep(self, *options: object, exit: int = 0) -> str:
        """Run the sweep, expect its exit code and return what it said."""
        code, text = self.run("sweep", *options)
        assert code == exit, text
        return text

    def verify(self) -> None:
        """``synaug verify --strict`` ends with 0."""
        code, text = self.run("verify", "--strict")
        assert code == 0, text

    def _in_turn(self, feed: Any, shared: Any, job: Any, halt: Any, *_: Any) -> None:
        """In place of Ray Tune: the cells one after the other."""
        number = 0
        while not halt.asked() and isinstance(work := feed.next_work(), Work):
            self.before(number, work)
            number += 1
            for replicate in work.replicates:
                if not halt.asked():
                    feed.result(work.key, json.loads(trial._line(work, replicate, shared[0], job)))
                if self.death is not None and work.attempt == 1:
                    break
            feed.ended(work.key, self.death if work.attempt == 1 else None)

    @property
    def ledger(self) -> Path:
        return self.out / "ledger.jsonl"

    @property
    def lines(self) -> tuple[Line, ...]:
        return read(self.ledger).lines

    @property
    def state(self) -> State:
        return state(self.lines)

    def count(self, kind: str) -> int:
        """Lines of a kind."""
        return sum(line["kind"] == kind for line in self.lines)

    @property
    def statuses(self) -> Mapping[str, str]:
        """How each cell ended, by its key."""
        return {key: str(cell["status"]) for key, cell in self.state.cells.items()}
