"""The gate: a declared list of cells reads the test rows, once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console

from synaug.errors import Exit, Problem, SynaugError

from .cluster import check_cluster, connected
from .death import Death
from .encoding import encode_on_ray
from .feed import FINISHED, MAX_ATTEMPTS, Finished, Halt
from .graphs import with_graphs
from .job import job_of, neighborhoods
from .launch import Ended, RunOptions
from .ledger import Ledger, Line, read
from .ledger_state import State, state
from .places import Places
from .plan import Cell, cell_of
from .prepare import prepare, share_all
from .progress import counted
from .resume import replicates_of
from .spec import Spec, load_spec
from .trial import Work


@dataclass
class GateFeed:
    """Hands out each declared cell once and writes what comes back as ``test`` lines."""

    ledger: Ledger
    cells: Mapping[str, Line]  # their ``cell`` lines
    missing: dict[str, list[int]]  # replicates without a test line
    attempts: dict[str, int] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    encoders: Sequence[str] = ()  # of the sweep after the first
    told: Callable[[int, int], None] | None = None  # takes the results read and the results in all

    def __post_init__(self) -> None:
        self.total = self._left  # results to be read
        self._waiting = deque(key for key, replicates in self.missing.items() if replicates)

    @property
    def _left(self) -> int:
        return sum(map(len, self.missing.values()))

    @property
    def open(self) -> bool:
        """Whether there are cells to run."""
        return bool(self._waiting)

    def next_work(self) -> Work | Finished | None:
        """Return the next cell to read the test rows."""
        if not self._waiting:
            return FINISHED
        key = self._waiting.popleft()
        self.attempts[key] = self.attempts.get(key, 0) + 1
        cell = cell_of(self.cells[key]["config"], "design", 0, self.encoders)
        settings, extras = dict(cell.settings), dict(cell.extras)
        replicates, attempt = tuple(self.missing[key]), self.attempts[key]
        what = cell.classifier, extras, cell.encoder
        return Work(key, cell.arm, settings, replicates, attempt, False, *what)

    def result(self, key: str, line: Mapping[str, Any]) -> None:
        """Write one replicate's test scores."""
        replicate = int(line["replicate"])
        if replicate not in self.missing[key]:
            return
        body = {name: value for name, value in line.items() if name not in ("sketch", "trace", "output")}
        stamp = {name: self.cells[key][name] for name in ("stage", "config", "number")}
        stamp |= {"trial_key": key, "attempt": self.attempts[key]}
        self.ledger.append("test", stamp | body)
        self.missing[key].remove(replicate)
        if self.told is not None:
            self.told(self.total - self._left, self.total)

    def ended(self, key: str, death: Death | None) -> None:
        """Try a cell whose process died again, three times in all."""
        if not self.missing[key]:
            return
        if death is not None and not death.counts:
            self.attempts[key] -= 1
        if self.attempts[key] < MAX_ATTEMPTS:
            self._waiting.append(key)
        else:
            self.lost.append(key)


def is_due(places: Places, ended: Ended) -> bool:
    """Whether the spec declares that all cells read the test rows, and they are ready to."""
    spec = load_spec(places.spec)
    complete = ended.done == ended.total and ended.exit in (Exit.OK, Exit.SOME_FAILED)
    if spec.test is None or not complete:
        return False
    found = state(read(places.ledger).lines)
    keys = found.gate or ()
    return not keys or any(_unread(spec, found, keys).values())


def _unread(spec: Spec, found: State, keys: Sequence[str]) -> dict[str, list[int]]:
    """The replicates of each cell that have no ``test`` line."""
    cells = {key: cell_of(found.cells[key]["config"], "design", 0) for key in keys}
    return {
        key: [r for r in range(replicates_of(spec, cell)) if (key, r) not in found.tests]
        for key, cell in cells.items()
    }


def open_gate(
    places: Places, cells: Sequence[str] | None, options: RunOptions, console: Console
) -> Sequence[Line]:
    """Declare the cells, read the test rows once, and return the ``test`` lines.

    A gate that was cut off goes on with the cells it declared.

    Args:
        places: where the sweep lies.
        cells: keys of the cells; None for all that have scores.
        options: where it runs.
        console: for messages.

    Raises:
        SynaugError: the gate was opened before (exit 7), there are no test rows (exit 4), or a
            key is not a finished cell of the sweep (exit 2).
    """
    spec = load_spec(places.spec)
    check_cluster(options.address, options.gpus_per_trial)
    prepared = prepare(spec)
    if not len(prepared.split.test):
        raise SynaugError(Problem(f"{prepared.corpus.name} has no test rows", str(places.out)), Exit.DATA)
    with Ledger(places.out, spec.name) as ledger:
        before = state(ledger.reading.lines)
        keys = _declared(before, cells, places)
        missing = _unread(spec, before, keys)
        if before.gate is not None and not any(missing.values()):
            text = f"the test rows of {places.out} were read before, by {len(keys)} cells"
            raise SynaugError(Problem(text, fix="read the answers with `synaug ask`"), Exit.CONFLICT)
        if before.gate is None:
            ledger.append("test", {"stage": "plan", "cells": keys})
        lines = {key: before.cells[key] for key in keys}
        feed = GateFeed(ledger, lines, missing, encoders=spec.other_encoders)
        _read(spec, prepared, feed, options, console)
        if feed.lost:
            raise SynaugError(f"{len(feed.lost)} cells died: {', '.join(feed.lost)}", Exit.SOME_FAILED)
    after = state(read(places.ledger).lines)
    return [after.tests[key] for key in sorted(after.tests)]


def _declared(before: State, cells: Sequence[str] | None, places: Places) -> list[str]:
    scored = [key for key, line in before.cells.items() if line["status"] == "ok"]
    if before.gate is not None:
        keys = list(before.gate)
        if cells is not None and set(cells) != set(keys):
            raise SynaugError(f"the gate of {places.out} was opened for other cells", Exit.CONFLICT)
        return keys
    unknown = [key for key in cells or () if key not in scored]
    if unknown or not scored:
        problems = [Problem(f"--cells: {key} is no finished cell of {places.out}") for key in unknown]
        raise SynaugError(problems or f"no cell of {places.out} is finished", Exit.USAGE)
    return list(dict.fromkeys(cells)) if cells is not None else scored


def _read(spec: Spec, prepared: Any, feed: GateFeed, options: RunOptions, console: Console) -> None:
    arms = [Cell(str(line["config"]["arm"]), (), "design", 0) for line in feed.cells.values()]
    job = job_of(spec, gate=True, address=options.address)
    with connected(options.address, options.workers, options.gpus_per_trial) as cluster:
        encoded = share_all(prepared, console, with_test=True, encode=encode_on_ray)
        shared = [with_graphs(of_encoder, *neighborhoods(arms, spec)) for of_encoder in encoded]
        with counted(console, "reading the test rows:", "results") as feed.told:
            feed.told(0, feed.total)
            while feed.open:
                from . import tune_run  # imports Ray, which reads its environment then

                tune_run.run(feed, shared, job, Halt(), cluster.workers, cluster.engines)
