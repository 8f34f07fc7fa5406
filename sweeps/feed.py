"""Which cell runs next, and what its results become in the ledger; knows nothing of Ray."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from synaug.knobs import Choice
from synaug.methods import METHODS

from .ledger import Ledger
from .plan import Cell, cell_of
from .search import ArmSearch
from .spec_classifier import DEFAULT
from .studies import STATES, StudyProjection
from .tally import Tally
from .trial import Work

MAX_ATTEMPTS: Final = 3
PICTURED: Final = 200  # cells of a sweep that are drawn: two pictures take twice as long as the rest of a run


class Finished:
    """Nothing is left to run."""


FINISHED: Final = Finished()


@dataclass
class Halt:
    """Ends a run at once when ``now`` is set; the feed only starts no more cells."""

    now: bool = False

    def asked(self) -> bool:
        """Whether the run is to end."""
        return self.now


@dataclass
class Entry:
    """A cell on its way: its results by replicate, its attempts, how it ended."""

    cell: Cell
    key: str
    config: Mapping[str, Any]
    results: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    attempts: int = 0  # starts, those that a killed driver cut off included
    deaths: int = 0  # attempts of this run whose process died
    closed: Mapping[str, Any] | None = None  # its ``cell`` line

    @property
    def pictured(self) -> bool:
        """Whether its pictures are drawn whatever its score is."""
        return self.cell.number < PICTURED

    @property
    def label(self) -> str:
        """The cell as people read it, such as ``smote k=5 ratio=100``, without options at their default.

        A classifier that is not the usual one stands before it: ``knn: smote k=5 ratio=100``.
        """
        defaults = {k.name: k.default for k in METHODS[self.cell.arm].knobs() if isinstance(k.domain, Choice)}
        shown = ((name, value) for name, value in self.cell.settings if defaults.get(name) != value)
        knobs = (
            f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}" for name, value in shown
        )
        classifier = [] if self.cell.classifier == DEFAULT else [f"{self.cell.classifier}:"]
        return " ".join([*classifier, self.cell.arm, *knobs])


class Listener(Protocol):
    """What is told of a feed's progress."""

    def cell_closed(self, entry: Entry) -> None:
        """A cell has its last result."""

    def sketched(self, key: str, sketch: Mapping[str, Any]) -> None:
        """A worker sent the picture of a cell."""

    def failed(self, entry: Entry, reason: str, trace: str | None) -> None:
        """An attempt at a cell went wrong."""


@dataclass(frozen=True)
class Rules:
    """When a sweep gives a cell up, and when it starts no more.

    Attributes:
        replicates: results that a cell needs.
        trials: cells that the search proposes for each arm that has swept knobs.
        max_failed: share of failed cells at which the sweep stops.
        deadline: ``time.monotonic()`` after which no cell is started.
    """

    replicates: int
    trials: int
    max_failed: float
    deadline: float | None = None


class Feed:
    """The queue of a sweep: design cells first, then what each arm's search proposes.

    The ledger is written here and nowhere else while cells run.
    """

    def __init__(
        self,
        entries: Iterable[Entry],
        searches: Mapping[str, ArmSearch],
        describe: Callable[[Cell], tuple[str, Mapping[str, Any]]],
        ledger: Ledger,
        projection: StudyProjection,
        rules: Rules,
        listener: Listener,
    ):
        self.entries = {entry.key: entry for entry in entries}
        self.stopped: str | None = None
        self._searches, self._describe = searches, describe
        self._ledger, self._projection = ledger, projection
        self._rules, self._listener = rules, listener
        self._tally, self._running = Tally(), set[str]()
        for entry in self.entries.values():
            self._tally.add(entry.cell.arm, entry.cell.stage)
            if entry.closed is not None:
                self._count_closed(entry)
        for entry in self.entries.values():  # of a driver that died before it wrote the ``cell`` line
            if entry.closed is None and len(entry.results) >= rules.replicates:
                self._close(entry)
        self._waiting = deque(e.key for e in self.entries.values() if e.closed is None)

    @property
    def total(self) -> int:
        """Cells that the sweep will have when it is done, as far as is known."""
        searching = (arm for arm, search in self._searches.items() if not search.exhausted)
        proposed = self._tally.proposed
        return self._tally.cells + sum(max(0, self._rules.trials - proposed[arm]) for arm in searching)

    @property
    def done(self) -> int:
        """Cells that are finished."""
        return self._tally.done

    @property
    def open(self) -> bool:
        """Whether there may be cells to run."""
        return self.done < self.total

    def stop(self, reason: str) -> None:
        """Start no more cells."""
        self.stopped = self.stopped or reason

    def next_work(self) -> Work | Finished | None:
        """Return the next cell to run, None to ask again later, or FINISHED."""
        if self._rules.deadline is not None and time.monotonic() > self._rules.deadline:
            self.stop("the time limit is reached")
        if self.stopped:
            return FINISHED
        entry = self.entries[self._waiting.popleft()] if self._waiting else self._propose()
        if entry is None:
            return None if self._running else FINISHED  # what runs may bring proposals
        return self._start(entry)

    def _start(self, entry: Entry) -> Work:
        entry.attempts += 1
        self._running.add(entry.key)
        cell = entry.cell
        self._ledger.append("start", self._line(entry))
        self._projection.start(entry.key, cell.arm, dict(cell.settings), cell.classifier)
        missing = [r for r in range(self._rules.replicates) if r not in entry.results]
        settings = dict(cell.settings)
        sketch = entry.pictured and 0 in missing
        return Work(entry.key, cell.arm, settings, missing, entry.attempts, sketch, cell.classifier)

    def _line(self, entry: Entry) -> dict[str, Any]:
        return {
            "stage": entry.cell.stage,
            "trial_key": entry.key,
            "attempt": entry.attempts,
            "config": dict(entry.config),
            "number": entry.cell.number,
        }

    def _propose(self) -> Entry | None:
        for arm, search in self._searches.items():
            if self._tally.proposed[arm] >= self._rules.trials or self._tally.design_open[arm]:
                continue
            settings = search.ask()
            if settings is None:
                continue
            config = {"arm": arm, "classifier": search.classifier, **settings}
            cell = cell_of(config, "exploit", len(self.entries))
            key, described = self._describe(cell)
            self.entries[key] = Entry(cell, key, described)
            self._tally.add(arm, "exploit")
            return self.entries[key]
        return None

    def result(self, key: str, line: Mapping[str, Any]) -> None:
        """Write one replicate's result; a late duplicate is dropped."""
        entry, outcome = self.entries[key], dict(line)
        sketch, trace = outcome.pop("sketch", None), outcome.pop("trace", None)
        replicate = int(outcome["replicate"])
        if replicate in entry.results or entry.closed:
            return
        if sketch:
            self._listener.sketched(key, sketch)
        if outcome["status"] == "failed":
            self._listener.failed(entry, str(outcome["reason"]), trace)
        entry.results[replicate] = self._ledger.append("result", self._line(entry) | outcome)
        if len(entry.results) >= self._rules.replicates:
            self._close(entry)

    def ended(self, key: str, died: bool) -> None:
        """Take note that an attempt is over; one without all results is tried again, three times in all."""
        entry = self.entries[key]
        self._running.discard(key)
        if entry.closed is not None or self.stopped:
            return
        entry.deaths += 1
        what = "died" if died else "ended early"
        self._listener.failed(entry, f"the process of attempt {entry.attempts} {what}", None)
        if entry.deaths < MAX_ATTEMPTS:
            self._waiting.append(key)
        else:
            self._close(entry, f"poison: the process died in {entry.deaths} attempts")

    def _close(self, entry: Entry, poison: str | None = None) -> None:
        results = [entry.results[r] for r in sorted(entry.results)]
        status, reason = _status(results) if poison is None else ("failed", poison)
        value = _value(results) if status == "ok" else None
        line = self._line(entry) | {
            "status": status,
            "reason": reason,
            "replicates": len(results),
            "seconds": sum(float(r["seconds"].get("total", 0.0)) for r in results),
        }
        entry.closed = self._ledger.append("cell", line if value is None else line | {"value": value})
        self._running.discard(entry.key)
        self._count_closed(entry)
        self._projection.finish(entry.key, STATES[status], value)
        search = self._searches.get(entry.cell.arm)
        if search is not None and search.classifier == entry.cell.classifier:
            search.tell(dict(entry.cell.settings), value)
        self._listener.cell_closed(entry)
        if self._tally.failed > self._rules.max_failed * self.total:
            text = f"{self._tally.failed} of {self.total} cells failed"
            self.stop(f"{text}, more than limits.max_failed allows")

    def _count_closed(self, entry: Entry) -> None:
        assert entry.closed is not None
        self._tally.close(entry.cell.arm, entry.cell.stage, entry.closed["status"])


def _status(results: Sequence[Mapping[str, Any]]) -> tuple[str, str | None]:
    """How a cell ended: the worst of its replicates, with the first reason."""
    for status in ("failed", "not_applicable"):
        bad = [r for r in results if r["status"] == status]
        if bad:
            return status, f"replicate {bad[0]['replicate']}: {bad[0]['reason']}"
    return "ok", None


def headline(result: Mapping[str, Any]) -> float:
    """The score that a result is compared by: balanced accuracy of what it is scored on, a fraction."""
    return float(result["scores"][f"{result['scored_on']}_balanced_accuracy"])


def _value(results: Sequence[Mapping[str, Any]]) -> float:
    return sum(map(headline, results)) / len(results)
