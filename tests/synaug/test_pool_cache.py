"""Pools on disk: the same numbers with and without, made once, made again where lost, bounded."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from synaug.classifiers.options import MlpOptions
from synaug.errors import Exit, NotApplicable, SynaugError
from synaug.evaluate import Replicate, evaluate, make_pools
from synaug.imbalance import Draw
from synaug.methods import METHODS
from synaug.methods.base import Method, Pool
from synaug.neighbors import NeighborGraph, depth_for
from synaug.pool_cache import PoolCache
from synaug.randomness import Streams
from synaug.sketch import sketch

SIZES, D, FOLDS = (60, 24, 16), 12, 4
Y = np.random.default_rng(1).permutation(np.repeat([0, 1, 2], SIZES))
X = (np.random.default_rng(2).normal(size=(len(Y), D)) + Y[:, None]).astype(np.float32)
RATIOS = (12.5, 50.0, 100.0, 200.0)


def replicate(X: np.ndarray = X, y: np.ndarray = Y) -> Replicate:
    rows, folds = np.arange(len(y)), np.arange(len(y)) % FOLDS
    graphs = {"euclidean": NeighborGraph.build(X, rows, y, "euclidean", depth_for(5, FOLDS))}
    return Replicate(X, y, ("a", "b", "c"), Draw(0, rows, folds, rows[:0]), graphs, Streams(0, "5eed" * 16))


DATA = replicate()


def vae(ratio: float = 100.0, **knobs: Any) -> Method:
    return METHODS["vae"](**{"epochs": 4, "latent": 3, "ratio": ratio} | knobs)


@pytest.fixture
def cache(tmp_path: Path) -> PoolCache:
    return PoolCache(tmp_path / "deep" / "pools")


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each pool for which VAEs are trained: how many."""
    calls: list[int] = []
    pool = METHODS["vae"].pool

    def counted(method: Method, *given: Any) -> Pool:
        made = pool(method, *given)
        calls.append(len(np.unique(made.labels)))
        return made

    monkeypatch.setattr(METHODS["vae"], "pool", counted)
    return calls


def entries(cache: PoolCache) -> list[str]:
    return sorted(path.suffix for path in cache.folder.iterdir() if path.name != "writing.lock")


def assert_same(pools: list[Pool], others: list[Pool]) -> None:
    for pool, other in zip(pools, others, strict=True):
        for field in dataclasses.fields(Pool):
            one, two = getattr(pool, field.name), getattr(other, field.name)
            assert type(one) is type(two)
            if one is not None:
                assert one.dtype == two.dtype
                np.testing.assert_array_equal(one, two, strict=True)


def test_a_sweep_over_ratios_has_the_same_results_and_trains_once(
    cache: PoolCache, trainings: list[int]
) -> None:
    def results(cache: PoolCache | None) -> list[dict[str, Any]]:
        outcomes = [evaluate(vae(r), DATA, MlpOptions((1, 4), 8), cache=cache) for r in RATIOS]
        return [dataclasses.asdict(outcome) | {"seconds": None} for outcome in outcomes]

    plain = results(None)
    assert len(trainings) == FOLDS * len(RATIOS)
    assert results(cache) == plain
    assert results(PoolCache(cache.folder)) == plain
    assert len(trainings) == FOLDS * (len(RATIOS) + 1)
    assert len({str(result["scores"]) for result in plain}) > 1
    assert entries(cache) == FOLDS * [".json"] + FOLDS * [".npy"]


def test_the_folder_is_private_and_beside_the_embeddings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNAUG_CACHE", str(tmp_path))
    make_pools(vae(), DATA, cache=PoolCache())
    assert (tmp_path / "pools").stat().st_mode & 0o777 == 0o700
    assert len(list((tmp_path / "pools").glob("*.npy"))) == FOLDS


@pytest.mark.parametrize("method", [vae(0.0), METHODS["smote"](), METHODS["none"]()], ids=lambda m: m.name)
def test_ratio_zero_and_cheap_arms_touch_nothing(cache: PoolCache, method: Method) -> None:
    outcome = evaluate(method, DATA, MlpOptions((1,), 8), cache=cache)
    assert outcome.status == "ok"
    assert not cache.folder.exists()


def test_a_reason_that_it_does_not_apply_is_passed_on(cache: PoolCache) -> None:
    for _ in range(2):
        with pytest.raises(NotApplicable, match="13 latent dimensions"):
            make_pools(vae(latent=13), DATA, cache=cache)
    assert entries(cache) == []


def test_a_sketch_shows_the_rows_that_the_cell_was_trained_on(cache: PoolCache, trainings: list[int]) -> None:
    all_folds = make_pools(vae(), DATA, cache=cache)
    assert_same(make_pools(vae(50.0), DATA, folds=(2, 0), cache=cache), [all_folds[2], all_folds[0]])
    assert sketch(vae(25.0), DATA, cache=cache)["synthetic"]
    assert len(trainings) == FOLDS


@dataclass(frozen=True)
class Mixed(METHODS["smote"]):  # type: ignore[misc]
    """SMOTE as if it were costly."""

    costly = True


def test_mixtures_and_empty_pools_come_back(cache: PoolCache) -> None:
    smote, balanced = METHODS["smote"](), replicate(X[:96], np.arange(96) // FOLDS % 3)
    for data in (DATA, balanced):
        for _ in range(2):
            assert_same(make_pools(Mixed(), data, cache=cache), make_pools(smote, data))
    assert entries(cache) == 2 * FOLDS * [".json"] + 2 * FOLDS * [".npy"]
    assert [len(pool.labels) for pool in make_pools(smote, balanced)] == [0] * FOLDS


def flip(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[-3] ^= 4
    path.write_bytes(raw)


@pytest.mark.parametrize(
    "harm",
    [
        flip,
        Path.unlink,
        lambda path: path.write_bytes(path.read_bytes()[:200]),
        lambda path: path.with_suffix(".json").unlink(),
    ],
    ids=["flipped bit", "missing", "truncated", "no sidecar"],
)
def test_what_is_damaged_or_missing_is_made_again(cache: PoolCache, trainings: list[int], harm: Any) -> None:
    first = make_pools(vae(), DATA, cache=cache)
    expected = [np.array(pool.rows) for pool in first]
    harm(next(cache.folder.glob("*.npy")))
    for _ in range(2):
        for rows, pool in zip(expected, make_pools(vae(50.0), DATA, cache=cache), strict=True):
            np.testing.assert_array_equal(pool.rows, rows)
    assert len(trainings) == FOLDS + 1


def test_a_pickle_in_place_of_an_entry_is_refused(cache: PoolCache) -> None:
    make_pools(vae(), DATA, cache=cache)
    next(cache.folder.glob("*.npy")).write_bytes(b"\x80\x04N.")
    with pytest.raises(SynaugError, match="a pickle") as caught:
        make_pools(vae(), DATA, cache=cache)
    assert caught.value.exit == Exit.INTEGRITY
    assert cache.usable


def started(folder: Path, gate: Any, made: Any, results: Any) -> None:
    """A worker: wait for the others, then ask for pools; count those that all workers make."""
    pool = METHODS["vae"].pool

    def counted(method: Method, *given: Any) -> Pool:
        with made.get_lock():
            made.value += 1
        return pool(method, *given)

    METHODS["vae"].pool = counted  # type: ignore[method-assign]
    torch.set_num_threads(1)
    gate.wait()
    pools = make_pools(vae(epochs=150), DATA, cache=PoolCache(folder))
    results.put([float(np.abs(pool.rows).sum()) for pool in pools if pool.rows is not None])


def test_workers_that_want_the_same_pools_at_once_make_each_once(cache: PoolCache) -> None:
    spawn = multiprocessing.get_context("spawn")
    gate, made, results = spawn.Barrier(3), spawn.Value("i", 0), spawn.Queue()
    workers = [spawn.Process(target=started, args=(cache.folder, gate, made, results)) for _ in range(3)]
    for worker in workers:
        worker.start()
    found = [results.get(timeout=120) for _ in workers]
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    assert made.value == FOLDS
    assert found[0] == found[1] == found[2]
    assert len(found[0]) == FOLDS
    assert entries(cache) == FOLDS * [".json"] + FOLDS * [".npy"]


def size(cache: PoolCache) -> int:
    return sum(path.stat().st_size for path in cache.folder.iterdir())


def test_what_was_used_longest_ago_makes_room(cache: PoolCache, trainings: list[int]) -> None:
    small = PoolCache(cache.folder, limit=0)
    make_pools(vae(beta=0.0), DATA, cache=cache)
    small.limit = 2 * size(cache) + 6000  # the pools of two arms, and what one may take beside its rows
    held = make_pools(vae(beta=0.0), DATA, cache=cache)[0].rows
    before = np.array(held)
    for beta in (1.0, 2.0, 3.0):
        make_pools(vae(beta=beta), DATA, cache=small)
        make_pools(vae(beta=1.0), DATA, cache=small)  # is used again and again, so it stays
        assert size(small) <= small.limit
    assert trainings == [2] * 4 * FOLDS
    np.testing.assert_array_equal(held, before)  # its file is gone, what is mapped stays
    assert len(list(small.folder.glob("*.npy"))) == 2 * FOLDS
    again = make_pools(vae(beta=0.0), DATA, cache=small)[0].rows
    np.testing.assert_array_equal(again, before)
    assert len(trainings) == 5 * FOLDS


def test_leavings_of_a_killed_worker_make_room_first(cache: PoolCache) -> None:
    make_pools(vae(), DATA, cache=cache)
    left = cache.folder / ".writing-0123"
    left.write_bytes(bytes(100_000))
    os.utime(left, (1, 1))
    make_pools(vae(beta=2.0), DATA, cache=PoolCache(cache.folder, limit=2 * size(cache) - 100_000))
    assert not left.exists()
    assert entries(cache) == 2 * FOLDS * [".json"] + 2 * FOLDS * [".npy"]


def test_pools_above_the_limit_are_not_kept(cache: PoolCache, caplog: pytest.LogCaptureFixture) -> None:
    tight = PoolCache(cache.folder, limit=1000)
    assert_same(make_pools(vae(), DATA, cache=tight), make_pools(vae(), DATA))
    assert "are not kept" in caplog.text
    assert entries(tight) == []


def test_without_a_folder_pools_are_made_in_memory_with_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    cache = PoolCache(tmp_path / "file" / "pools")
    for _ in range(3):
        assert_same(make_pools(vae(), DATA, cache=cache), make_pools(vae(), DATA))
    assert len(caplog.records) == 1
    assert "the cache cannot be written" in caplog.text


@pytest.mark.parametrize("at", ["synaug.cache.os.fsync", "synaug.pool_cache.FileLock.acquire"])
def test_a_full_disk_gives_one_warning_and_the_same_numbers(
    cache: PoolCache, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(at, full)
    for _ in range(3):
        assert_same(make_pools(vae(), DATA, cache=cache), make_pools(vae(), DATA))
    assert len(caplog.records) == 1
    assert "No space left on device" in caplog.text
    assert entries(cache) == []
