"""One cell on one replicate with every classifier: identities between arms, leaks, what does not apply."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.linear_model import LogisticRegression

from synaug.classifiers import CLASSIFIERS, Classifier
from synaug.evaluate import Replicate, evaluate, fit, fold_rows, make_pools
from synaug.imbalance import Draw
from synaug.methods import METHODS
from synaug.methods.base import Method
from synaug.neighbors import NeighborGraph, depth_for
from synaug.outcome import Outcome
from synaug.randomness import Streams
from synaug.readings import Fits
from synaug.scores import balanced_accuracy

Codes = npt.NDArray[np.int64]

FOLDS = 3
FAST: dict[str, dict[str, Any]] = {
    "mlp": {"ladder": (1, 5, 20), "hidden": 8},
    "logistic": {"ladder": (100, 1000)},
    "linear_svm": {"ladder": (100, 1000)},
    "knn": {"ladder": (1, 5, 9)},
    "gradient_boosting": {"ladder": (1, 4, 8), "leaf_rows": 5},
    "transformer": {"ladder": (1, 5, 20), "layers": 0, "hidden": 8},  # on texts: test_finetuning.py
}
NAMES = tuple(FAST)


def replicate(sizes: tuple[int, ...], d: int, shift: float, n_dev: int, seed: int = 1) -> Replicate:
    """Gaussian classes, the mean of class c ``shift`` along axis c - 1; balanced dev rows."""
    rng = np.random.default_rng(seed)
    train = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    y = np.concatenate([train, np.repeat(np.arange(len(sizes)), n_dev)])
    means = np.vstack([np.zeros(d), np.eye(d)[: len(sizes) - 1]])
    X = (rng.normal(size=(len(y), d)) + shift * means[y]).astype(np.float32)
    rows, folds = np.arange(len(train)), np.empty(len(train), dtype=np.int64)
    for code in range(len(sizes)):
        mine = np.flatnonzero(train == code)
        folds[mine] = np.arange(len(mine)) % FOLDS
    graphs = {"euclidean": NeighborGraph.build(X, rows, train, "euclidean", depth_for(5, FOLDS))}
    names = tuple(f"class-{code}" for code in range(len(sizes)))
    return Replicate(X, y, names, Draw(0, rows, folds, np.arange(len(train), len(y))), graphs, STREAMS)


STREAMS = Streams(0, "5eed" * 16)
TOY = replicate((60, 30, 18), 6, 2.0, 15)


def fast(name: str) -> Classifier:
    return CLASSIFIERS[name](**FAST[name])


def run(method: Method, name: str, data: Replicate = TOY) -> Outcome:
    return evaluate(method, data, fast(name))


def result(outcome: Outcome) -> dict[str, Any]:
    """Everything that was read from the models: all but counts and seconds."""
    found = dataclasses.asdict(outcome)
    return {key: value for key, value in found.items() if key not in ("counts", "seconds")}


def fitted(method: Method, classifier: Classifier, data: Replicate = TOY) -> Fits:
    pools = make_pools(method, data)
    rows = [fold_rows(method, data, fold, pools) for fold in range(FOLDS)]
    return fit(method, data, rows, classifier, data.draw.dev)


def test_every_classifier_is_tested_here() -> None:
    assert set(CLASSIFIERS.names()) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("arm", ["ros", "smote"])
def test_ratio_zero_is_none_bit_by_bit(name: str, arm: str) -> None:
    plain = result(run(METHODS["none"](), name))
    assert plain["status"] == "ok"
    assert result(run(METHODS[arm](ratio=0.0), name)) == plain
    assert result(run(METHODS[arm](ratio=100.0), name)) != plain


@pytest.mark.parametrize("name", NAMES)
def test_results_do_not_depend_on_the_order_of_the_cells(name: str) -> None:
    cells = [METHODS["smote"](), METHODS["none"](), METHODS["ros"](ratio=50.0)]
    forward = {method: result(run(method, name)) for method in cells}
    backward = {method: result(run(method, name)) for method in reversed(cells)}
    assert forward == backward


@pytest.mark.parametrize("name", NAMES)
def test_a_model_knows_nothing_of_its_held_out_rows(name: str) -> None:
    held = TOY.draw.rows[TOY.draw.folds == 0]
    X, y = TOY.X.copy(), TOY.y.copy()
    X[held], y[held] = 50.0 + X[held][::-1], y[held][::-1]
    rows = TOY.draw.rows
    graphs = {"euclidean": NeighborGraph.build(X, rows, y[rows], "euclidean", depth_for(5, FOLDS))}
    spoilt = dataclasses.replace(TOY, X=X, y=y, graphs=graphs)
    before, after = (fitted(METHODS["smote"](), fast(name), data) for data in (TOY, spoilt))
    np.testing.assert_array_equal(before.scored[:, 0], after.scored[:, 0])
    assert (before.scored[:, 1] != after.scored[:, 1]).any()  # whose model does train on them


def test_class_weight_is_the_library_s_own() -> None:
    found = fitted(METHODS["class_weight"](), fast("logistic"))
    rows = TOY.draw.rows
    for fold in range(FOLDS):
        train = rows[TOY.draw.folds != fold]
        model = LogisticRegression(C=1.0, class_weight="balanced", tol=1e-9, max_iter=5000)
        model.fit(TOY.X[train].astype(np.float64), TOY.y[train])
        expected = model.predict_log_proba(TOY.X[TOY.draw.dev])
        np.testing.assert_allclose(found.scored[1, fold], expected, atol=1e-3)


def test_an_arm_of_weights_does_not_apply_to_neighbors() -> None:
    outcome = run(METHODS["class_weight"](), "knn")
    assert outcome.status == "not_applicable"
    assert outcome.reason == "knn has no loss weights, of which class_weight consists"
    assert outcome.scores == {}


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("mlp", "transformer")])
def test_a_loss_of_its_own_does_not_apply_where_there_is_none(name: str) -> None:
    assert run(METHODS["focal"](), name).status == "not_applicable"
    assert result(run(METHODS["focal"](gamma=0.0), name)) == result(run(METHODS["none"](), name))


def test_more_neighbors_than_rows_do_not_apply() -> None:
    outcome = evaluate(METHODS["none"](), TOY, CLASSIFIERS["knn"](ladder=(1, 73)))
    assert outcome.status == "not_applicable"
    assert outcome.reason == "a training part has 72 rows, 73 neighbours need 73"


@pytest.mark.parametrize("name", ["logistic", "linear_svm", "knn"])
def test_two_gaussians_have_the_accuracy_of_the_closed_form(name: str) -> None:  # A12
    # N(0, I) and N(2 e1, I): the best rule has Phi(1) = .8413, a model of the 10:1 mix .7121.
    data = replicate((2000, 200), 2, 2.0, 2000, seed=5)
    classifier = CLASSIFIERS[name](ladder=(99,) if name == "knn" else (1000,))
    dev = {}
    for arm in ("none", "logit_adjust", "ros", "smote"):
        found = fitted(METHODS[arm](), classifier, data)
        dev[arm] = balanced_accuracy(found.scored[0], found.y_scored).mean()
    assert dev["none"] < 0.75
    for arm in ("logit_adjust", "ros", "smote"):
        assert dev[arm] == pytest.approx(0.8413, abs=0.02)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "mlp"])
def test_labels_that_are_noise_teach_nothing(name: str) -> None:  # A20
    noise = [replicate((180, 60), 16, 0.0, 0, seed) for seed in range(6)]
    fits = [fitted(METHODS["smote"](), fast(name), data) for data in noise]
    assert abs(np.mean([found.by_fold(found.held) for found in fits]) - 0.5) <= 0.05
