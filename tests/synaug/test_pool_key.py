"""The key of a pool: other for everything that the rows depend on, the same for all else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from synaug import pool_cache
from synaug.knobs import Choice, Knob, Value
from synaug.methods import METHODS
from synaug.methods.base import Method, TrainingPart
from synaug.neighbors import NeighborGraph
from synaug.pool_cache import pool_keys
from synaug.randomness import Stream, Streams

Y = np.arange(40) % 5 // 2
X = np.random.default_rng(2).normal(size=(len(Y), 6)).astype(np.float32)
FOLD = np.arange(len(Y)) // 5 % 2
VAE = METHODS["vae"]()


def graph(metric: str) -> NeighborGraph:
    raise AssertionError("a VAE needs no neighbors")


def parts(X: np.ndarray = X, y: np.ndarray = Y, fold: np.ndarray = FOLD) -> list[TrainingPart]:
    rows = [np.flatnonzero(fold != held) for held in range(2)]
    return [TrainingPart(X, mine, y[mine], 3, graph) for mine in rows]


def key(
    method: Method = VAE, given: list[TrainingPart] | None = None, replicate: int = 0, **streams: Any
) -> tuple[str, ...]:
    given = parts() if given is None else given
    numbers = Streams(**{"root": 0, "data": "5eed" * 16} | streams)
    states = [numbers.random_state(Stream.VAE, replicate, fold) for fold in range(len(given))]
    return tuple(pool_keys(method, given, states))


def other(array: np.ndarray, value: float) -> np.ndarray:
    """The array with another first entry."""
    changed = array.copy()
    changed.flat[0] = value
    return changed


def changed(knob: Knob) -> Value:
    """Another value than the default."""
    return knob.domain.options[-1] if isinstance(knob.domain, Choice) else knob.clean(2)


def test_all_that_the_rows_depend_on_changes_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    knobs = [k for k in METHODS["vae"].knobs() if k.name != "ratio"]
    keys = [
        key(),
        key(METHODS["smote"]()),
        *(key(METHODS["vae"](**{k.name: changed(k)})) for k in knobs),
        key(given=parts(other(X, 0.25))),
        key(given=parts(X[:, :-1])),
        key(given=parts(y=other(Y, 1))),
        key(given=parts(fold=other(FOLD, 1))),
        key(given=parts()[:1]),
        key(given=parts()[::-1]),
        key(given=[replace(part, n_classes=4) for part in parts()]),
        key(given=[replace(part, precision="bfloat16") for part in parts()]),
        key(replicate=1),
        key(root=1),
        key(data="beef" * 16),
        key(nuisance=1),
    ]
    monkeypatch.setattr(pool_cache, "ENGINE_VERSION", -1)
    keys.append(key())
    monkeypatch.setattr(torch, "get_num_threads", lambda: 77)
    keys.append(key())
    assert len(knobs) == 8
    assert len(set(keys)) == len(keys) == 24


def test_nothing_else_changes_the_key() -> None:
    twice = [replace(part, X=np.concatenate([X, X]), classes=("x", "y", "z")) for part in parts()]
    behind = [replace(part, X=np.concatenate([X[:7], X]), rows=part.rows + 7) for part in parts()]
    assert {key(METHODS["vae"](ratio=ratio)) for ratio in (12.5, 200.0)} == {key()}
    assert key(given=twice) == key(given=behind) == key()
