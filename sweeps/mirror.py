"""Tells MLflow, the user and the logs what a feed does; the sweep never waits for any of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from synaug.errors import Exit, SynaugError
from tracking import PARENT, DataUsed, Outbox, ParentRun

from .entry import Entry
from .gauges import Gauges
from .journal import Journal
from .ledger import Ledger, now
from .ledger_state import State
from .note import note
from .places import Places
from .plan import BASE_FIELDS
from .prepare import Prepared
from .progress import Progress
from .record import About, cell_run, milliseconds, parent_run, versions

AWAY_SECONDS = 10.0  # at the end, for a store that does not answer
QUIET_SECONDS = 8.0  # at the start, when Ray's workers need the processors to import what they use
PARENT_STATUS = {Exit.OK: "FINISHED", Exit.SOME_FAILED: "FINISHED"}


class Mirror:
    """The listener of a feed.

    Args:
        prepared: the data.
        places: where records lie.
        ledger: gives the results of a cell when its turn comes, and takes MLflow's acknowledgements.
        entries: all cells known at the start; those that MLflow lacks are sent first.
        before: what the ledger held at the start.
        console: for messages.
        journal: the log of the sweep, where it runs.
    """

    def __init__(
        self, prepared: Prepared, places: Places, ledger: Ledger, entries: Sequence[Entry],
        before: State, console: Console, journal: Journal | None = None,
    ):  # fmt: skip
        self._prepared, self._places, self._ledger = prepared, places, ledger
        self._console, self._journal = console, journal
        self._gauges: Gauges | None = None
        self._entries = {entry.key: entry for entry in entries}
        self._best: dict[str, float] = {}  # of each arm so far
        self._leading: set[str] = set()  # keys of cells that were an arm's best when they ended
        self._names: dict[str, None] = {}  # of configurations, in the order of their first cell
        for entry in entries:
            self._names.update(dict.fromkeys(entry.config))
        self._progress: Progress | None = None
        self._about = about(prepared)
        self._started = milliseconds(before.header["at"] if before.header else now())
        self._outbox = Outbox(
            places.tracking_uri, prepared.spec.name, places.artifact_root, self._acknowledged,
            quiet_seconds=QUIET_SECONDS,
        )  # fmt: skip
        self._outbox.open_parent(self._parent_later("RUNNING"))
        for entry in entries:
            if entry.closed is not None and entry.key in before.unsent:
                self._send(entry)

    def show(self, progress: Progress, gauges: Gauges | None = None) -> None:
        """Count what was finished before, and from now on what is finished."""
        self._progress, self._gauges = progress, gauges
        progress.resumed([e for e in self._entries.values() if e.closed is not None])

    def cell_closed(self, entry: Entry) -> None:
        """Send a finished cell to MLflow and count it."""
        assert entry.closed is not None
        value, arm = entry.closed.get("value"), entry.cell.arm
        if value is not None and value > self._best.get(arm, 0.0):
            self._best[arm] = value
            self._leading.add(entry.key)
        self._entries[entry.key] = entry
        self._names.update(dict.fromkeys(entry.config))
        if self._journal:
            self._journal.cell(entry)
        self._send(entry)
        if self._progress:
            self._progress.closed(entry)
        if self._gauges:
            self._gauges.closed(entry)

    def sketched(self, key: str, sketch: Mapping[str, Any]) -> None:
        """Keep the data of a picture until MLflow has it."""
        _keep(self._sketch(key), json.dumps(sketch))

    def failed(self, entry: Entry, reason: str, trace: str | None) -> None:
        """Say what went wrong, and keep the stack trace."""
        self._console.print(f"{entry.label}: {reason}", markup=False, style="red")
        if self._journal:
            self._journal.warn(f"cell {entry.key} {entry.label}: {reason}")
        if trace:
            _keep(self._places.log(entry.key), trace)

    def printed(self, key: str, replicate: int, text: str) -> None:
        """Keep what a cell printed in its worker."""
        path = self._places.logs / f"{key}.output.txt"
        with suppress(OSError), path.open("a") as file:  # a full disk: the ledger finds out
            file.write(f"replicate {replicate}:\n{text}\n")

    def close(self, exit: Exit, seconds: float) -> list[str]:
        """Bring MLflow up to date, for so many seconds at most; return what the user should know."""
        self._outbox.finish_parent(self._parent_later(PARENT_STATUS.get(exit, "KILLED")))
        unsent = self._outbox.close(min(seconds, AWAY_SECONDS) if self._outbox.problem else seconds)
        if not unsent:
            return []
        cells = sum(key != PARENT for key in unsent)
        reason = self._outbox.problem or "it was not given the time"
        return [f"{cells} cells not yet in MLflow ({reason}); run `synaug sync {self._places.out}`"]

    def _send(self, entry: Entry) -> None:
        self._outbox.put(lambda: self._build(entry), entry.key)

    def _build(self, entry: Entry) -> Any:
        path = self._sketch(entry.key)
        sketch = json.loads(path.read_text()) if path.exists() else None
        spec = self._prepared.spec
        several = [n for n, more in (("encoder", spec.encoders), ("classifier", spec.classifiers)) if more]
        varying = [*several, "arm", *(name for name in tuple(self._names) if name not in BASE_FIELDS)]
        confusion = entry.pictured or entry.key in self._leading
        log = self._places.log(entry.key)
        failed = entry.closed is not None and entry.closed["status"] == "failed"
        trace = log.read_bytes() if failed and log.exists() else None
        known = replace(entry, results=self._ledger.results(entry.key))
        return cell_run(spec, self._about, known, varying, sketch, confusion, trace)

    def _sketch(self, key: str) -> Path:
        return self._places.waiting_sketches / f"{key}.json"

    def _acknowledged(self, key: str, run_id: str) -> None:
        with suppress(SynaugError):  # a full disk: the sweep itself finds out, and MLflow is told again
            self._ledger.append("mlflow", {"trial_key": key, "run_id": run_id})
            self._put_by(key)

    def _put_by(self, key: str) -> None:
        """Keep the data of a picture that MLflow has for the report; a full disk loses no more than that."""
        with suppress(OSError):
            self._places.sketches.mkdir(mode=0o700, exist_ok=True)
            self._sketch(key).replace(self._places.sketches / f"{key}.json")

    def _parent_later(self, status: str) -> Callable[[], ParentRun]:
        """What makes the parent run on the outbox's thread, which knows the experiment's id."""
        entries = list(self._entries.values())
        return lambda: self._parent(status, entries)

    def _parent(self, status: str, entries: Sequence[Entry]) -> ParentRun:
        spec = self._prepared.spec
        files = {
            "spec.yaml": spec.to_yaml().encode(),
            "versions.json": json.dumps(versions(), indent=1).encode(),
        }
        text = note(spec, self._about, entries, self._places, self._outbox.experiment_id)
        return parent_run(spec, self._about, entries, text, status, self._started, files)


def about(prepared: Prepared) -> About:
    """What the runs of a sweep say of its data; texts only where the spec asks for examples."""
    corpus = prepared.corpus
    data = DataUsed(corpus.name, corpus.digest, corpus.source, len(prepared.visible), corpus.classes)
    texts = [corpus.texts[row] for row in prepared.visible] if prepared.spec.log_examples else None
    return About(data, ", ".join(prepared.encoders), texts)


def _keep(path: Path, text: str) -> None:
    """Write what a sweep can do without: when the disk is full, the ledger is what ends it."""
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.write_text(text)
    except OSError:
        with suppress(OSError):
            path.unlink(missing_ok=True)
