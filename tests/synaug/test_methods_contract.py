"""What every registered method keeps to, at its default and at the corners of its knobs."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synaug.errors import Exit, NotApplicable, SynaugError
from synaug.knobs import Float, Int
from synaug.methods import METHODS
from synaug.methods.base import Method, Pool, TrainingPart, requested
from synaug.neighbors import NeighborGraph, depth_for

RATIOS = (0.0, 25.0, 50.0, 100.0, 150.0, 200.0)
RNG = np.random.default_rng(11)
Y = RNG.permutation(np.repeat([0, 1, 2], [70, 32, 26]))
X = (RNG.normal(size=(len(Y), 66)) + 0.1 * Y[:, None]).astype(np.float32)
FOLDS = np.arange(len(Y)) % 4
X.setflags(write=False)  # as in a worker, where all of it is shared
Y.setflags(write=False)


def graph(metric: str) -> NeighborGraph:
    return NeighborGraph.build(X, np.arange(len(Y)), Y, metric, depth_for(15, 4))


def part(fold: int) -> TrainingPart:
    rows = np.flatnonzero(fold != FOLDS)
    return TrainingPart(X, rows, Y[rows], 3, graph)


def corners(name: str) -> list[Method]:
    """The default, and every combination of the first and last levels of the knobs but the ratio."""
    swept = [k for k in METHODS[name].knobs() if k.levels and k.name != "ratio"]
    ends = [tuple(dict.fromkeys((k.levels[0], k.levels[-1]))) for k in swept]
    settings = [dict(zip([k.name for k in swept], values, strict=True)) for values in product(*ends)]
    return list(dict.fromkeys([METHODS[name](), *(METHODS[name](**values) for values in settings)]))


EVERY = [name for name in METHODS if hasattr(METHODS[name], "knobs")]
SYNTHESISERS = [name for name in METHODS if METHODS[name].synthesises()]
SETTINGS = [method for name in SYNTHESISERS for method in corners(name)]


def title(method: Method) -> str:
    return "-".join([method.name, *(str(v) for k, v in method.settings().items() if k != "ratio")])


def make(method: Method, fold: int = 0, seed: int = 4) -> Pool:
    return method.pool(part(fold), np.random.RandomState(seed))


@cache
def made(method: Method) -> Pool:
    return make(method)


def assert_same(a: Pool, b: Pool) -> None:
    np.testing.assert_array_equal(a.labels, b.labels)
    np.testing.assert_array_equal(a.parents, b.parents)
    np.testing.assert_array_equal(a.weight, b.weight)
    np.testing.assert_array_equal(a.requested, b.requested)
    np.testing.assert_array_equal(a.materialise(part(0)), b.materialise(part(0)))


def test_the_methods_of_the_paper_are_registered() -> None:
    paper = ["none", "ros", "smote", "borderline_smote", "adasyn", "vae"]
    assert [name for name in METHODS.names() if name in paper] == paper


@pytest.mark.parametrize("method", SETTINGS, ids=title)
def test_pool_keeps_to_the_contract(method: Method) -> None:
    training, pool = part(0), made(method)
    s, n = len(pool.labels), len(training.rows)
    np.testing.assert_array_equal(pool.requested, requested(training.counts, 200.0))
    assert s > 0
    assert set(pool.labels) <= set(np.flatnonzero(pool.requested))
    assert pool.parents.shape == (s, 2)
    assert pool.weight.shape == (s,)
    assert ((pool.weight >= -1) & (pool.weight <= 1)).all()
    assert method.name == "svm_smote" or (pool.weight >= 0).all()  # the one arm that goes beyond a row
    rows = pool.materialise(training)
    assert rows.shape == (s, X.shape[1])
    assert rows.dtype == np.float32
    assert np.isfinite(rows).all()
    if pool.rows is None:
        assert ((pool.parents >= 0) & (pool.parents < n)).all()
        np.testing.assert_array_equal(training.y[pool.parents[:, 0]], pool.labels)
    else:
        assert (pool.parents == -1).all()


@pytest.mark.parametrize("method", SETTINGS, ids=title)
def test_ratios_take_nested_prefixes(method: Method) -> None:
    training, pool = part(0), made(method)
    achieved = np.bincount(pool.labels, minlength=3)
    taken: set[int] = set()
    for ratio in RATIOS:
        wanted = requested(training.counts, ratio)
        prefix = pool.prefix(wanted)
        assert taken <= set(prefix)
        taken = set(prefix)
        counts = np.bincount(pool.labels[prefix], minlength=3)
        np.testing.assert_array_equal(counts, np.minimum(wanted, achieved))
        assert ratio > 0 or not taken


@pytest.mark.parametrize("method", SETTINGS, ids=title)
def test_the_seed_decides_the_pool(method: Method) -> None:
    assert_same(make(method), made(method))
    rows, others = (pool.materialise(part(0)) for pool in (made(method), make(method, seed=5)))
    assert rows.shape != others.shape or (rows != others).any()


@pytest.mark.parametrize("name", SYNTHESISERS)
def test_a_fold_does_not_depend_on_the_others(name: str) -> None:
    method = METHODS[name]()
    together = {fold: make(method, fold, seed=fold) for fold in (0, 1, 3)}
    for fold, pool in together.items():
        assert_same(pool, make(METHODS[name](), fold, seed=fold))


@pytest.mark.parametrize("name", SYNTHESISERS)
def test_rows_outside_the_part_do_not_matter(name: str) -> None:
    spoilt = X.copy()
    spoilt[FOLDS == 0] = 1e3
    rows = np.flatnonzero(FOLDS != 0)

    def other(metric: str) -> NeighborGraph:
        return NeighborGraph.build(spoilt, np.arange(len(Y)), Y, metric, depth_for(15, 4))

    hidden = TrainingPart(spoilt, rows, Y[rows], 3, other)
    assert_same(METHODS[name]().pool(hidden, np.random.RandomState(4)), made(METHODS[name]()))


@pytest.mark.parametrize("name", SYNTHESISERS)
def test_balanced_rows_need_nothing(name: str) -> None:
    rows = np.sort(np.concatenate([np.flatnonzero(code == Y)[:20] for code in range(3)]))
    pool = METHODS[name]().pool(TrainingPart(X, rows, Y[rows], 3, graph), np.random.RandomState(0))
    assert len(pool.labels) == 0
    assert pool.requested.tolist() == [0, 0, 0]
    assert pool.materialise(part(0)).shape == (0, X.shape[1])


@pytest.mark.parametrize("name", SYNTHESISERS)
def test_an_absent_class_does_not_apply(name: str) -> None:
    rows = np.flatnonzero(Y != 1)
    with pytest.raises(NotApplicable, match="class 1 has no row"):
        METHODS[name]().pool(TrainingPart(X, rows, Y[rows], 3, graph), np.random.RandomState(0))


@pytest.mark.parametrize("name", EVERY)
def test_knobs_say_what_they_are(name: str) -> None:
    cls = METHODS[name]
    assert cls.__doc__
    assert cls.name == name
    for k in cls.knobs():
        assert k.help
        assert not k.domain.problem(k.default)
        assert not [level for level in k.levels if k.domain.problem(level)]
        assert not k.levels or k.default in k.levels
    assert "ratio" in {k.name for k in cls.knobs()} or not cls.synthesises()


def test_a_sweep_that_names_no_arms_has_the_core_ones() -> None:
    core = ["none", "logit_adjust", "class_weight", "ros", "smote", "borderline_smote", "adasyn", "vae"]
    assert [name for name in METHODS if METHODS[name].core] == core


LEAVES_NOTHING = [METHODS["smote_enn"](k=15, metric=metric) for metric in ("euclidean", "manhattan")]
EVERY_SETTING = [method for name in EVERY for method in corners(name)]


@pytest.mark.parametrize("method", EVERY_SETTING, ids=title)
def test_what_is_selected_keeps_to_the_contract(method: Method) -> None:
    training, state = part(0), np.random.RandomState
    pool = made(method) if method.synthesises() else None
    if method in LEAVES_NOTHING:
        with pytest.raises(NotApplicable, match="the cleaning leaves no row of class"):
            method.select(training, pool, state(4))
        return
    chosen = method.select(training, pool, state(4))
    assert chosen.kept.shape == training.rows.shape
    assert chosen.kept.dtype == bool
    assert (np.diff(chosen.taken) > 0).all()
    allowed = pool.prefix(requested(training.counts, 100.0)) if pool else chosen.taken[:0]
    assert set(chosen.taken) <= set(allowed)
    labels = pool.labels[chosen.taken] if pool else chosen.taken
    left = np.bincount(training.y[chosen.kept], minlength=3) + np.bincount(labels, minlength=3)
    assert left.all()
    again = method.select(training, pool, state(4))
    np.testing.assert_array_equal(chosen.taken, again.taken)
    np.testing.assert_array_equal(chosen.kept, again.kept)


TAKING = ["rus", "smote_enn", "smote_tomek"]


@pytest.mark.parametrize(
    "name", [name for name in EVERY if "ratio" in {k.name for k in METHODS[name].knobs()}]
)
def test_ratio_zero_selects_all_real_rows_and_no_others(name: str) -> None:
    pool = made(METHODS[name]()) if METHODS[name].synthesises() else None
    nothing, everything = (
        METHODS[name](ratio=ratio).select(part(0), pool, np.random.RandomState(4)) for ratio in (0.0, 100.0)
    )
    assert nothing.kept.all()
    assert not len(nothing.taken)
    assert everything.kept.all() or name in TAKING
    assert len(everything.taken) or not everything.kept.all()


def outside(domain: Any) -> Any:
    return domain.low - 1 if isinstance(domain, Int | Float) else "no such option"


@pytest.mark.parametrize("name", [name for name in EVERY if METHODS[name].knobs()])
def test_values_outside_a_domain_are_refused_at_once(name: str) -> None:
    knobs = METHODS[name].knobs()
    with pytest.raises(SynaugError) as caught:
        METHODS[name](**{k.name: outside(k.domain) for k in knobs})
    assert caught.value.exit == Exit.SPEC
    assert len(caught.value.problems) == len(knobs)


@pytest.mark.parametrize("name", [name for name in EVERY if name not in SYNTHESISERS])
def test_other_methods_make_no_rows(name: str) -> None:
    with pytest.raises(NotImplementedError, match=name):
        make(METHODS[name]())


def test_random_over_sampling_copies() -> None:
    pool = made(METHODS["ros"]())
    np.testing.assert_array_equal(pool.parents[:, 0], pool.parents[:, 1])
    assert not pool.weight.any()
    np.testing.assert_array_equal(np.bincount(pool.labels, minlength=3), pool.requested)


def test_reading_the_registry_imports_no_heavy_library() -> None:
    code = (
        "import sys; from synaug.methods import METHODS; assert 'vae' in METHODS.names();"
        "print([m for m in ('torch', 'imblearn', 'sklearn') if m in sys.modules])"
    )
    root = Path(__file__).parents[2]
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False
    )
    assert (result.stdout.strip(), result.stderr) == ("[]", "")
