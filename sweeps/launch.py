"""A sweep from spec to finished ledger: check, prepare, run on Ray, project to Optuna and MLflow."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from rich.console import Console

from synaug.errors import Exit, SynaugError

from .cluster import connected
from .encoding import encode_on_ray
from .entry import Entry
from .feed import Feed, Rules
from .graphs import with_graphs
from .interrupt import Interrupts
from .job import job_of, neighborhoods
from .ledger import Ledger
from .ledger_state import State, state
from .mirror import Mirror
from .places import Places
from .plan import confirm_cells, plan_lines
from .preflight import preflight
from .prepare import Prepared, Shared, share_all
from .progress import Progress
from .resume import check_same, describe, entries_of, header, searches
from .spec import Spec
from .studies import StudyProjection, study_cells

CLOSE_SECONDS, INTERRUPTED_SECONDS = 120.0, 10.0  # that MLflow may take at the end


@dataclass(frozen=True)
class RunOptions:
    """Where and how long a sweep runs; nothing here changes a number.

    Attributes:
        address: of the Ray cluster.
        workers: cells at a time; None: one a CPU.
        gpus_per_trial: share of a GPU that a cell counts as; 0: cells train on CPUs.
        extend: new values of ``replicates`` and ``trials`` of a sweep that exists.
    """

    address: str = "local"
    workers: int | None = None
    gpus_per_trial: float = 0.0
    extend: Mapping[str, int] | None = None


@dataclass(frozen=True)
class Ended:
    """How a sweep ended.

    Attributes:
        exit: the exit code.
        done: finished cells.
        total: cells of the sweep.
        notes: what the user should know, in sentences.
    """

    exit: Exit
    done: int
    total: int
    notes: tuple[str, ...]


def run(spec: Spec, places: Places, options: RunOptions, console: Console) -> Ended:
    """Run a sweep, or go on with it.

    Args:
        spec: the sweep, as ``resolve`` returned it.
        places: where its records lie.
        options: where and how long it runs.
        console: for progress and messages; stderr.

    Raises:
        SynaugError: something is wrong with the input or the surroundings; nothing is left behind
            unless the sweep had begun.
    """
    prepared = preflight(spec, places, options.address, options.gpus_per_trial, console)
    with Ledger(places.out, spec.name) as ledger:
        before = state(ledger.reading.lines)
        if ledger.reading.torn:
            console.print(
                f"note: dropped {ledger.reading.torn} bytes of a line that was cut off in the ledger"
            )
        check_same(before, prepared)
        entries = entries_of(spec, prepared, before)
        places.spec.write_text(spec.to_yaml())
        places.plan.write_text(plan_lines(entry.cell for entry in entries))
        head = header(prepared, places)
        if before.header is None or any(before.header.get(name) != value for name, value in head.items()):
            ledger.append("sweep", head)
        return _run_cells(prepared, places, options, console, ledger, before, entries)


def _run_cells(
    prepared: Prepared,
    places: Places,
    options: RunOptions,
    console: Console,
    ledger: Ledger,
    before: State,
    entries: list[Entry],
) -> Ended:
    spec = prepared.spec
    deadline = None if spec.limits.max_time is None else time.monotonic() + spec.limits.max_time
    rules = Rules(
        spec.replicates,
        spec.search.trials,
        spec.limits.max_failed,
        deadline,
        spec.confirm.replicates,
        spec.search.race,
        spec.classifier.name,
    )
    projection = StudyProjection(places.storage, spec.name, spec.classifier.name)
    known = study_cells(before.cells, spec.other_encoders)
    projection.reconcile(known, [e.key for e in entries if e.closed is None])
    mirror = Mirror(prepared, places, ledger, entries, before, console)
    name_cell = partial(describe, prepared)
    confirm = partial(confirm_cells, spec)
    feed = Feed(entries, searches(spec, entries), name_cell, ledger, projection, rules, mirror, confirm)
    interrupts = Interrupts(feed)
    try:
        if feed.open:
            _on_ray(prepared, options, console, feed, mirror, interrupts)
    except (SynaugError, KeyboardInterrupt):
        projection.close()
        mirror.close(Exit.INTERRUPTED, INTERRUPTED_SECONDS)
        raise
    finished = {e.key: e.closed for e in feed.entries.values() if e.closed is not None}
    known = study_cells(finished, spec.other_encoders)
    projection.reconcile(known, patience=60.0 if interrupts.exit is None else 0.0)
    projection.close()
    exit = _exit(feed, interrupts)
    notes = [f"stopped: {feed.stopped}"] if feed.stopped else []
    patience = CLOSE_SECONDS if interrupts.exit is None else INTERRUPTED_SECONDS
    notes += mirror.close(exit if feed.done == feed.total else Exit.INTERRUPTED, patience)
    if projection.problem:
        notes.append(f"Optuna's studies: {projection.problem}; run `synaug rebuild-study {places.out}`")
    return Ended(exit, feed.done, feed.total, tuple(notes))


def _on_ray(
    prepared: Prepared,
    options: RunOptions,
    console: Console,
    feed: Feed,
    mirror: Mirror,
    interrupts: Interrupts,
) -> None:
    """Encode, share and run the open cells."""
    spec = prepared.spec
    console.print(
        "starting Ray …" if options.address == "local" else f"connecting to {options.address} …", style="dim"
    )
    cells = [entry.cell for entry in feed.entries.values()]
    with connected(options.address, options.workers, options.gpus_per_trial) as cluster:
        shared, job = share_all(prepared, console, encode=encode_on_ray), job_of(spec)
        digest = _digest(shared)
        console.print("finding neighbours …", style="dim")
        shared = [with_graphs(of_encoder, *neighborhoods(cells, spec)) for of_encoder in shared]
        with (
            Progress(console, cluster.workers, lambda: feed.total) as counter,
            interrupts.caught() as halt,
        ):
            from . import tune_run  # imports Ray, which reads its environment then

            mirror.show(counter)
            while feed.open and not halt.now and not feed.stopped:
                tune_run.run(feed, shared, job, halt, cluster.workers, cluster.engines)
    if _digest(shared) != digest:
        raise SynaugError("the shared embeddings were changed while cells ran; please report", Exit.INTEGRITY)


def _digest(shared: Sequence[Shared]) -> list[str]:
    return [hashlib.sha256(np.ascontiguousarray(of_encoder.X).data).hexdigest() for of_encoder in shared]


def _exit(feed: Feed, interrupts: Interrupts) -> Exit:
    if interrupts.exit is not None:
        return interrupts.exit
    failed = any(e.closed is not None and e.closed["status"] == "failed" for e in feed.entries.values())
    return Exit.SOME_FAILED if failed else Exit.OK
