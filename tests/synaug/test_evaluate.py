"""One cell on one replicate: identities between arms, leaks, known answers, what is no score."""

from __future__ import annotations

import dataclasses
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest

from synaug.classifiers.options import MlpOptions
from synaug.evaluate import Replicate, evaluate, fit, fold_rows, make_pools
from synaug.imbalance import Draw
from synaug.methods import METHODS
from synaug.methods.base import Method
from synaug.neighbors import NeighborGraph, depth_for
from synaug.outcome import Outcome
from synaug.randomness import Streams
from synaug.readings import Fits, choose_rungs

Codes = npt.NDArray[np.int64]
F32 = npt.NDArray[np.float32]

SIZES, DEV, D, FOLDS = (70, 32, 24), 25, 16, 4
FAST = MlpOptions(ladder=(1, 3, 8, 20), hidden=16)
SYNTHESISERS = [name for name in METHODS if METHODS[name].synthesises()]
METRICS = ("euclidean", "cosine")


def rows_of(sizes: tuple[int, ...], d: int, shift: float, seed: int) -> tuple[F32, Codes]:
    """Gaussian rows in random order; the mean of class c is ``shift`` along axis c - 1, of class 0 zero."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    means = np.vstack([np.zeros(d), np.eye(d)[: len(sizes) - 1]])
    return (rng.normal(size=(len(y), d)) + shift * means[y]).astype(np.float32), y


def replicate(X: F32, y: Codes, n_train: int, n_folds: int = FOLDS, number: int = 0) -> Replicate:
    """The first ``n_train`` rows in stratified folds; the others are dev rows."""
    rows, folds = np.arange(n_train), np.empty(n_train, dtype=np.int64)
    for code in np.unique(y):
        mine = np.flatnonzero(y[rows] == code)
        folds[mine] = np.arange(len(mine)) % n_folds
    depth = depth_for(5, n_folds)
    graphs = {metric: NeighborGraph.build(X, rows, y[rows], metric, depth) for metric in METRICS}
    names = tuple(f"class-{code}" for code in range(int(y.max()) + 1))
    draw = Draw(number, rows, folds, np.arange(n_train, len(y)))
    return Replicate(X, y, names, draw, graphs, Streams(0, "5eed" * 16))


def toy(unit: bool = False, n_dev: int = DEV) -> Replicate:
    """Three overlapping classes, 70, 32 and 24 rows, and balanced dev rows."""
    (X, y), (dev, y_dev) = rows_of(SIZES, D, 2.0, 1), rows_of((n_dev,) * 3, D, 2.0, 2)
    everything = np.concatenate([X, dev])
    if unit:
        everything /= np.linalg.norm(everything, axis=1, keepdims=True)
    return replicate(everything, np.concatenate([y, y_dev]), len(y))


TOY = toy()


def arm(name: str, **knobs: float | str) -> Method:
    """Return an arm with its knobs; VAEs train for a moment only."""
    trains = "epochs" in {k.name for k in METHODS[name].knobs()}
    return METHODS[name](**({"epochs": 5} if trains else {}), **knobs)


def run(
    method: Method, data: Replicate = TOY, options: MlpOptions = FAST, steps: int | None = None
) -> Outcome:
    return evaluate(method, data, options, steps)


def result(outcome: Outcome) -> dict[str, object]:
    """Everything that was read from the models: all but counts and seconds."""
    everything = dataclasses.asdict(outcome)
    return {key: value for key, value in everything.items() if key not in ("counts", "seconds")}


def fitted(method: Method, data: Replicate, options: MlpOptions = FAST) -> Fits:
    pools = make_pools(method, data)
    folds = [fold_rows(method, data, fold, pools) for fold in range(data.n_folds)]
    return fit(method, data, folds, options, data.draw.dev)


@cache
def plain() -> Outcome:
    return run(arm("none"))


@pytest.mark.parametrize("name", SYNTHESISERS)
def test_ratio_zero_is_none_bit_by_bit(name: str) -> None:
    nothing, something = run(arm(name, ratio=0.0)), run(arm(name, ratio=100.0))
    assert result(nothing) == result(plain())
    assert result(something) != result(plain())
    assert set(nothing.counts["requested"].values()) == set(nothing.counts["achieved"].values()) == {0}


def test_ratio_zero_applies_where_the_method_does_not() -> None:
    assert result(run(arm("smote", ratio=0.0, k=40))) == result(plain())


def test_logit_adjust_is_none_with_its_logits_moved() -> None:
    adjusted = run(arm("logit_adjust"))
    for ours, theirs in zip(adjusted.curve, plain().curve, strict=True):
        for part in ("cv", "dev"):
            moved = theirs[f"{part}_adjusted_balanced_accuracy"]
            assert ours[f"{part}_balanced_accuracy"] == ours[f"{part}_adjusted_balanced_accuracy"] == moved
    logits = fitted(arm("none"), TOY)
    mass = np.array([[(TOY.draw.folds[TOY.y[:126] == c] != f).sum() for c in range(3)] for f in range(4)])
    expected = logits.scored - np.log(mass / mass.sum(1, keepdims=True))[:, None]
    np.testing.assert_allclose(fitted(arm("logit_adjust"), TOY).scored, expected, rtol=1e-12)
    best = max(adjusted.curve, key=lambda rung: rung["cv_balanced_accuracy"])
    assert adjusted.chosen_steps == best["steps"]


@pytest.mark.parametrize("name", ["class_weight", "ros", "smote"])
def test_balanced_training_has_nothing_left_to_adjust(name: str) -> None:
    outcome = run(arm(name))
    for rung in outcome.curve:
        assert rung["dev_adjusted_balanced_accuracy"] == rung["dev_balanced_accuracy"]
    assert outcome.curve != plain().curve
    assert any(
        rung["dev_adjusted_balanced_accuracy"] != rung["dev_balanced_accuracy"] for rung in plain().curve
    )


def test_the_cosine_is_the_euclidean_metric_on_unit_rows() -> None:
    data = toy(unit=True)
    euclidean, cosine = (run(arm("smote", metric=metric), data) for metric in METRICS)
    assert result(euclidean) == result(cosine)
    euclidean, cosine = (run(arm("smote", metric=metric)) for metric in METRICS)
    assert result(euclidean) != result(cosine)


@pytest.mark.parametrize("name", METHODS.names())
def test_a_model_knows_nothing_of_its_held_out_rows(name: str) -> None:
    held = TOY.draw.rows[TOY.draw.folds == 0]
    X, y = TOY.X.copy(), TOY.y.copy()
    X[held], y[held] = 50.0 + X[held][::-1], y[held][::-1]
    rows = TOY.draw.rows
    graphs = {metric: NeighborGraph.build(X, rows, y[rows], metric, 12) for metric in METRICS}
    spoilt = dataclasses.replace(TOY, X=X, y=y, graphs=graphs)
    before, after = (fitted(arm(name), data) for data in (TOY, spoilt))
    for one, other in ((before.scored, after.scored), (before.scored_adjusted, after.scored_adjusted)):
        if METHODS[name].scored == "tuned" and one is before.scored:
            continue  # offsets for dev rows are tuned on all held-out rows
        np.testing.assert_array_equal(one[:, 0], other[:, 0])
        assert (one[:, 1] != other[:, 1]).any()  # whose model does train on them


def test_all_arms_start_from_the_same_weights_and_folds_from_others() -> None:
    start = MlpOptions(ladder=(0,), hidden=16)
    plain_arms = [name for name in METHODS if METHODS[name].scored == "plain"]
    logits = [fitted(arm(name), TOY, start).scored[0] for name in plain_arms]
    assert len(logits) > 3
    for other in logits[1:]:
        np.testing.assert_array_equal(other, logits[0])
    assert (logits[0][0] != logits[0][1]).any()


def test_results_do_not_depend_on_the_order_of_the_cells() -> None:
    cells = [arm("vae"), arm("smote", k=3), arm("adasyn"), arm("none")]
    forward = {method: result(run(method)) for method in cells}
    backward = {method: result(run(method)) for method in reversed(cells)}
    assert forward == backward


def test_test_rows_are_scored_in_place_of_dev_rows() -> None:
    outcome = evaluate(arm("none"), TOY, FAST, test=TOY.draw.dev)
    assert outcome.scored_on == "test"
    renamed = {name.replace("dev_", "test_"): value for name, value in plain().scores.items()}
    assert outcome.scores == renamed
    assert any(name.startswith("test_") for name in renamed)
    assert outcome.confusion == plain().confusion
    assert {"test_balanced_accuracy", "test_log_loss"} < set(outcome.curve[0])
    assert not [name for rung in outcome.curve for name in rung if name.startswith("dev_")]


def test_dev_scores_are_means_over_the_fold_models() -> None:
    fits, outcome = fitted(arm("none"), TOY), plain()
    rung = FAST.ladder.index(outcome.chosen_steps or 0)
    predicted = fits.scored[rung].argmax(-1)  # (F, m)
    recalls = [[(predicted[f] == c)[fits.y_scored == c].mean() for c in range(3)] for f in range(FOLDS)]
    assert outcome.scores["dev_balanced_accuracy"] == pytest.approx(np.mean(recalls))
    assert [fold["dev_balanced_accuracy"] for fold in outcome.folds] == pytest.approx(np.mean(recalls, 1))
    assert np.sum(outcome.confusion, axis=1).tolist() == [FOLDS * DEV] * 3
    assert outcome.per_class["class-1"]["recall"] == pytest.approx(np.mean(recalls, 0)[1])


def test_every_score_is_read_at_the_rung_chosen_for_it() -> None:
    X, y = rows_of((90, 40), D, 0.8, 7)
    data = replicate(X, y, 80)
    fits, outcome = fitted(arm("none"), data), run(arm("none"), data)
    by_fold = fits.by_fold(fits.held)
    *of_fold, of_all = choose_rungs(by_fold, FAST.ladder, None)
    assert len(set(of_fold)) > 1
    assert outcome.chosen_steps == FAST.ladder[of_all]
    assert outcome.scores["dev_balanced_accuracy"] == outcome.curve[of_all]["dev_balanced_accuracy"]
    read = [fold["cv_balanced_accuracy"] for fold in outcome.folds]
    assert read == pytest.approx([by_fold[rung, fold] for fold, rung in enumerate(of_fold)])


def test_without_dev_rows_the_folds_are_the_score() -> None:
    outcome = run(arm("smote"), toy(n_dev=0))
    assert outcome.scored_on == "cv"
    assert all(name.startswith("cv_") for name in outcome.scores)
    assert np.sum(outcome.confusion, axis=1).tolist() == list(SIZES)
    by_fold = [fold["cv_balanced_accuracy"] for fold in outcome.folds]
    assert outcome.scores["cv_balanced_accuracy"] == pytest.approx(np.mean(by_fold))


def test_given_steps_are_read_and_nothing_is_chosen() -> None:
    for rung in plain().curve:
        outcome = run(arm("none"), steps=rung["steps"])
        assert outcome.chosen_steps == rung["steps"]
        for name in ("cv_balanced_accuracy", "dev_balanced_accuracy", "dev_adjusted_balanced_accuracy"):
            assert outcome.scores[name] == pytest.approx(rung[name])


def test_rows_are_counted_over_the_folds() -> None:
    outcome = run(arm("smote", ratio=50.0))
    asked = [0, 0, 0]
    for fold in range(FOLDS):
        counts = [int(((TOY.draw.folds != fold) & (TOY.y[:126] == code)).sum()) for code in range(3)]
        asked = [total + round((max(counts) - n) / 2) for total, n in zip(asked, counts, strict=True)]
    names = ("class-0", "class-1", "class-2")
    assert outcome.counts["real"] == dict(zip(names, SIZES, strict=True))
    assert outcome.counts["requested"] == outcome.counts["achieved"] == dict(zip(names, asked, strict=True))
    assert set(plain().counts) == {"real"}


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("row", [3, -1], ids=["training", "dev"])
def test_rows_that_are_no_numbers_fail_and_give_no_score(value: float, row: int) -> None:
    X = TOY.X.copy()
    X[row, 2] = value
    outcome = run(arm("none"), dataclasses.replace(TOY, X=X))
    assert outcome.status == "failed"
    assert str(outcome.reason).startswith("non_finite")
    assert not outcome.scores


def test_a_training_that_diverges_fails() -> None:
    outcome = run(arm("none"), options=MlpOptions((1, 5), 16, learning_rate=1e25))
    assert outcome.status == "failed"
    assert "smaller learning_rate" in str(outcome.reason)


def test_more_neighbors_than_rows_do_not_apply() -> None:
    outcome = run(arm("smote", k=18))
    assert outcome.status == "not_applicable"
    assert outcome.reason == f"class {TOY.classes[2]!r} has 18 rows in a training part, 18 neighbors need 19"
    assert outcome.scores == {}
    assert outcome.curve == ()


def test_two_gaussians_have_the_accuracy_of_the_closed_form() -> None:
    # N(0, I) and N(2 e1, I): the best rule has Phi(1) = .8413, trained at 10:1 it has .7121.
    (X, y), (dev, y_dev) = rows_of((2000, 200), 2, 2.0, 5), rows_of((2000, 2000), 2, 2.0, 6)
    data = replicate(np.concatenate([X, dev]), np.concatenate([y, y_dev]), len(y))
    options = MlpOptions(ladder=(1, 2, 4, 8, 16, 32, 64, 128), hidden=32)
    scores = {
        name: run(arm(name), data, options).scores["dev_balanced_accuracy"]
        for name in ("none", "logit_adjust", "class_weight", "ros", "smote")
    }
    assert scores["none"] < 0.76
    assert scores["logit_adjust"] == pytest.approx(0.8413, abs=0.015)
    for name in ("class_weight", "ros", "smote"):
        assert scores[name] == pytest.approx(0.8413, abs=0.02)


def test_looking_at_the_synthetic_rows_changes_no_score() -> None:
    seen, unseen = (evaluate(METHODS["smote"](), TOY, FAST, diagnosed=look) for look in (True, False))
    assert seen.diagnostics
    assert unseen.diagnostics == {}
    assert seen.scores == unseen.scores
    assert seen.curve == unseen.curve
