"""The diagnostics of a cell: every arm, which rows, the band, and that they change nothing else."""

from __future__ import annotations

import dataclasses
import json
import math
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synaug.classifiers.options import FoldRows, MlpOptions
from synaug.diagnostics import TABLE, Diagnostic, band, cell, diagnose, entry
from synaug.diagnostics.sample import LEAST, MOST, take_samples, unseen_rows
from synaug.diagnostics.table import HIGH, LOW, MEASURED, NULL, PARENTS
from synaug.evaluate import Replicate, evaluate, fold_rows, make_pools
from synaug.imbalance import Draw
from synaug.methods import METHODS
from synaug.methods.base import Method
from synaug.neighbors import NeighborGraph, depth_for
from synaug.randomness import Streams

SIZES, DEV, D, FOLDS = (100, 44, 40), 30, 12, 4
SYNTHESISERS = [name for name in METHODS if METHODS[name].synthesises()]
FAST = MlpOptions(ladder=(1, 8), hidden=8)


def replicate(
    number: int = 0, sizes: tuple[int, ...] = SIZES, dev: int = DEV, nuisance: int = 0, d: int = D
) -> Replicate:
    """Overlapping Gaussian classes with training and dev rows of one distribution."""
    rng = np.random.default_rng(number + 1)
    y = np.concatenate([np.repeat(np.arange(len(sizes)), sizes), np.repeat(np.arange(len(sizes)), dev)])
    X = (rng.normal(size=(len(y), d)) + 1.2 * np.eye(len(sizes), d)[y]).astype(np.float32)
    n = sum(sizes)
    rows, folds = np.arange(n), np.concatenate([np.arange(size) % FOLDS for size in sizes])
    metrics = ("euclidean", "cosine", "manhattan")
    graphs = {m: NeighborGraph.build(X, rows, y[:n], m, depth_for(5, FOLDS)) for m in metrics}
    names = tuple(f"class-{code}" for code in range(len(sizes)))
    draw = Draw(number, rows, folds, np.arange(n, len(y)))
    return Replicate(X, y, names, draw, graphs, Streams(0, "5eed" * 16, nuisance))


def arm(name: str, **knobs: Any) -> Method:
    """An arm at its default; what trains a VAE trains it for a moment only."""
    quick = {"epochs": 20} if "epochs" in {k.name for k in METHODS[name].knobs()} else {}
    quick |= {"latent": 4} if "latent" in {k.name for k in METHODS[name].knobs()} else {}
    return METHODS[name](**quick, **knobs)


def trained_on(method: Method, data: Replicate) -> FoldRows:
    return fold_rows(method, data, 0, make_pools(method, data))


def found(method: Method, data: Replicate) -> dict[str, float]:
    return diagnose(method, data, trained_on(method, data))


@cache
def default(name: str) -> dict[str, float]:
    """An arm at its default; on the first replicate only smote is, where some measures take long."""
    return found(arm(name), replicate(0 if name == "smote" else 1))


def names_of(measured: Iterable[Diagnostic]) -> set[str]:
    names = {
        name
        for each in measured
        for name in (
            each.name, each.name + NULL, each.name + LOW, each.name + HIGH,
            *([] if each.alone else [each.name + PARENTS]),
            *([each.name + PARENTS + end for end in (NULL, LOW, HIGH)] if each.all_parents else []),
        )
    }  # fmt: skip
    return names | {"compared_rows", "compared_classes", "unit_norm"}


@pytest.mark.parametrize("name", SYNTHESISERS)
def test_every_arm_with_synthetic_rows_is_diagnosed(name: str) -> None:
    given = default(name)
    measured = [each for each in MEASURED if name == "smote" or not each.first]
    assert {key for key in given if not key.startswith("vae_")} == names_of(measured)
    assert all(math.isfinite(value) for value in given.values())
    assert json.loads(json.dumps(given)) == given
    for key, value in given.items():
        if (ends := band(given, key)) is not None:
            assert ends[1] <= ends[0] <= ends[2]
        if entry(key).unit in ("share", "accuracy"):
            assert 0 <= value <= 1, key
    assert given["compared_classes"] == 2
    assert LEAST <= given["compared_rows"] <= 33  # three quarters of 44 rows are parents


def test_every_name_of_the_table_is_given_by_some_arm_and_no_other() -> None:
    given = {entry(key).name for name in SYNTHESISERS for key in default(name)}
    assert given == {each.name for each in TABLE}
    assert len({each.name for each in TABLE}) == len(TABLE)
    with pytest.raises(KeyError):
        entry("vae_kl_x")


def test_parents_have_the_band_of_unseen_rows_unless_they_have_their_own() -> None:
    given = {"a": 1.0, "a_null": 2.0, "a_null_low": 1.5, "a_null_high": 3.0, "a_parents": 4.0, "b": 1.0}
    assert band(given, "a") == band(given, "a_parents") == (2.0, 1.5, 3.0)
    assert band(given, "b") is None
    own = given | {"a_parents_null": 7.0, "a_parents_null_low": 6.0, "a_parents_null_high": 8.0}
    assert band(own, "a_parents") == (7.0, 6.0, 8.0)


@pytest.mark.parametrize("name", [name for name in METHODS if name not in SYNTHESISERS])
def test_arms_without_synthetic_rows_have_no_diagnostics(name: str) -> None:
    assert evaluate(arm(name), replicate(), FAST).diagnostics == {}


@pytest.mark.parametrize("name", SYNTHESISERS)
def test_ratio_zero_has_no_diagnostics(name: str) -> None:
    assert found(arm(name, ratio=0.0), replicate()) == {}


def test_copies_are_at_distance_zero_from_all_parents() -> None:
    given = default("ros")
    assert given["copies_parents"] == 1
    assert given["nearest_distance_ratio_parents"] == 0
    assert given["copies"] == given["copies_parents_null_high"] == 0
    assert given["nearest_distance_ratio_parents_null_low"] > 0.8
    assert default("smote")["copies_parents"] < 0.1


def test_smote_shrinks_and_real_rows_do_not() -> None:
    given = default("smote")
    assert given["variance_ratio"] < given["variance_ratio_null_low"]
    assert given["recall"] < given["recall_null_low"]
    assert given["variance_ratio_null"] == pytest.approx(1, abs=0.05)
    assert given["c2st_forest_null"] == pytest.approx(0.5, abs=0.1)


def fresh(data: Replicate, seed: int, shift: float = 0.0) -> FoldRows:
    """Further rows of the two small classes' own distribution in the place of synthetic ones."""
    rng = np.random.default_rng(seed)
    labels = np.repeat([1, 2], 33)
    rows = (rng.normal(size=(66, D)) + 1.2 * np.eye(3, D)[labels] + shift).astype(np.float32)
    weight = np.ones(len(data.draw.rows), dtype=np.float32)
    nothing = np.zeros(66, dtype=np.float32)
    return FoldRows(weight, labels, nothing, np.full((66, 2), -1), nothing, rows)


def outside(given: dict[str, float]) -> list[str]:
    """The diagnostics beside unseen rows and beside parents that lie outside their band."""
    ends = {key: band(given, key) for key in given if entry(key).measure is not None and NULL not in key}
    return [
        key for key, low_high in ends.items() if low_high and not low_high[1] <= given[key] <= low_high[2]
    ]


def test_fresh_real_rows_lie_in_the_band() -> None:
    """39 draws: a further one lies outside with 5 in 100; so do a few numbers of 27 that depend on it."""
    data = [replicate(number) for number in (1, 2, 3, 4)]
    per_replicate = [
        outside(diagnose(METHODS["ros"](), each, fresh(each, 50 + i))) for i, each in enumerate(data)
    ]
    total = sum(len(names) for names in per_replicate)
    assert total / (4 * 24) < 0.2, per_replicate
    moved = outside(diagnose(METHODS["ros"](), data[0], fresh(data[0], 50, shift=3.0)))
    assert {"precision", "coverage", "frechet", "nearest_distance_ratio"} <= set(moved)


def test_slow_ones_are_on_the_first_replicate_alone() -> None:
    later = found(arm("smote"), replicate(3))
    slow = {each.name for each in TABLE if each.first}
    assert {entry(key).name for key in default("smote")} - {entry(key).name for key in later} == slow
    assert slow == {"c2st_logistic", "c2st_forest", "c2st_norm"}


def test_diagnostics_change_no_other_number(monkeypatch: pytest.MonkeyPatch) -> None:
    data, method = replicate(), arm("smote")
    with_them = dataclasses.asdict(evaluate(method, data, FAST))
    monkeypatch.setattr("synaug.evaluate.diagnose", lambda *_: {})
    without = dataclasses.asdict(evaluate(method, data, FAST))
    assert with_them.pop("diagnostics") == default("smote")
    assert without.pop("diagnostics") == {}
    assert set(with_them.pop("seconds")) == set(without.pop("seconds")) >= {"diagnostics", "total"}
    assert with_them == without


def test_behind_the_gate_nothing_is_diagnosed() -> None:
    data = replicate()
    assert evaluate(arm("smote"), data, FAST, test=data.draw.dev).diagnostics == {}


def test_the_method_saw_none_of_the_rows_that_judge_it() -> None:
    data = replicate()
    seen, unseen = data.training_part(0).rows, unseen_rows(data)
    assert not set(seen) & set(unseen)
    assert len(unseen) == 46 + 3 * DEV
    sample = take_samples(data, trained_on(arm("smote"), data))[0]
    rows_of = {row.tobytes(): number for number, row in enumerate(data.X.astype(np.float64))}
    for rows, allowed, code in [(sample.parents, seen, 1), (sample.held, unseen, 1)]:
        numbers = [rows_of[row.tobytes()] for row in rows]
        assert sorted(numbers) == sorted(row for row in allowed if data.y[row] == code)
    for rows, allowed in [(sample.others_parents, seen), (sample.others_held, unseen)]:
        numbers = np.array([[rows_of[row.tobytes()] for row in each] for each in rows])
        assert np.isin(numbers, allowed).all()
        assert (data.y[numbers] == np.array([[0], [2]])).all()


def test_what_is_known_is_not_measured_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A larger ratio adds rows behind those that are measured; another arm has the same band."""
    data, calls = replicate(1), []
    monkeypatch.setattr(cell, "_known", {})
    for name in ("_compared", "_band"):
        original = getattr(cell, name)
        monkeypatch.setattr(cell, name, lambda *given, f=original: calls.append(f.__name__) or f(*given))
    given = [found(arm("smote", ratio=ratio), data) for ratio in (100.0, 150.0)]
    assert calls == ["_compared", "_band"]
    assert given[0] == given[1]
    assert found(arm("smote", k=3), data) != given[0]
    assert calls == ["_compared", "_band", "_compared"]


def test_real_pairs_share_no_row_and_have_the_sizes_of_the_comparisons() -> None:
    data = replicate()
    sample = take_samples(data, trained_on(arm("smote"), data))[0]
    for pair, every in sample.real_pairs(5):
        assert pair.synthetic.shape == pair.real.shape == (sample.m, D)
        assert every.real.shape == sample.parents.shape
        known = {row.tobytes() for row in every.real}
        assert not known & {row.tobytes() for row in pair.synthetic}
        assert pair.others.shape == sample.others_held.shape == (2, 30, D)  # of 40 rows, parents


def test_without_dev_rows_the_held_out_fold_judges() -> None:
    few = found(arm("smote"), replicate(1, dev=0))
    assert few["compared_rows"] == np.mean([11, 10])
    assert found(arm("smote"), replicate(1, sizes=(100, 44, 36), dev=0))["compared_classes"] == 1
    assert found(arm("smote"), replicate(1, sizes=(100, 36, 36), dev=0)) == {}


def test_of_many_classes_the_smallest_are_measured() -> None:
    data = replicate(number=1, sizes=(80, *range(60, 40, -2)), d=20)
    samples = take_samples(data, trained_on(arm("ros"), data))
    assert [sample.code for sample in samples] == list(range(3, 11))
    assert all(sample.others_held.shape[0] == 10 for sample in samples)


def test_few_rows_are_measured_of_large_classes() -> None:
    data = replicate(sizes=(900, 500), dev=600)
    sample = take_samples(data, trained_on(arm("ros"), data))[0]
    assert sample.m == MOST
    assert sample.parents.shape == (375, D)


def test_a_clone_is_judged_by_the_same_real_rows() -> None:
    ours, clones = (found(arm("smote"), replicate(1, nuisance=n)) for n in (0, 1))
    assert {key: value for key, value in ours.items() if NULL in key} == {
        key: value for key, value in clones.items() if NULL in key
    }
    assert ours["variance_ratio"] != clones["variance_ratio"]


SCRIPT = """
import importlib.util, json, sys
spec = importlib.util.spec_from_file_location("cells", sys.argv[1])
cells = importlib.util.module_from_spec(spec)
sys.modules["cells"] = cells
spec.loader.exec_module(cells)
print(json.dumps({name: cells.default(name) for name in reversed(["smote", "ros"])}))
"""


def test_another_process_and_another_order_give_the_same_numbers() -> None:
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT, __file__],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == {name: default(name) for name in ("smote", "ros")}
    cell._known.clear()
    assert found(arm("smote"), replicate()) == default("smote")


def test_a_number_that_is_not_defined_is_absent() -> None:
    data = replicate(1)
    flat = dataclasses.replace(data, X=np.where(data.y[:, None] == 1, 1, data.X).astype(np.float32))
    given = found(arm("ros"), flat)
    assert not {"variance_ratio", "frechet", "nearest_distance_ratio"} & set(given)
    assert given["effective_rank"] > 1  # of the other class; this one's is 1
    assert all(math.isfinite(value) for value in given.values())
