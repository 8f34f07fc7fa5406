"""Variance shares: planted factorials, test functions with known indices, noise alone."""

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from SALib.test_functions import Ishigami, Sobol_G

from sweeps.analysis.families import adjusted_p
from sweeps.analysis.variance import VarianceShares, variance_shares

K, METRICS, RATIO = (1, 3, 5, 7, 10, 15), ("euclidean", "cosine", "manhattan"), (0.25, 0.5, 0.75, 1, 1.5, 2)


def planted(k: float, ratio: float) -> float:
    beyond = max(ratio - 1, 0)
    return 84 - 0.2 * abs(k - 5) + 2 * min(ratio, 1) - beyond - 0.1 * abs(k - 5) * beyond


CELLS = list(product(K, METRICS, RATIO))
AXES: dict[Any, dict[str, Any]] = {
    i: {"k": k, "metric": metric, "ratio": ratio} for i, (k, metric, ratio) in enumerate(CELLS)
}
TRUTH = np.array([planted(k, ratio) for k, _, ratio in CELLS])


def shares(table: Any, axes: Any = AXES, seed: int = 0, permutations: int = 0) -> VarianceShares:
    random = np.random.default_rng(seed)
    return variance_shares(pd.DataFrame(table), axes, random, permutations=permutations)


def noisy(random: np.random.Generator, replicates: int = 5, sd: float = 1.0) -> Any:
    draws = random.normal(0, 3, size=(replicates, 1))
    return TRUTH + draws + random.normal(0, sd, size=(replicates, len(TRUTH)))


def test_A16_without_noise_the_shares_are_those_of_the_formula() -> None:
    found = shares([TRUTH, TRUTH + 3, TRUTH - 2])
    assert found.variance == pytest.approx(0.79464, abs=5e-6)
    assert found.explainable == pytest.approx(1)
    expected = {"k": 0.6459, "metric": 0, "ratio": 0.3355, "k:metric": 0, "k:ratio": 0.0186}
    for name, share in expected.items():
        assert found[name].share == pytest.approx(share, abs=5e-5)
    assert sum(share.share or 0 for share in found.shares) == pytest.approx(1)


def test_A16_marginal_means_of_the_formula() -> None:
    table = pd.Series(TRUTH, index=pd.MultiIndex.from_tuples(CELLS, names=["k", "metric", "ratio"]))
    by_k, by_ratio = table.groupby("k").mean(), table.groupby("ratio").mean()
    assert by_k.tolist() == pytest.approx([84.35, 84.8, 85.25, 84.8, 84.125, 83.0])
    assert by_ratio.tolist() == pytest.approx([83.733, 84.233, 84.733, 85.233, 84.542, 83.850], abs=5e-4)
    assert table.max() == 86.0
    assert {key[::2] for key in table.index[table == 86.0]} == {(5, 1)}


def test_A16_the_correction_takes_the_noise_out_of_the_shares() -> None:
    random = np.random.default_rng(16)
    found = [shares(noisy(random)) for _ in range(150)]
    for name, share, spread in (
        ("k", 0.643, 0.05),
        ("ratio", 0.341, 0.04),
        ("k:ratio", 0.019, 0.02),
        ("metric", 0.001, 0.003),
    ):
        values = np.array([result[name].share for result in found])
        assert values.mean() == pytest.approx(share, abs=0.012)
        assert values.std() == pytest.approx(spread, rel=0.5)
    assert np.mean([result.noise for result in found]) == pytest.approx(1.0, abs=0.02)
    assert np.mean([result.explainable for result in found]) == pytest.approx(0.79464 / 1.79464, abs=0.01)


def test_a_replicate_that_responds_differently_is_noise_of_its_axis_alone() -> None:
    random = np.random.default_rng(8)
    axes = {(a, b): {"a": a, "b": b} for a, b in product(range(4), range(6))}
    found = []
    for _ in range(200):
        own = np.repeat(random.normal(size=(6, 4)), 6, axis=1)  # each replicate likes other levels of a
        table = own + random.normal(0, 0.3, size=(6, 24)) + np.tile(np.linspace(-1, 1, 6), 4)
        found.append(shares(pd.DataFrame(table, columns=pd.MultiIndex.from_tuples(axes)), axes))
    variances = [(result.variance or 0) for result in found]
    assert np.mean(variances) == pytest.approx(np.var(np.linspace(-1, 1, 6)), abs=0.03)


def midpoints(levels: int, axes: int) -> tuple[Any, dict[Any, dict[str, int]]]:
    """Points of a factorial in the unit cube and the level of every axis at each."""
    places = list(product(range(levels), repeat=axes))
    return (np.array(places) + 0.5) / levels, {
        i: {f"x{j}": level for j, level in enumerate(place)} for i, place in enumerate(places)
    }


def test_A16b_ishigami() -> None:
    x, axes = midpoints(36, 3)
    found = shares(np.tile(Ishigami.evaluate(np.pi * (2 * x - 1)), (3, 1)), axes)
    assert found.variance == pytest.approx(13.84459, rel=0.01)
    first, total = [found[f"x{j}"].share for j in range(3)], [found.total(f"x{j}") for j in range(3)]
    assert first == pytest.approx([0.31391, 0.44241, 0], abs=3e-3)
    assert total == pytest.approx([0.55759, 0.44241, 0.24368], abs=3e-3)
    assert sum(share or 0 for share in first) == pytest.approx(0.7563, abs=3e-3)


def test_A16b_sobol_g() -> None:
    x, axes = midpoints(24, 3)
    a = np.array([0, 1, 4.5])
    found = shares(np.tile(Sobol_G.evaluate(x, a), (3, 1)), axes)
    parts = 1 / (3 * (1 + a) ** 2)
    whole = np.prod(1 + parts) - 1
    assert [found[f"x{j}"].share for j in range(3)] == pytest.approx((parts / whole).tolist(), abs=3e-3)
    eight = np.array([0, 1, 4.5, 9, 99, 99, 99, 99])
    published = [0.71619, 0.17905, 0.02368]  # of all eight axes: the ratios of three are the same
    assert Sobol_G.sensitivity_index(eight)[:3] == pytest.approx(published, abs=5e-6)
    assert parts / parts[0] == pytest.approx(np.array(published) / published[0], abs=1e-4)
    rest = np.prod(1 + parts) / (1 + parts)
    total = [found.total(f"x{j}") for j in range(3)]
    assert total == pytest.approx((parts * rest / whole).tolist(), abs=3e-3)


def test_A16b_additive() -> None:
    x, axes = midpoints(10, 2)
    found = shares(np.tile(3 * x[:, 0] + x[:, 1], (3, 1)), axes)
    assert [share.share for share in found.shares] == pytest.approx([0.9, 0.1, 0.0])


def test_A16b_noise_alone_is_rarely_called_an_effect() -> None:
    random = np.random.default_rng(92)
    axes = {(k, r): {"k": k, "ratio": r} for k, r in product(range(4), range(6))}
    clean = 0
    for run in range(200):
        table = pd.DataFrame(random.normal(size=(5, 24)), columns=pd.MultiIndex.from_tuples(axes))
        found = shares(table, axes, seed=run, permutations=199)
        p = {share.name: share.p for share in found.shares if share.p is not None}
        assert len(p) == 3
        clean += min(adjusted_p(p, "holm").values()) > 0.05
    assert clean / 200 >= 0.92


def test_the_null_band_tells_an_effect_from_noise() -> None:
    found = shares(noisy(np.random.default_rng(5)), permutations=500)
    for name in ("k", "ratio"):
        share = found[name]
        assert share.share is not None
        assert share.null is not None
        assert share.share > share.null > 0
        assert share.p == pytest.approx(1 / 501)
        assert 0 < share.low < share.share < share.high < 1
    assert found["k:metric:ratio"].p is not None
    assert found["k:metric:ratio"].p > 0.05
    assert found.p == pytest.approx(1 / 501)


def test_metamorphic_permuted_labels_leave_nothing() -> None:
    random = np.random.default_rng(15)
    table = random.permuted(noisy(random), axis=1)
    found = shares(table, permutations=500)
    assert all(share.p is not None and share.p > 0.01 for share in found.shares)


def test_an_axis_with_one_level_is_named_and_left_out() -> None:
    keep = [i for i, (_, metric, _) in enumerate(CELLS) if metric == "cosine"]
    found = shares(pd.DataFrame([TRUTH] * 3)[keep])
    assert found.constant == ("metric",)
    assert [share.name for share in found.shares] == ["k", "ratio", "k:ratio"]
    assert found["k"].share == pytest.approx(0.6459, abs=5e-5)


def test_the_order_of_columns_and_a_common_shift_change_nothing() -> None:
    table = pd.DataFrame(noisy(np.random.default_rng(1)))
    shuffled = table[np.random.default_rng(2).permutation(table.columns)] + 11.0
    for share in shares(table).shares:
        other = shares(shuffled)[share.name]
        ends = (share.share, share.low, share.high)
        assert (other.share, other.low, other.high) == pytest.approx(ends)


def test_a_replicate_that_lacks_a_cell_is_left_out() -> None:
    table = pd.DataFrame(noisy(np.random.default_rng(1)))
    table.iat[2, 7] = np.nan
    assert shares(table).n == 4
    assert shares(table)["k"].share == pytest.approx(shares(table.drop(index=2))["k"].share)


def test_tables_that_have_no_shares_say_why() -> None:
    table = pd.DataFrame([TRUTH] * 3)
    reasons = {
        "not balanced: 107 of the 108": shares(table.drop(columns=4)),
        "same levels": shares(table, {**AXES, 1: AXES[0]}),
        "no level of metric": shares(table, {**AXES, 3: {"k": 1, "ratio": 1}}),
        "no axis has two levels": shares(table[[0]]),
        "shares need 3 replicates": shares(table.iloc[:2]),
    }
    for words, found in reasons.items():
        assert words in (found.reason or ""), found.reason
        assert found.shares == ()


def test_cells_that_differ_by_nothing_have_no_share() -> None:
    found = shares(np.full((3, 108), 70.0), permutations=20)
    assert {share.share for share in found.shares} == {None}
    assert {(share.low, share.high) for share in found.shares} == {(0.0, 1.0)}
    assert found.p == 1.0
