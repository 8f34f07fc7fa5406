"""Ray Tune runs the cells that a feed hands out, and hands back what they report."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any, Protocol

os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")  # read when ray.tune is imported
os.environ.setdefault("TUNE_DISABLE_SIGINT_HANDLER", "1")
os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
os.environ.setdefault("TUNE_GLOBAL_CHECKPOINT_S", "3600")  # its state is never read again

import ray
from ray import tune
from ray.tune import Stopper
from ray.tune.error import TuneError
from ray.tune.search import Searcher

from .engine import start_engines
from .feed import Finished, Halt
from .prepare import Shared
from .trial import Job, Work, run_cell


class Feed(Protocol):
    """What hands out cells and takes their results."""

    def next_work(self) -> Work | Finished | None:
        """Return the next cell to run, None to ask again later, or FINISHED."""

    def result(self, key: str, line: Mapping[str, Any]) -> None:
        """Take one replicate's result."""

    def ended(self, key: str, died: bool) -> None:
        """Take note that an attempt is over."""


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


class FeedSearcher(Searcher):
    """Gives Ray Tune the cells of a feed. Nothing of it is ever saved: the ledger is the state.

    What the feed raises, a full disk for instance, is kept in ``error`` and ends the run: Tune would
    wrap it, or blame a trial for it.
    """

    def __init__(self, feed: Feed, halt: Halt):
        super().__init__()
        self.error: Exception | None = None
        self._feed, self._halt = feed, halt
        self._running: dict[str, str] = {}  # Tune's trial id -> trial_key

    def suggest(self, trial_id: str) -> Any:
        """Return the next cell, None to be asked later, or FINISHED."""
        with self._kept():
            work = self._feed.next_work()
        if isinstance(work, Finished):
            return str(Searcher.FINISHED)
        if work is None:
            return None
        self._running[trial_id] = work.key
        return asdict(work)

    def on_trial_result(self, trial_id: str, result: Mapping[str, Any]) -> None:
        """Pass one replicate's result on."""
        if self.error is None:
            with self._kept():
                self._feed.result(self._running[trial_id], json.loads(result["line"]))

    def on_trial_complete(
        self, trial_id: str, result: Mapping[str, Any] | None = None, error: bool = False
    ) -> None:
        """Pass the last result on, and that the attempt is over."""
        if trial_id not in self._running or self.error is not None:
            return
        if result and "line" in result:
            self.on_trial_result(trial_id, result)
        with self._kept():
            self._feed.ended(self._running.pop(trial_id), died=error)

    def end_lost(self) -> None:
        """End the attempts that Tune no longer follows."""
        while self._running:
            self._feed.ended(self._running.popitem()[1], died=True)

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


def run(feed: Feed, shared: Sequence[Shared], job: Job, halt: Halt, workers: int, engines: int = 0) -> None:
    """Put the shared data into the object store and run the feed's cells.

    Returns when none is left, or when Tune gave up because a process died: look at the feed and call
    it again.

    Args:
        feed: what runs.
        shared: read by every cell without a copy, one for each encoder.
        job: what all cells have in common.
        halt: ends the run early.
        workers: cells at a time.
        engines: GPUs that train the networks of the cells; 0: each cell trains by itself.

    Raises:
        SynaugError: what the feed raised.
    """
    references = [ray.put(of_encoder) for of_encoder in shared]
    if engines and job.network is not None:
        job = replace(job, engines=start_engines(engines, references))
    if ray.util.client.ray.is_connected():  # type: ignore[no-untyped-call]
        from .ray_client import run_through_client

        run_through_client(feed, references, job, halt, workers)
    else:
        run_shared(feed, references, job, halt, workers)


def run_shared(feed: Feed, shared: Sequence[Any], job: Job, halt: Halt, workers: int) -> None:
    """Run the feed's cells on data that lies in the object store: ``run`` without the put.

    Args:
        feed: what runs.
        shared: references to a ``Shared``, one for each encoder; the others as for ``run``.
    """
    searcher = FeedSearcher(feed, halt)
    trainable = tune.with_resources(tune.with_parameters(run_cell, shared=shared, job=job), {"cpu": 1})
    with tempfile.TemporaryDirectory(prefix="synaug-tune-") as storage:
        try:
            tune.run(
                trainable,
                name="sweep",
                num_samples=-1,
                search_alg=searcher,
                stop=HaltStopper(halt),
                max_concurrent_trials=workers,
                reuse_actors=True,
                raise_on_failed_trial=False,
                storage_path=storage,
                verbose=0,
                log_to_file=False,
            )
        except (TuneError, RuntimeError):
            # Tune also ends this way when Ray's memory monitor kills a trial, an error it does not know.
            if searcher.error is None and not searcher.running:
                raise
    if searcher.error is not None:
        raise searcher.error
    searcher.end_lost()
