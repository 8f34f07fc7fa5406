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
from .feed import Feed, Rules
from .gauges import gauges_of
from .graphs import with_graphs
from .interrupt import Interrupts
from .job import job_of, neighborhoods
from .journal import Journal
from .ledger import Ledger
from .ledger_state import state
from .mirror import Mirror
from .object_store import spill_note, stored
from .places import Places
from .plan import confirm_cells, plan_lines
from .preflight import preflight
from .prepare import Prepared, Shared, share_all
from .progress import Progress
from .resume import check_same, describe, entries_of, header, searches
from .spec import Spec
from .studies import StudyProjection, study_cells

CLOSE_SECONDS, INTERRUPTED_SECONDS = 120.0, 10.0  # that MLflow may take at the end
LOCKED_SECONDS = 60.0  # that Optuna's storage may be locked at the end
NAMED = 5  # cells that failed, in the last message


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
        feed, mirror, projection, journal = _begin(prepared, places, console, ledger)
        ledger.forget()
        with journal:
            return _run_cells(prepared, places, options, console, journal, feed, mirror, projection)


def _begin(
    prepared: Prepared, places: Places, console: Console, ledger: Ledger
) -> tuple[Feed, Mirror, StudyProjection, Journal]:
    """Write down what the sweep is, and set up what runs its cells and what is told of them."""
    spec, before = prepared.spec, state(ledger.reading.lines)
    if ledger.reading.torn:
        console.print(f"note: dropped {ledger.reading.torn} bytes of a line that was cut off in the ledger")
    check_same(before, prepared)
    entries = entries_of(spec, prepared, before)
    places.spec.write_text(spec.to_yaml())
    places.plan.write_text(plan_lines(entry.cell for entry in entries))
    head = header(prepared, places)
    if before.header is None or any(before.header.get(name) != value for name, value in head.items()):
        ledger.append("sweep", head)
    projection = StudyProjection(places.storage, spec.name, spec.classifier.name)
    known = study_cells(before.cells, spec.other_encoders)
    projection.reconcile(known, [e.key for e in entries if e.closed is None])
    journal = Journal(places.logs)
    mirror = Mirror(prepared, places, ledger, entries, before, console, journal)
    name_cell, confirm = partial(describe, prepared), partial(confirm_cells, spec)
    feed = Feed(
        entries, searches(spec, entries), name_cell, ledger, projection, _rules(spec), mirror, confirm
    )
    return feed, mirror, projection, journal


def _rules(spec: Spec) -> Rules:
    return Rules(
        spec.replicates,
        spec.search.trials,
        spec.limits.max_failed,
        None if spec.limits.max_time is None else time.monotonic() + spec.limits.max_time,
        spec.confirm.replicates,
        spec.search.race,
        spec.classifier.name,
    )


def _run_cells(
    prepared: Prepared,
    places: Places,
    options: RunOptions,
    console: Console,
    journal: Journal,
    feed: Feed,
    mirror: Mirror,
    projection: StudyProjection,
) -> Ended:
    spec, interrupts, notes = prepared.spec, Interrupts(feed), list[str]()
    journal.say(f"sweep {spec.name} on {options.address}: {feed.done} of {feed.total} cells are done")
    try:
        if feed.open:
            notes += _on_ray(prepared, options, console, feed, mirror, interrupts)
    except (SynaugError, KeyboardInterrupt) as error:
        journal.warn(f"sweep {spec.name} ended: {error or 'interrupted'}")
        projection.close()
        mirror.close(Exit.INTERRUPTED, INTERRUPTED_SECONDS)
        raise
    finished = {e.key: e.closed for e in feed.entries.values() if e.closed is not None}
    known = study_cells(finished, spec.other_encoders)
    projection.reconcile(known, patience=LOCKED_SECONDS if interrupts.exit is None else 0.0)
    projection.close()
    exit = _exit(feed, interrupts)
    notes += [f"stopped: {feed.stopped}"] if feed.stopped else []
    notes += _failures(feed, places)
    patience = CLOSE_SECONDS if interrupts.exit is None else INTERRUPTED_SECONDS
    notes += mirror.close(exit if feed.done == feed.total else Exit.INTERRUPTED, patience)
    if projection.problem:
        notes.append(f"Optuna's studies: {projection.problem}; run `synaug rebuild-study {places.out}`")
    for note in notes:
        journal.warn(note)
    journal.say(f"sweep {spec.name} ended: {exit.name}, {feed.done} of {feed.total} cells are done")
    return Ended(exit, feed.done, feed.total, tuple(notes))


def _on_ray(
    prepared: Prepared,
    options: RunOptions,
    console: Console,
    feed: Feed,
    mirror: Mirror,
    interrupts: Interrupts,
) -> list[str]:
    """Encode, share and run the open cells; return what the user should know."""
    spec = prepared.spec
    console.print(
        "starting Ray …" if options.address == "local" else f"connecting to {options.address} …", style="dim"
    )
    cells = [entry.cell for entry in feed.entries.values()]
    grows = options.workers is None and options.address != "local" and not options.gpus_per_trial
    with connected(options.address, options.workers, options.gpus_per_trial) as cluster:
        before = stored()
        shared = share_all(prepared, console, encode=encode_on_ray)
        digest, job = _digest(shared), job_of(spec, address=options.address)
        console.print("finding neighbours …", style="dim")
        shared = [with_graphs(of_encoder, *neighborhoods(cells, spec)) for of_encoder in shared]
        with (
            Progress(console, cluster.workers, lambda: feed.total) as counter,
            interrupts.caught() as halt,
        ):
            from . import tune_run  # imports Ray, which reads its environment then

            mirror.show(counter, gauges_of(feed, spec.name) if cluster.exports else None)
            while feed.open and not halt.now and not feed.stopped:
                workers = None if grows else cluster.workers
                tune_run.run(feed, shared, job, halt, workers, cluster.engines)
        note = spill_note(before, stored(), sum(of_encoder.X.nbytes for of_encoder in shared))
    if _digest(shared) != digest:
        raise SynaugError("the shared embeddings were changed while cells ran; please report", Exit.INTEGRITY)
    return [note] if note else []


def _failures(feed: Feed, places: Places) -> list[str]:
    """Sentences on the cells that failed: the first few by name."""
    failed = [e for e in feed.entries.values() if e.closed is not None and e.closed["status"] == "failed"]
    named = [
        f"{e.label} failed: {e.closed['reason']}; see `synaug logs {places.out} {e.key}`"
        for e in failed[:NAMED]
        if e.closed is not None
    ]
    more = len(failed) - len(named)
    return [*named, f"{more} more cells failed; `synaug status {places.out}` counts them"] if more else named


def _digest(shared: Sequence[Shared]) -> list[str]:
    return [hashlib.sha256(np.ascontiguousarray(of_encoder.X).data).hexdigest() for of_encoder in shared]


def _exit(feed: Feed, interrupts: Interrupts) -> Exit:
    if interrupts.exit is not None:
        return interrupts.exit
    failed = any(e.closed is not None and e.closed["status"] == "failed" for e in feed.entries.values())
    return Exit.SOME_FAILED if failed else Exit.OK
