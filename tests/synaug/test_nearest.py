"""Exact nearest rows where float32 is not enough: ties, duplicates, offsets, overflow; and the memory."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import numpy.typing as npt
import pytest
from scipy.spatial.distance import cdist

from synaug import nearest
from synaug.nearest import blocks, ranking_metric
from synaug.neighbors import METRICS, NeighborGraph

N, K = 130, 7
F32 = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int64]
NAMES = {"euclidean": "sqeuclidean", "manhattan": "cityblock", "chebyshev": "chebyshev"}


def adversarial() -> dict[str, F32]:
    random = np.random.default_rng(11)
    plain = random.normal(size=(N, 12))
    unit = plain / np.linalg.norm(plain, axis=1, keepdims=True)
    clusters = np.repeat([[0.0], [3e4]], N // 2, axis=0) + 1e-2 * plain
    outlier = np.vstack([1e-3 * plain[:-1], 1e6 * np.arange(12)])
    data = {
        "plain": plain,
        "duplicates": np.repeat(plain[:26], 5, axis=0)[random.permutation(N)],
        "integer grid": random.integers(0, 3, size=(N, 12)),
        "unit norm": unit,
        "close": 1 + 1e-6 * plain,
        "constant": np.full((N, 12), 0.1),
        "zeros": np.zeros((N, 12)),
        "huge offset": 1e4 + 1e-2 * plain,
        "far clusters": clusters,
        "outlier": outlier,
        "edge of overflow": 4e18 * plain,
        "overflow": 1e25 * plain,
        "underflow": 1e-30 * plain,
        "one dimension": random.integers(0, 40, size=(N, 1)),
    }
    return {name: X.astype(np.float32) for name, X in data.items()}


DATA = adversarial()


def find(X: F32, query: Codes, reference: Codes, metric: str, k: int) -> Codes:
    return np.concatenate([block.nearest(k) for _, block in blocks(X, query, reference, metric)])


def by_definition(X: F32, query: Codes, reference: Codes, metric: str, k: int) -> Codes:
    """All distances in float64, summed coordinate by coordinate, sorted by distance and number."""
    points = X.astype(np.float64)
    result = np.full((len(query), k), -1, dtype=np.int64)
    reference = np.sort(reference)
    for row, i in zip(result, query, strict=True):
        others = reference[reference != i]
        distance = cdist(points[[i]], points[others], NAMES[metric])[0]
        near = others[np.argsort(distance, kind="stable")][:k]
        row[: len(near)] = near
    return result


@pytest.mark.parametrize("metric", NAMES)
@pytest.mark.parametrize("name", DATA)
def test_equals_the_definition(name: str, metric: str) -> None:
    X, random = DATA[name], np.random.default_rng(5)
    query, reference = random.permutation(N)[:60], random.permutation(N)[:110]
    found, wanted = (f(X, query, reference, metric, K) for f in (find, by_definition))
    if name in ("duplicates", "integer grid", "constant", "zeros", "one dimension"):
        np.testing.assert_array_equal(found, wanted)  # ties in the order of the rows
        return
    points = X.astype(np.float64)
    differ = (found != wanted).any(axis=1)  # only where float64 itself cannot tell, by the order of its sums
    for i, one, other in zip(query[differ], found[differ], wanted[differ], strict=True):
        distance = [cdist(points[[i]], points[rows], NAMES[metric])[0] for rows in (one, other)]
        np.testing.assert_allclose(*distance, rtol=1e-14)
    assert differ.mean() < 0.1


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("name", ["duplicates", "constant", "zeros"])
def test_duplicates_come_in_the_order_of_the_rows(name: str, metric: str) -> None:
    X = DATA[name]
    found = NeighborGraph.build(X, np.arange(N), np.arange(N) % 2, metric, 4)
    for i in range(N):
        same = np.flatnonzero((X[i] == X).all(axis=1))
        same = same[same != i]
        assert found.overall[i].tolist() == same[:4].tolist()
        same = same[same % 2 == i % 2][:4]
        assert found.within[i, : len(same)].tolist() == same.tolist()


@pytest.mark.parametrize("metric", ["cosine", "correlation"])
@pytest.mark.parametrize("name", ["plain", "unit norm", "outlier", "far clusters"])
def test_angles_equal_the_definition(name: str, metric: str) -> None:
    X, rows = DATA[name], np.arange(N)
    distance = cdist(X.astype(np.float64), X.astype(np.float64), metric)
    np.fill_diagonal(distance, np.inf)
    found = find(X, rows, rows, ranking_metric(X, rows, metric), K)
    found_distance = np.take_along_axis(distance, found, axis=1)
    np.testing.assert_allclose(found_distance, np.sort(distance, axis=1)[:, :K], rtol=0, atol=1e-7)


@pytest.mark.parametrize("metric", NAMES)
def test_rough_distances_keep_their_bound(metric: str) -> None:
    """The bound that rules pairs out, against distances in float64, where float32 rounds the most."""
    rows, others, used = np.arange(N), ~np.eye(N, dtype=bool), 0.0
    for X in (DATA["plain"], DATA["unit norm"], DATA["huge offset"], DATA["far clusters"], DATA["close"]):
        exact = cdist(X.astype(np.float64), X.astype(np.float64), NAMES[metric])
        (_, block), *_ = blocks(X, rows, rows, metric)
        difference = np.abs(block.rough + block.offset[:, None] - exact)
        bound = block.error * (4 * exact + 5 * block.size[:, None])
        assert (difference[others] <= bound[others]).all()
        used = max(used, (difference[others] / bound[others]).max())
    assert used > 0.005  # it is not so loose that it rules nothing out


def test_few_pairs_remain_to_be_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    X = np.random.default_rng(0).normal(size=(1500, 64)).astype(np.float32)
    measured, distances = [], nearest._distances

    def counted(X: F32, one: Codes, other: Codes, metric: str) -> npt.NDArray[np.float64]:
        measured.append(len(one))
        return distances(X, one, other, metric)

    monkeypatch.setattr(nearest, "_distances", counted)
    rows = np.arange(1500)
    for metric in METRICS:
        measured.clear()
        find(X, rows[:200], rows, metric, 10)
        assert 200 * 10 <= sum(measured) < 200 * 20


def test_fewer_rows_than_asked_for_leave_gaps() -> None:
    found = find(DATA["plain"], np.array([3, 9]), np.array([9, 4]), "euclidean", 3)
    assert found[1].tolist() == [4, -1, -1]
    assert sorted(found[0].tolist()) == [-1, 4, 9]
    assert not list(blocks(DATA["plain"], np.array([3]), np.array([], dtype=np.int64), "euclidean"))


MEASURE = """
import json, re, sys
import numpy as np
from synaug.nearest import blocks
from synaug.neighbors import METRICS, find_lists

def peak():
    return 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])

n, d, constant = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "constant"
X = np.ones((n, d), np.float32) if constant else np.random.default_rng(0).random((n, d), np.float32)
y, rows = np.arange(n) % 2, np.arange(n)
for metric in METRICS:  # imports, and buffers of BLAS
    find_lists(X, rows[:300], y[:300], rows[:300], metric, 3)
open("/proc/self/clear_refs", "w").write("5")  # the peak counts from here
before = peak()
grown = {}
for metric in ["euclidean"] if constant else METRICS:
    find_lists(X, rows, y, rows[:40] if constant else rows[:: n // 600], metric, 20)
    grown[metric] = peak() - before
print(json.dumps(grown))
"""


@pytest.mark.parametrize(("n", "d", "kind"), [(60_000, 256, "random"), (20_000, 64, "constant")])
def test_memory_is_bounded_by_the_blocks(n: int, d: int, kind: str) -> None:
    """A float64 copy of the larger X would be 123 MB, all its distances 144 MB; constant rows tie."""
    command = [sys.executable, "-c", MEASURE, str(n), str(d), kind]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    grown = json.loads(done.stdout)
    assert grown
    assert max(grown.values()) < 3 * nearest._BLOCK_BYTES  # this block, the last one and what is made of them
