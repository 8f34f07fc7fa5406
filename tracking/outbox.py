"""Carries runs to MLflow on one background thread, so that a sweep never waits for a server."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING

from tracking.errors import TrackingError, TrackingUnavailable, redact
from tracking.probing import probe
from tracking.runs import child_runs, write_cell, write_parent
from tracking.schema import PARENT, CellRun, ParentRun
from tracking.service import PATIENT, Retry, ensure_experiment, open_client

if TYPE_CHECKING:
    from mlflow import MlflowClient

_log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Job:
    """One run to write; ``build`` is called at most once, on the thread."""

    trial_key: str
    build: Callable[[], ParentRun | CellRun]
    built: ParentRun | CellRun | None = None

    def run(self) -> ParentRun | CellRun:
        if self.built is None:
            self.built = self.build()
        return self.built


class Outbox:
    """Writes runs in the order they are put, each until it is acknowledged.

    While the store does not answer it is probed every few seconds. When it refuses (a wrong
    password, a missing permission, a rejected value), or a run cannot be built, the thread ends and
    :attr:`stopped` is True; what was not sent is in the ledger and can be sent later.

    Args:
        uri: the tracking store.
        experiment: the experiment's name, which is the sweep's.
        artifact_root: where a new experiment keeps artifacts; None leaves it to the server.
        acknowledged: called on the thread with (trial key or ``"parent"``, run id) when a run is
            written; not called after :meth:`close` has returned.
        retry: how long one call is tried before the store counts as away.
        probe_seconds: the wait between two probes.
        quiet_seconds: the wait before the first call, cut short by the first cell and by :meth:`close`.
            MLflow takes two seconds of a processor to import.
    """

    def __init__(
        self,
        uri: str,
        experiment: str,
        artifact_root: str | None,
        acknowledged: Callable[[str, str], None],
        retry: Retry = PATIENT,
        probe_seconds: float = 5.0,
        quiet_seconds: float = 0.0,
    ):
        self._uri = uri
        self._experiment = experiment
        self._artifact_root = artifact_root
        self._acknowledged = acknowledged
        self._retry = retry
        self._probe_seconds = probe_seconds
        self._quiet_seconds = quiet_seconds
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._unsent: list[_Job] = []
        self._lock = threading.Lock()
        self._acknowledging = threading.Lock()
        self._give_up, self._begin = threading.Event(), threading.Event()
        self._problem: str | None = None
        self._stopped = False
        self._client: MlflowClient | None = None
        self._experiment_id = ""
        self._parent_id = ""
        self._maybe_there: set[str] = set()
        self._thread = threading.Thread(target=self._work, name="mlflow-outbox", daemon=True)
        self._thread.start()

    @property
    def problem(self) -> str | None:
        """What keeps runs from being sent, passwords hidden; None while all is well."""
        return self._problem

    @property
    def stopped(self) -> bool:
        """True when waiting cannot help and the thread has ended before its work was done."""
        return self._stopped

    @property
    def experiment_id(self) -> str:
        """The experiment's id; known to what makes a run on the thread, "" before the store was opened."""
        return self._experiment_id

    def open_parent(self, parent: ParentRun | Callable[[], ParentRun]) -> None:
        """Queue the parent run, or a function that makes it on the thread; comes before every cell."""
        self._put_parent(parent)

    def put(self, cell: CellRun | Callable[[], CellRun], trial_key: str = "") -> None:
        """Queue a cell, or a function that makes it on the thread (where figures are drawn).

        Args:
            cell: the run, or what makes it; called once.
            trial_key: the cell's key; needed with a function.
        """
        if isinstance(cell, CellRun):
            ready = cell
            self._put(_Job(ready.trial_key, lambda: ready))
        else:
            assert trial_key, "a cell that is made later needs its trial key now"
            self._put(_Job(trial_key, cell))

    def finish_parent(self, parent: ParentRun | Callable[[], ParentRun]) -> None:
        """Queue the last state of the parent run, or a function that makes it on the thread."""
        self._put_parent(parent)

    def _put_parent(self, parent: ParentRun | Callable[[], ParentRun]) -> None:
        if isinstance(parent, ParentRun):
            ready = parent
            self._put(_Job(PARENT, lambda: ready))
        else:
            self._put(_Job(PARENT, parent))

    def close(self, timeout: float) -> list[str]:
        """Wait until all is sent, at most ``timeout`` seconds; return the keys not yet sent.

        ``"parent"`` stands for the parent run. Call it once, after the last :meth:`put`.
        """
        self._jobs.put(None)
        self._begin.set()
        self._thread.join(timeout)
        with self._acknowledging:
            self._give_up.set()
        with self._lock:
            return list(dict.fromkeys(job.trial_key for job in self._unsent))

    def _put(self, job: _Job) -> None:
        with self._lock:
            self._unsent.append(job)
        self._jobs.put(job)
        if job.trial_key != PARENT:
            self._begin.set()

    def _work(self) -> None:
        self._begin.wait(self._quiet_seconds)
        try:
            for job in iter(self._jobs.get, None):
                self._deliver(job)
                if self._give_up.is_set():
                    return
        except TrackingError as error:
            if not self._give_up.is_set():
                self._problem, self._stopped = str(error), True
        except Exception as error:
            # A mistake of ours in a run that MLflow does not need to go on: it ends this thread,
            # not the sweep.
            _log.exception("the MLflow outbox ends: please report this")
            self._problem, self._stopped = redact(f"internal error: {error!r}"), True

    def _deliver(self, job: _Job) -> None:
        """Write one run, waiting for the store as long as it takes."""
        while True:
            try:
                self._acknowledge(job, self._write(job))
                return
            except TrackingUnavailable as error:
                if not error.retryable:
                    raise
                self._maybe_there.add(job.trial_key)
                self._problem = str(error)
                self._wait_for_store(error)

    def _write(self, job: _Job) -> str:
        client, run = self._open(), job.run()
        maybe_there = job.trial_key in self._maybe_there
        if isinstance(run, ParentRun):
            self._parent_id = write_parent(client, self._experiment_id, run, retry=self._retry)
            return self._parent_id
        assert self._parent_id, "open_parent comes before the first cell"
        assert run.trial_key == job.trial_key, f"queued as {job.trial_key}, built as {run.trial_key}"
        return write_cell(
            client,
            self._experiment_id,
            self._parent_id,
            run,
            maybe_there=maybe_there,
            retry=self._retry,
        )

    def _open(self) -> MlflowClient:
        """Open the store once, and learn which runs an earlier start has left there."""
        if self._client is None:
            probe(self._uri)
            client = open_client(self._uri)
            self._experiment_id = ensure_experiment(
                client, self._experiment, self._artifact_root, self._retry
            )
            there = child_runs(client, self._experiment_id, self._experiment, self._retry)
            self._maybe_there.update(there)
            self._client = client
        return self._client

    def _wait_for_store(self, error: TrackingUnavailable) -> None:
        while not self._give_up.wait(self._probe_seconds):
            try:
                probe(self._uri)
                return
            except TrackingUnavailable as still:
                if not still.retryable:
                    raise
        raise error

    def _acknowledge(self, job: _Job, run_id: str) -> None:
        self._maybe_there.add(job.trial_key)
        with self._acknowledging:
            if self._give_up.is_set():
                return
            self._acknowledged(job.trial_key, run_id)
        with self._lock:
            self._unsent.remove(job)
        self._problem = None
