"""Graphs of a sweep: the same from tasks, from here and from the cache; damage is repaired."""

from __future__ import annotations

import dataclasses
import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sweeps import graphs
from sweeps.graphs import with_graphs
from sweeps.prepare import Shared
from synaug.imbalance import Draw
from synaug.neighbors import METRICS, NeighborGraph, depth_for
from synaug.randomness import Streams

FOLDS, NEIGHBORS = 3, 5  # of the fixture `shared`


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SYNAUG_CACHE", str(tmp_path))
    return tmp_path / "graphs"


@pytest.fixture
def bare(shared: Shared) -> Shared:
    return dataclasses.replace(shared, graphs=())


def assert_same(found: Shared, metrics: tuple[str, ...]) -> None:
    """Every graph of the replicates equals one that is built by itself."""
    depth = depth_for(NEIGHBORS, FOLDS)
    assert len(found.graphs) == len(found.draws) > 1
    for draw, by_metric in zip(found.draws, found.graphs, strict=True):
        assert tuple(by_metric) == metrics
        for metric, graph in by_metric.items():
            wanted = NeighborGraph.build(found.X, draw.rows, found.y[draw.rows], metric, depth)
            for field in dataclasses.fields(NeighborGraph):
                one, other = getattr(graph, field.name), getattr(wanted, field.name)
                np.testing.assert_array_equal(one, other, err_msg=f"{metric} {field.name}")
                assert type(one) is type(other)


def forbid(patch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("searched again")

    patch.setattr(graphs, "find_lists", refuse)


@pytest.mark.usefixtures("cache")
def test_the_second_sweep_searches_nothing(bare: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_same(with_graphs(bare, METRICS, NEIGHBORS), METRICS)
    forbid(monkeypatch)
    assert_same(with_graphs(bare, METRICS, NEIGHBORS), METRICS)


@pytest.mark.usefixtures("cache")
def test_rows_behind_the_gate_change_no_key(bare: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    with_graphs(bare, ["euclidean"], NEIGHBORS)
    forbid(monkeypatch)
    longer = dataclasses.replace(bare, X=np.vstack([bare.X, bare.X[:9] + 1]), y=np.append(bare.y, bare.y[:9]))
    assert_same(with_graphs(longer, ["euclidean"], NEIGHBORS), ("euclidean",))


def test_damaged_lists_are_found_again(bare: Shared, cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    with_graphs(bare, ["euclidean"], NEIGHBORS)
    entries = sorted(cache.glob("*.npy"))
    assert len(entries) == len(bare.draws)
    raw = bytearray(entries[0].read_bytes())
    raw[-1] ^= 1
    entries[0].write_bytes(raw)
    assert_same(with_graphs(bare, ["euclidean"], NEIGHBORS), ("euclidean",))
    assert "set aside as *.bad" in caplog.text
    assert sorted(cache.glob("*.npy")) == entries


def test_whatever_the_lists_depend_on_changes_the_key(bare: Shared) -> None:
    search = graphs._searches(bare, ["euclidean"], NEIGHBORS)[0]["euclidean"][1]
    moved = bare.X.copy()
    moved[search.rows[7], 3] += 1e-3
    keys = [
        search.key(bare.X),
        search.key(moved),
        dataclasses.replace(search, y=1 - search.y).key(bare.X),
        dataclasses.replace(search, rows=search.rows[1:]).key(bare.X),
        dataclasses.replace(search, rank_by="manhattan").key(bare.X),
        dataclasses.replace(search, depth=search.depth + 1).key(bare.X),
    ]
    assert len(set(keys)) == len(keys)


def test_rows_of_one_norm_share_the_lists_of_two_metrics(bare: Shared, cache: Path) -> None:
    unit = dataclasses.replace(bare, X=bare.X / np.linalg.norm(bare.X, axis=1, keepdims=True))
    assert_same(with_graphs(unit, ["cosine", "euclidean"], NEIGHBORS), ("cosine", "euclidean"))
    assert len(list(cache.glob("*.npy"))) == len(unit.draws)


def random_rows() -> Shared:
    """Two draws of random rows of two classes."""
    random, y = np.random.default_rng(1), np.arange(240) % 3 // 2
    X, none = random.normal(size=(240, 8)).astype(np.float32), np.empty(0, dtype=np.int64)
    rows = [np.sort(random.choice(240, 120, replace=False)) for _ in range(2)]
    draws = tuple(Draw(number, taken, np.arange(120) % FOLDS, none) for number, taken in enumerate(rows))
    return Shared(X, y, ("a", "b"), Streams(0, "5eed" * 16), draws, (), none)


def find_by_tasks() -> None:
    """Compare what Ray's tasks find with graphs that are built here; cut into as many tasks as it can be."""
    import ray

    graphs.HERE_SECONDS, graphs.TASK_SECONDS = 0.0, 1e-6
    bare = random_rows()
    search = graphs._searches(bare, ["manhattan"], NEIGHBORS)[0]["manhattan"][1]
    parts = search.parts(bare.X.shape[1])
    assert len(parts) > 1
    np.testing.assert_array_equal(np.concatenate([part.listed for part in parts]), search.listed)
    ray.init("local", num_cpus=2, include_dashboard=False, logging_level=logging.ERROR, log_to_driver=False)
    assert_same(with_graphs(bare, ["euclidean", "manhattan"], NEIGHBORS), ("euclidean", "manhattan"))
    print("the same")


@pytest.mark.slow
@pytest.mark.usefixtures("cache")
def test_tasks_find_the_same() -> None:
    """In a process of its own, which Ray leaves as it likes."""
    done = subprocess.run(
        [sys.executable, __file__], capture_output=True, text=True, timeout=250, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "the same"


if __name__ == "__main__":
    find_by_tasks()
