"""Engines train for cells: one a GPU, each takes the requests that wait and trains them in one batch.

A trial stays one cell: it makes its synthetic rows, asks an engine for the trained models' logits, and
scores them. What an engine batches changes no number beyond the rounding of sums.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from synaug.classifiers import Classifier
from synaug.classifiers.base import take_rows
from synaug.classifiers.options import FoldRows, LadderLogits, MlpOptions
from synaug.errors import Exit, Problem, SynaugError
from synaug.evaluate import Codes, Replicate

DEVICE = "cuda"
GATHER_SECONDS = 0.02  # that a request waits for others
SHARE = 0.5  # of the device's free memory that a batch may take
LEAST_MEMORY = 64 << 20  # bytes; with less there is no point in smaller batches
CPU_MEMORY = 1 << 30  # bytes that a batch may take where the device is the processor
RESTARTS = 3


@dataclass(frozen=True)
class Request:
    """The training of one cell on one replicate.

    Attributes:
        shared: references to the ``Shared`` of each encoder.
        options: the classifier.
        scene: which draws.
        replicate: the number of the draw there.
        test: score the rows behind the gate, not those of dev.
        folds: what the model of each fold trains on.
        generators: one a fold, for its initial weights.
        encoder: position of the ``Shared`` that it is of.
    """

    shared: Sequence[Any]
    options: MlpOptions
    scene: str
    replicate: int
    test: bool
    folds: Sequence[FoldRows]
    generators: Sequence[np.random.Generator]
    encoder: int = 0


class Engine:
    """A Ray actor that holds a device.

    Args:
        device: of torch.
    """

    def __init__(self, device: str):
        self._device = device
        self._shared: dict[int, Any] = {}  # by encoder, read with its first request
        self._waiting: list[tuple[Request, asyncio.Future[LadderLogits]]] = []
        self._work: asyncio.Task[None] | None = None

    async def ready(self) -> None:
        """Raise what torch says where it cannot use the device."""
        import torch

        torch.zeros(1).to(self._device)

    async def train(self, request: Request) -> LadderLogits:
        """Train a cell, together with others of its replicate that wait; return its logits."""
        answer: asyncio.Future[LadderLogits] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, answer))
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._serve())
        return await answer

    async def _serve(self) -> None:
        """Train batch after batch until nobody waits."""
        while self._waiting:
            await asyncio.sleep(GATHER_SECONDS)
            first = self._waiting[0][0]
            batch = [pair for pair in self._waiting if same_rows(pair[0], first)]
            self._waiting = [pair for pair in self._waiting if not same_rows(pair[0], first)]
            try:
                found = await asyncio.to_thread(self._train, [request for request, _ in batch])
            except Exception as error:  # each cell reports it as its own result
                for _, answer in batch:
                    answer.set_exception(error)
                continue
            for (_, answer), logits in zip(batch, found, strict=True):
                answer.set_result(logits)

    def _train(self, batch: Sequence[Request]) -> list[LadderLogits]:
        import ray
        import torch

        if batch[0].encoder not in self._shared:
            self._shared[batch[0].encoder] = ray.get(batch[0].shared[batch[0].encoder])
        memory = _memory(self._device)
        while True:
            try:
                return self._train_in(memory, batch)
            except torch.OutOfMemoryError:  # others use the device too
                if memory < LEAST_MEMORY:
                    raise
                memory //= 2

    def _train_in(self, memory: int, batch: Sequence[Request]) -> list[LadderLogits]:
        from synaug.classifiers.stacked import Cell, train_cells

        shared = self._shared[batch[0].encoder]
        data: Replicate = shared.replicate(batch[0].replicate, batch[0].scene)
        scored = shared.test if batch[0].test else data.draw.dev
        return train_cells(
            take_rows(data.X, data.draw.rows),
            data.y[data.draw.rows],
            data.draw.folds,
            [Cell(request.folds, copy.deepcopy(request.generators)) for request in batch],
            take_rows(data.X, scored),
            len(data.classes),
            batch[0].options,
            self._device,
            memory,
        )


def same_rows(one: Request, other: Request) -> bool:
    """Whether two requests train one kind of network on the same rows, so that they share a product."""
    first, second = ((r.encoder, r.scene, r.replicate, r.test, r.options) for r in (one, other))
    return first == second


def _memory(device: str) -> int:
    if device == "cpu":
        return CPU_MEMORY
    import torch

    torch.cuda.empty_cache()
    return int(SHARE * torch.cuda.mem_get_info(device)[0])


class Client:
    """What trains for a cell that has engines: the ``train`` of ``synaug.evaluate``.

    Args:
        engine: handle of the engine.
        shared: references to the ``Shared`` of each encoder.
        scene: which draws.
        replicate: the number of the draw there.
        test: score the rows behind the gate.
        encoder: position of the ``Shared``.
    """

    def __init__(
        self, engine: Any, shared: Sequence[Any], scene: str, replicate: int, test: bool, encoder: int = 0
    ):
        self._engine, self._shared, self._test, self._encoder = engine, shared, test, encoder
        self._scene, self._replicate = scene, replicate

    def __call__(
        self,
        data: Replicate,
        rows: Sequence[FoldRows],
        options: Classifier,
        scored: Codes,
        generators: Sequence[np.random.Generator],
    ) -> LadderLogits:
        """Ask the engine; ``scored`` is known there."""
        assert isinstance(options, MlpOptions), "engines train networks alone"
        import ray
        from ray.exceptions import RayTaskError

        request = Request(
            self._shared, options, self._scene, self._replicate, self._test, rows, generators, self._encoder
        )
        try:
            found: LadderLogits = ray.get(self._engine.train.remote(request))
        except RayTaskError as error:
            raise error.cause from None
        return found


@dataclass(frozen=True)
class Engines:
    """The engines of a sweep.

    Attributes:
        actors: handles, one a GPU.
        shared: references to the ``Shared`` of each encoder.
    """

    actors: Sequence[Any]
    shared: Sequence[Any]

    def client(self, key: str, scene: str, replicate: int, test: bool, encoder: int = 0) -> Client:
        """What trains for a cell: the cells are dealt to the engines by their trial_key.

        Args:
            key: the cell's trial_key.
            scene: which draws.
            replicate: the number of the draw there.
            test: score the rows behind the gate.
            encoder: position of the ``Shared``.
        """
        actor = self.actors[int(key, 16) % len(self.actors)]
        return Client(actor, self.shared, scene, replicate, test, encoder)


def start_engines(number: int, shared: Sequence[Any]) -> Engines:
    """Start so many engines, each with a GPU of its own; one that dies is started again elsewhere.

    Args:
        number: of GPUs.
        shared: references to a ``Shared`` in the object store, one for each encoder.

    Raises:
        SynaugError: torch cannot use a GPU that Ray gives (exit 6).
    """
    import ray
    from ray.exceptions import RayTaskError

    settings: dict[str, Any] = {
        "num_cpus": 0, "num_gpus": 1, "max_restarts": RESTARTS, "max_task_retries": RESTARTS
    }  # fmt: skip
    actor: Any = ray.remote(**settings)(Engine)
    engines = tuple(actor.remote(DEVICE) for _ in range(number))
    try:
        ray.get([engine.ready.remote() for engine in engines])
    except RayTaskError as error:
        text = f"torch cannot use a GPU that Ray counts: {error.cause}"
        fix = "install a build of torch for it on every node, or train on CPUs with --gpus-per-trial 0"
        raise SynaugError(Problem(text, fix=fix), Exit.RESOURCES) from None
    return Engines(engines, shared)
