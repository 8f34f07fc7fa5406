"""Which cell runs next, and what its results become in the ledger; knows nothing of Ray."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from .death import EARLY, Death, given_up
from .entry import Entry, choice_of, status_of, value_of
from .ledger import Ledger
from .plan import CONFIRM, Cell, cell_of
from .racing import RACE_AFTER, Best, lost
from .search import ArmSearch
from .space import Settings
from .spec_classifier import DEFAULT
from .studies import STATES, StudyProjection
from .tally import Tally
from .trial import Work

MAX_ATTEMPTS: Final = 3


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


class Listener(Protocol):
    """What is told of a feed's progress."""

    def cell_closed(self, entry: Entry) -> None:
        """A cell has its last result."""

    def sketched(self, key: str, sketch: Mapping[str, Any]) -> None:
        """A worker sent the picture of a cell."""

    def printed(self, key: str, replicate: int, text: str) -> None:
        """A cell printed something in its worker."""

    def failed(self, entry: Entry, reason: str, trace: str | None) -> None:
        """An attempt at a cell went wrong."""


@dataclass(frozen=True)
class Rules:
    """When a sweep gives a cell up, and when it starts no more.

    Attributes:
        replicates: results that a cell needs.
        trials: cells that the search proposes for each arm that has swept knobs.
        max_failed: failed cells at which the sweep stops: a share up to 1, above it a number.
        deadline: ``time.monotonic()`` after which no cell is started.
        confirm: replicates of a cell of the confirmation; 0: there is none.
        race: give searched cells up that fall behind.
        classifier: that searched and confirmed cells are of.
    """

    replicates: int
    trials: int
    max_failed: float
    deadline: float | None = None
    confirm: int = 0
    race: bool = False
    classifier: str = DEFAULT

    def replicates_of(self, cell: Cell) -> int:
        """Results that this cell needs."""
        return self.confirm if cell.scene == CONFIRM else self.replicates


Confirm = Callable[[Mapping[str, Settings], int], Sequence[Cell]]


class Feed:
    """The queue of a sweep: what is planned, then what each arm's search proposes, then the confirmation.

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
        confirm: Confirm = lambda winners, number: (),
    ):
        self.entries = {entry.key: entry for entry in entries}
        self.stopped: str | None = None
        self._searches, self._describe = searches, describe
        self._ledger, self._projection = ledger, projection
        self._rules, self._listener, self._confirm = rules, listener, confirm
        self._tally, self._running = Tally(), dict[str, list[int]]()  # keys and the replicates they run
        self._best: dict[str, Best] = {}  # of each arm so far
        self._winners: dict[str, tuple[float, Settings]] = {}  # of each arm, by its folds
        for entry in self.entries.values():
            self._tally.add(entry.cell.arm, entry.cell.stage)
            if entry.closed is not None:
                self._count_closed(entry)
                entry.results = {}
        for entry in self.entries.values():  # of a driver that died before it wrote the ``cell`` line
            if entry.closed is None and len(entry.results) >= rules.replicates_of(entry.cell):
                self._close(entry)
        self._waiting = deque(e.key for e in self.entries.values() if e.closed is None)

    @property
    def total(self) -> int:
        """Cells that the sweep will have when it is done, as far as is known."""
        searching = (arm for arm, search in self._searches.items() if not search.exhausted)
        proposed = self._tally.proposed
        known = self._tally.cells + sum(max(0, self._rules.trials - proposed[arm]) for arm in searching)
        return known + len(self._unconfirmed())

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
        if entry is None and not self._running:
            entry = self._begin_confirmation()
        if entry is None:
            return None if self._running else FINISHED  # what runs may bring proposals
        return self._start(entry)

    def _start(self, entry: Entry) -> Work:
        cell, have = entry.cell, entry.results
        entry.attempts += 1
        missing = [r for r in range(self._rules.replicates_of(cell)) if r not in have]
        if self._races(entry) and len(have) < RACE_AFTER:
            missing = [r for r in missing if r < RACE_AFTER]
        self._running[entry.key] = missing
        self._ledger.append("start", self._line(entry))
        self._projection.start(entry.key, cell.arm, dict(cell.settings), cell.group)
        sketch = entry.pictured and 0 in missing
        settings, extras = dict(cell.settings), dict(cell.extras)
        what = cell.classifier, extras, cell.encoder
        return Work(entry.key, cell.arm, settings, missing, entry.attempts, sketch, *what)

    def _races(self, entry: Entry) -> bool:
        return self._rules.race and entry.cell.stage == "exploit"

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
            return self._add(cell_of(config, "exploit", len(self.entries)))
        return None

    def _add(self, cell: Cell) -> Entry:
        key, config = self._describe(cell)
        self.entries[key] = Entry(cell, key, config)
        self._tally.add(cell.arm, cell.stage)
        return self.entries[key]

    def _unconfirmed(self) -> Sequence[Cell]:
        """Cells of the confirmation that are not among the entries yet; winners may still change."""
        if not self._rules.confirm:
            return ()
        winners = {arm: settings for arm, (_, settings) in self._winners.items()}
        cells = self._confirm(winners, len(self.entries))
        return [cell for cell in cells if self._describe(cell)[0] not in self.entries]

    def _begin_confirmation(self) -> Entry | None:
        """Add the cells of the confirmation, when all else is done, and return the first."""
        added = [self._add(cell) for cell in self._unconfirmed()]
        self._waiting.extend(entry.key for entry in added[1:])
        return added[0] if added else None

    def result(self, key: str, line: Mapping[str, Any]) -> None:
        """Write one replicate's result; a late duplicate is dropped."""
        entry, outcome = self.entries[key], dict(line)
        sketch, trace = outcome.pop("sketch", None), outcome.pop("trace", None)
        output = outcome.pop("output", None)
        replicate = int(outcome["replicate"])
        if replicate in entry.results or entry.closed:
            return
        if output:
            self._listener.printed(key, replicate, output)
        if sketch:
            self._listener.sketched(key, sketch)
        if outcome["status"] == "failed":
            self._listener.failed(entry, str(outcome["reason"]), trace)
        entry.results[replicate] = self._ledger.append("result", self._line(entry) | outcome)
        if len(entry.results) >= self._rules.replicates_of(entry.cell):
            self._close(entry)
        elif self._races(entry) and len(entry.results) == RACE_AFTER:
            reason = lost(entry.results, self._best.get(entry.cell.arm))
            if reason is not None:
                self._close(entry, "raced", reason)

    def ended(self, key: str, death: Death | None) -> None:
        """Take note that an attempt is over; one without all results is tried again, three times in all."""
        entry = self.entries[key]
        asked = self._running.pop(key, [])
        if entry.closed is not None or self.stopped:
            return
        if death is None and asked and all(replicate in entry.results for replicate in asked):
            self._waiting.appendleft(key)  # it stays in the race
            return
        death = death or EARLY
        if death.counts:
            entry.deaths.append(death)
        self._listener.failed(entry, f"attempt {entry.attempts}: {death}", death.stack)
        if len(entry.deaths) < MAX_ATTEMPTS:
            self._waiting.append(key)
        else:
            self._close(entry, "failed", given_up(entry.deaths))

    def _close(self, entry: Entry, status: str | None = None, reason: str | None = None) -> None:
        results = [entry.results[r] for r in sorted(entry.results)]
        if status is None:
            status, reason = status_of(results)
        scores = {"value": value_of(results)} if status == "ok" else {}
        if scores and (choice := choice_of(results)) is not None:
            scores["cv_value"] = choice
        line = self._line(entry) | {
            "status": status,
            "reason": reason,
            "replicates": len(results),
            "seconds": sum(float(r["seconds"].get("total", 0.0)) for r in results),
        }
        entry.closed = self._ledger.append("cell", line | scores)
        self._running.pop(entry.key, None)
        self._count_closed(entry)
        self._projection.finish(entry.key, STATES[status], scores.get("value"))
        search = self._searches.get(entry.cell.arm)
        if search is not None and search.classifier == entry.cell.group and not entry.cell.extras:
            search.tell(dict(entry.cell.settings), scores.get("value"))
        self._listener.cell_closed(entry)
        entry.results = {}  # the ledger has them; thousands of cells would fill the memory
        most = self._rules.max_failed
        if self._tally.failed > (most if most > 1 else most * self.total):
            text = f"{self._tally.failed} of {self.total} cells failed"
            self.stop(f"{text}, more than limits.max_failed allows")

    def _count_closed(self, entry: Entry) -> None:
        assert entry.closed is not None
        cell = entry.cell
        self._tally.close(cell.arm, cell.stage, entry.closed["status"])
        if entry.closed["status"] != "ok" or cell.extras or cell.group != self._rules.classifier:
            return
        chosen, value = entry.closed.get("cv_value"), float(entry.closed["value"])
        if chosen is not None and chosen > self._winners.get(cell.arm, (0.0, ()))[0]:
            self._winners[cell.arm] = float(chosen), cell.settings
        if entry.results and (cell.arm not in self._best or value > self._best[cell.arm].value):
            self._best[cell.arm] = Best.of(entry.label, value, entry.results)
