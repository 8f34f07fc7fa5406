"""Ray Tune runs the cells that a feed hands out, and hands back what they report."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any, Protocol

os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")  # read when ray.tune is imported
os.environ.setdefault("TUNE_DISABLE_SIGINT_HANDLER", "1")
os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
os.environ.setdefault("TUNE_GLOBAL_CHECKPOINT_S", "3600")  # its state is never read again
# Workers start side by side. With one at a time a short cell ends, and its worker takes the cell that the
# next one was started for, before that is up: a single worker would run them all.
os.environ.setdefault("TUNE_MAX_PENDING_TRIALS_PG", "1000000")

import ray
from ray import tune
from ray.tune import Stopper
from ray.tune.error import TuneError
from ray.tune.experiment import Trial
from ray.tune.progress_reporter import TrialProgressCallback
from ray.tune.schedulers import FIFOScheduler
from ray.tune.search import Searcher

from .death import EARLY, Death
from .engine import start_engines
from .feed import Finished, Halt
from .inquest import Attempt, Inquest
from .nodes import refused_node
from .prepare import Shared
from .trial import Job, Work, run_cell

CAPACITY_SECONDS = 2.0  # between two looks at what a cluster has


class Feed(Protocol):
    """What hands out cells and takes their results."""

    def next_work(self) -> Work | Finished | None:
        """Return the next cell to run, None to ask again later, or FINISHED."""

    def result(self, key: str, line: Mapping[str, Any]) -> None:
        """Take one replicate's result."""

    def ended(self, key: str, death: Death | None) -> None:
        """Take note that an attempt is over, and how it died if it did."""


class HaltStopper(Stopper):
    """Ends the run when it was told to halt."""

    def __init__(self, halt: Halt) -> None:
        self._halt = halt

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """No trial is stopped by its result."""
        return False

    def stop_all(self) -> bool:
        """Whether all trials end now."""
        return self._halt.asked()


class Capacity:
    """How many cells run at a time: one a CPU that the cluster has now, for nodes come and go.

    Args:
        workers: cells at a time, whatever the cluster has; None: one a CPU.
    """

    def __init__(self, workers: int | None):
        self._workers, self._known, self._asked = workers, 1, float("-inf")

    def __call__(self) -> int:
        """Return the number for now."""
        if self._workers is not None:
            return self._workers
        if time.monotonic() - self._asked > CAPACITY_SECONDS:
            have = ray.cluster_resources()  # type: ignore[no-untyped-call]
            self._known, self._asked = max(1, int(have.get("CPU", 0))), time.monotonic()
        return self._known


class Witness(FIFOScheduler):
    """Runs trials as they come, and keeps what Ray said of one that died: a searcher is asked, not told."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.errors: dict[str, str] = {}
        self._waiting: list[Trial] = []  # and some that have begun

    def on_trial_error(self, tune_controller: Any, trial: Trial) -> None:
        """Keep the error of a trial."""
        self.errors[trial.trial_id] = str(trial.get_error() or "")

    def on_trial_add(self, tune_controller: Any, trial: Trial) -> None:
        """Let a trial wait."""
        self._waiting.append(trial)

    def choose_trial_to_run(self, tune_controller: Any) -> Trial | None:
        """Of the trials that wait, the last one: the worker that starts for it has come least far.

        It is what a worker that is free takes, and the one that starts for it ends.
        """
        self._waiting = [trial for trial in self._waiting if trial.status == Trial.PENDING]
        return self._waiting[-1] if self._waiting else None


class Forgetting(TrialProgressCallback):
    """Empties what Tune keeps of each trial that has ended: 40 kB, which nobody reads again.

    Tune takes it for what prints results, and adds nothing that does.
    """

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """Print nothing."""

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Empty a trial whose last result was passed on."""
        kept = trial.run_metadata
        kept.metric_analysis, kept.metric_n_steps = {}, {}
        kept.last_result = {name: value for name, value in kept.last_result.items() if name != "line"}

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Empty a trial whose process died."""
        self.on_trial_complete(iteration, trials, trial)


class FeedSearcher(Searcher):
    """Gives Ray Tune the cells of a feed. Nothing of it is ever saved: the ledger is the state.

    What the feed raises, a full disk for instance, is kept in ``error`` and ends the run: Tune would
    wrap it, or blame a trial for it.
    """

    def __init__(self, feed: Feed, halt: Halt, workers: int | None, inquest: Inquest):
        super().__init__()
        self.error: Exception | None = None
        self.witness = Witness()
        self._feed, self._halt, self._inquest, self._capacity = feed, halt, inquest, Capacity(workers)
        self._running: dict[str, Attempt] = {}  # by Tune's trial id

    def suggest(self, trial_id: str) -> Any:
        """Return the next cell, None to be asked later, or FINISHED."""
        if len(self._running) >= self._capacity():
            return None
        with self._kept():
            work = self._feed.next_work()
        if isinstance(work, Finished):
            return str(Searcher.FINISHED)
        if work is None:
            return None
        self._running[trial_id] = work.key, work.attempt
        return asdict(work)

    def on_trial_result(self, trial_id: str, result: Mapping[str, Any]) -> None:
        """Pass one replicate's result on."""
        if self.error is None:
            with self._kept():
                if "refused" in result:
                    raise refused_node(result["refused"])
                said = {"output": result["output"]} if "output" in result else {}
                self._feed.result(self._running[trial_id][0], json.loads(result["line"]) | said)

    def on_trial_complete(
        self, trial_id: str, result: Mapping[str, Any] | None = None, error: bool = False
    ) -> None:
        """Pass the last result on, and that the attempt is over."""
        if trial_id not in self._running or self.error is not None:
            return
        if result and ("line" in result or "refused" in result):
            self.on_trial_result(trial_id, result)
        with self._kept():
            attempt = self._running.pop(trial_id)
            said = self.witness.errors.pop(trial_id, "")
            self._feed.ended(attempt[0], self._inquest.of(attempt, said) if error else None)

    def end_lost(self, error: BaseException | None) -> None:
        """End the attempts that Tune no longer follows, because of ``error`` or because it was halted."""
        attempts = list(self._running.values())
        self._running.clear()
        deaths = self._inquest.of_all(attempts, error) if error is not None else {}
        for attempt in attempts:
            self._feed.ended(attempt[0], deaths.get(attempt, EARLY))

    @property
    def running(self) -> bool:
        """Whether an attempt has not ended."""
        return bool(self._running)

    @contextmanager
    def _kept(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self.error, self._halt.now = error, True
            raise

    def save(self, checkpoint_path: str) -> None:
        """Save nothing."""

    def restore(self, checkpoint_path: str) -> None:
        """Restore nothing."""

    def save_to_dir(self, checkpoint_dir: str, session_str: str = "default") -> None:
        """Save nothing."""


def run(
    feed: Feed, shared: Sequence[Shared], job: Job, halt: Halt, workers: int | None, engines: int = 0
) -> None:
    """Put the shared data into the object store and run the feed's cells.

    Returns when none is left, or when Tune gave up because a process died: look at the feed and call
    it again.

    Args:
        feed: what runs.
        shared: read by every cell without a copy, one for each encoder.
        job: what all cells have in common.
        halt: ends the run early.
        workers: cells at a time; None: one a CPU, also of nodes that join later.
        engines: GPUs that train the networks of the cells; 0: each cell trains by itself.

    Raises:
        SynaugError: what the feed raised.
    """
    references = [ray.put(of_encoder) for of_encoder in shared]
    job = replace(job, run=secrets.token_hex(8), gpus=engines > 0)
    if engines and job.network is not None:
        job = replace(job, engines=start_engines(engines, references))
    if ray.util.client.ray.is_connected():  # type: ignore[no-untyped-call]
        from .ray_client import run_through_client

        run_through_client(feed, references, job, halt, workers)
    else:
        run_shared(feed, references, job, halt, workers)


def run_shared(feed: Feed, shared: Sequence[Any], job: Job, halt: Halt, workers: int | None) -> None:
    """Run the feed's cells on data that lies in the object store: ``run`` without the put.

    Args:
        feed: what runs.
        shared: references to a ``Shared``, one for each encoder; the others as for ``run``.
    """
    searcher = FeedSearcher(feed, halt, workers, Inquest(job.run, job.timeout))
    gave_up: Exception | None = None
    _forget_what_ends()
    trainable = tune.with_resources(tune.with_parameters(run_cell, shared=shared, job=job), {"cpu": 1})
    with tempfile.TemporaryDirectory(prefix="synaug-tune-") as storage:
        try:
            tune.run(
                trainable,
                name="sweep",
                num_samples=-1,
                search_alg=searcher,
                scheduler=searcher.witness,
                stop=HaltStopper(halt),
                reuse_actors=True,
                raise_on_failed_trial=False,
                storage_path=storage,
                verbose=0,
                log_to_file=False,
            )
        except (TuneError, RuntimeError) as error:
            # Tune also ends this way when Ray's memory monitor kills a trial, an error it does not know.
            if searcher.error is None and not searcher.running:
                raise
            gave_up = error
    if searcher.error is not None:
        raise searcher.error
    searcher.end_lost(gave_up)


def _forget_what_ends() -> None:
    """Name ``Forgetting`` to Tune; before it takes one that it is given, it imports MLflow."""
    name, named = f"{__name__}.{Forgetting.__name__}", os.environ.get("RAY_TUNE_CALLBACKS", "")
    if name not in named.split(","):
        os.environ["RAY_TUNE_CALLBACKS"] = f"{named},{name}".strip(",")
