"""What the model of a method tells of itself: of the model that made the rows, once for all ratios."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synaug.diagnostics import diagnose
from synaug.evaluate import Replicate, fold_rows, make_pools
from synaug.imbalance import Draw
from synaug.methods import METHODS
from synaug.methods.base import Method
from synaug.methods.vae import Vae
from synaug.pool_cache import PoolCache
from synaug.randomness import Streams

SIZES, FOLDS = (90, 40, 36), 4


def replicate() -> Replicate:
    """Gaussian classes, a quarter of each held out by fold 0, and dev rows."""
    y = np.concatenate([np.repeat([0, 1, 2], SIZES), np.repeat([0, 1, 2], 20)])
    X = np.random.default_rng(1).normal(size=(len(y), 10)).astype(np.float32)
    rows, folds = np.arange(sum(SIZES)), np.concatenate([np.arange(size) % FOLDS for size in SIZES])
    draw = Draw(1, rows, folds, np.arange(sum(SIZES), len(y)))
    return Replicate(X, y, ("a", "b", "c"), draw, {}, Streams(0, "5eed" * 16))


def arm(**knobs: Any) -> Method:
    return METHODS["vae"](epochs=20, latent=4, **knobs)


def test_a_model_is_examined_once_for_all_ratios(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNAUG_CACHE", str(tmp_path))
    data, calls, examine = replicate(), [], Vae.examine

    def counted(self: Vae, *given: Any) -> dict[str, float]:
        calls.append(self)
        return examine(self, *given)

    monkeypatch.setattr(Vae, "examine", counted)
    pools = PoolCache()
    given = [
        diagnose(method, data, fold_rows(method, data, 0, make_pools(method, data)), cache=pools)
        for method in (arm(), arm(ratio=150.0), arm(beta=2.0))
    ]
    assert calls == [arm(), arm(beta=2.0)]
    of_model = [{key: value for key, value in each.items() if key.startswith("vae_")} for each in given]
    assert of_model[0] == of_model[1] != of_model[2]
    method = arm()
    assert given[0] == diagnose(method, data, fold_rows(method, data, 0, make_pools(method, data)))
    assert len(of_model[0]) == 9 + 4


def test_the_model_that_is_examined_is_the_one_that_makes_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    data, method = replicate(), arm()
    read: list[tuple[Any, np.random.Generator]] = []

    def kept(model: Any, rows: Any, unseen: Any, generator: np.random.Generator) -> dict[str, float]:
        read.append((model, generator))
        return {"vae_kl": 1.0}

    monkeypatch.setattr("synaug.diagnostics.posterior.read_vae", kept)
    pools = make_pools(method, data)
    pool, rows = pools[0], fold_rows(method, data, 0, pools)
    assert diagnose(method, data, rows)["vae_kl"] == 1
    for code, (model, generator) in zip((1, 2), read, strict=True):
        made = pool.rows[pool.labels == code] if pool.rows is not None else None
        assert made is not None
        codes = generator.standard_normal((len(made), 4), dtype=np.float32)  # what the pool draws next
        np.testing.assert_allclose(model.decode(codes), model.standardise(made), atol=1e-5)
