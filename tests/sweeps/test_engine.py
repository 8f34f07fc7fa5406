"""An engine trains together what waits together, and gives each cell its own answer or error."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
import torch

from sweeps.engine import CPU_MEMORY, Engine, Engines, Request
from synaug.classifiers.options import MlpOptions

OPTIONS, SLOWER = MlpOptions(), MlpOptions(learning_rate=0.001)


class Batches(Engine):
    """An engine that notes its batches; a cell's logits are its name."""

    def __init__(self) -> None:
        super().__init__("cpu")
        self.batches: list[list[Any]] = []

    def _train(self, batch: Sequence[Request]) -> list[Any]:
        self.batches.append([request.folds for request in batch])
        if "broken" in self.batches[-1]:
            raise ValueError("cannot train")
        return [request.folds for request in batch]


def request(
    name: Any, replicate: int = 0, test: bool = False, scene: str = "", options: MlpOptions = OPTIONS
) -> Request:
    return Request((), options, scene, replicate, test, name, ())


def answers(engine: Engine, requests: Sequence[Request]) -> list[Any]:
    async def ask() -> list[Any]:
        waiting = [engine.train(request) for request in requests]
        return list(await asyncio.gather(*waiting, return_exceptions=True))

    return asyncio.run(ask())


def test_cells_of_a_replicate_share_a_batch() -> None:
    engine = Batches()
    asked = [request("a"), request("b", 1), request("c"), request("d", test=True), request("e", 1)]
    assert answers(engine, asked) == ["a", "b", "c", "d", "e"]
    assert engine.batches == [["a", "c"], ["b", "e"], ["d"]]


def test_cells_on_other_draws_or_with_other_settings_train_apart() -> None:
    engine = Batches()
    asked = [request("a"), request("b", scene="confirm"), request("c", options=SLOWER), request("d")]
    assert answers(engine, asked) == ["a", "b", "c", "d"]
    assert engine.batches == [["a", "d"], ["b"], ["c"]]


def test_a_later_request_finds_the_engine_ready() -> None:
    engine = Batches()
    assert answers(engine, [request("a")]) == ["a"]
    assert answers(engine, [request("b"), request("c")]) == ["b", "c"]
    assert engine.batches == [["a"], ["b", "c"]]


def test_an_error_reaches_the_cells_of_its_batch_alone() -> None:
    found = answers(Batches(), [request("broken"), request("a"), request("b", 1)])
    assert [type(answer) for answer in found[:2]] == [ValueError, ValueError]
    assert found[2] == "b"


def test_a_full_device_gets_smaller_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []

    def train(self: Engine, memory: int, batch: Sequence[Request]) -> list[Any]:
        tried.append(memory)
        if memory > CPU_MEMORY // 4:
            raise torch.OutOfMemoryError
        return [request.folds for request in batch]

    monkeypatch.setattr(Engine, "_train_in", train)
    engine = Engine("cpu")
    engine._shared = {0: object()}
    assert answers(engine, [request("a"), request("b")]) == ["a", "b"]
    assert tried == [CPU_MEMORY, CPU_MEMORY // 2, CPU_MEMORY // 4]
    monkeypatch.setattr("sweeps.engine.LEAST_MEMORY", 2 * CPU_MEMORY)
    (found,) = answers(engine, [request("c")])
    assert isinstance(found, torch.OutOfMemoryError)


def test_cells_are_dealt_to_all_engines() -> None:
    engines = Engines(("one", "two", "three"), ())
    keys = [f"{number:016x}" for number in range(30)]
    dealt = [engines.client(key, "", 0, test=False)._engine for key in keys]
    assert {name: dealt.count(name) for name in engines.actors} == {"one": 10, "two": 10, "three": 10}
    assert dealt == [engines.client(key, "", 1, test=True)._engine for key in keys]


def test_a_device_that_is_not_there_is_told() -> None:
    with pytest.raises((AssertionError, RuntimeError)):
        asyncio.run(Engine("cuda:99").ready())
