"""Sweeps through a Ray client (``ray://``): Tune runs on the cluster, feed and ledger stay with the user."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import ray
from ray.exceptions import RayTaskError

from synaug.errors import SynaugError

from .death import Death
from .feed import Finished, Halt
from .trial import Job, Work
from .tune_run import Feed, run_shared

POLL_SECONDS = 1.0


class Bridge:
    """An actor that carries a searcher's calls to the feed at the user's end, one at a time."""

    def __init__(self) -> None:
        self._calls: asyncio.Queue[tuple[str, Sequence[Any]]] = asyncio.Queue()
        self._answers: asyncio.Queue[Any] = asyncio.Queue()
        self._stopped = False

    async def call(self, name: str, arguments: Sequence[Any]) -> Any:
        """Ask the feed, from the cluster; waits for its answer."""
        await self._calls.put((name, arguments))
        return await self._answers.get()

    async def next_call(self) -> tuple[str, Sequence[Any]] | None:
        """Return what the cluster asks, to the user's end; None when it asks nothing for a while."""
        try:
            return await asyncio.wait_for(self._calls.get(), POLL_SECONDS)
        except TimeoutError:
            return None

    async def answer(self, value: Any) -> None:
        """Answer the last call."""
        await self._answers.put(value)

    async def stop(self) -> None:
        """End the run on the cluster."""
        self._stopped = True

    async def stopped(self) -> bool:
        """Whether the run is to end."""
        return self._stopped


class RemoteFeed:
    """The feed as Tune's searcher on the cluster sees it."""

    def __init__(self, bridge: Any):
        self._bridge = bridge

    def next_work(self) -> Work | Finished | None:
        """Return the next cell to run, None to ask again later, or FINISHED."""
        work: Work | Finished | None = self._call("next_work")
        return work

    def result(self, key: str, line: Mapping[str, Any]) -> None:
        """Pass one replicate's result on."""
        self._call("result", key, line)

    def ended(self, key: str, death: Death | None) -> None:
        """Pass on that an attempt is over."""
        self._call("ended", key, death)

    def _call(self, name: str, *arguments: Any) -> Any:
        return ray.get(self._bridge.call.remote(name, arguments))


class RemoteHalt(Halt):
    """Ends the run when the user's end says so."""

    def __init__(self, bridge: Any):
        super().__init__()
        self._bridge = bridge

    def asked(self) -> bool:
        """Whether the run is to end, here or there."""
        return self.now or bool(ray.get(self._bridge.stopped.remote()))


def run_there(bridge: Any, shared: Sequence[Any], job: Job, workers: int | None) -> None:
    """Run Tune in this process of the cluster, with the feed at the other end of the bridge."""
    run_shared(RemoteFeed(bridge), shared, job, RemoteHalt(bridge), workers)


def run_through_client(feed: Feed, shared: Sequence[Any], job: Job, halt: Halt, workers: int | None) -> None:
    """Have the cluster run Tune, and answer its calls here until it ends; else as ``run_shared``."""
    make_bridge: Any = ray.remote(num_cpus=0)(Bridge)
    start: Any = ray.remote(num_cpus=0, max_retries=0)(run_there)
    bridge = make_bridge.remote()
    running = start.remote(bridge, shared, job, workers)
    try:
        while True:
            over = bool(ray.wait([running], timeout=0)[0])
            call = ray.get(bridge.next_call.remote())
            if halt.now:
                ray.get(bridge.stop.remote())
            if call is not None:
                name, arguments = call
                ray.get(bridge.answer.remote(getattr(feed, name)(*arguments)))
            elif over:
                break
        ray.get(running)
    except RayTaskError as error:
        raise error.cause if isinstance(error.cause, SynaugError) else error from None
    finally:
        ray.cancel(running)
        ray.kill(bridge)
