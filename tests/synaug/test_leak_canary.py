"""The leak canary: labels that are noise teach nothing, and a pipeline that leaks shows at once."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.neighbors import KNeighborsClassifier

from synaug.classifiers.options import MlpOptions
from synaug.evaluate import Replicate, evaluate, make_pools, selected
from synaug.imbalance import Draw
from synaug.methods import METHODS
from synaug.methods.base import Method
from synaug.neighbors import NeighborGraph, depth_for
from synaug.randomness import Streams

Codes = npt.NDArray[np.int64]
F32 = npt.NDArray[np.float32]

FOLDS, D, DRAWS = 10, 32, 6
LIMIT = 0.03  # from 0.5: three standard errors of the mean over the draws of noise
MLP = MlpOptions((60,), hidden=32)
GIVEN = {"vae": 20, "vae_gaussian": 20, "ros_residual": 20}  # training steps, enough to leave the start


@cache
def noise(seed: int) -> Replicate:
    """Rows of 600 and 150 that have nothing to do with their labels, in stratified folds."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.repeat([0, 1], [600, 150]))
    return replicate(rng.normal(size=(len(y), D)).astype(np.float32), y, seed, n_folds=5)


def replicate(X: F32, y: Codes, number: int, n_folds: int = FOLDS) -> Replicate:
    rows, folds = np.arange(len(y)), np.empty(len(y), dtype=np.int64)
    for code in np.unique(y):
        mine = np.flatnonzero(y == code)
        folds[mine] = np.arange(len(mine)) % n_folds
    graphs = {"euclidean": NeighborGraph.build(X, rows, y, "euclidean", depth_for(10, n_folds))}
    return Replicate(X, y, ("a", "b"), Draw(number, rows, folds, rows[:0]), graphs, Streams(0, "5eed" * 16))


def arm(name: str) -> Method:
    return METHODS[name](**({"epochs": GIVEN[name], "latent": 4} if name in GIVEN else {}))


def leaks(scores: list[float]) -> bool:
    """The canary itself: balanced accuracies on noise that are not 50 % within the limit."""
    return abs(float(np.mean(scores)) - 0.5) > LIMIT


def cross_validated(method: Method, data: Replicate) -> float:
    outcome = evaluate(method, data, MLP)
    assert outcome.status == "ok", outcome.reason
    return outcome.scores["cv_balanced_accuracy"]


def resampled(method: Method, data: Replicate) -> tuple[F32, Codes]:
    """What an arm makes of all rows at once: the mistake that the canary is for."""
    everything = data.training_part(fold=-1)
    pool = method.pool(everything, np.random.RandomState(0))
    taken = method.select(everything, pool, np.random.RandomState(0)).taken
    made = pool.materialise(everything)[taken]
    return np.concatenate([data.X, made]), np.concatenate([data.y, pool.labels[taken]])


@pytest.mark.parametrize("name", METHODS.names())
def test_labels_that_are_noise_teach_nothing(name: str) -> None:
    assert not leaks([cross_validated(arm(name), noise(seed)) for seed in range(DRAWS)])


@pytest.mark.parametrize("name", ["ros", "smote", "mixup", "noise"])
def test_rows_that_are_made_before_the_split_are_flagged(name: str) -> None:
    leaky = replicate(*resampled(arm(name), noise(0)), number=0)
    score = cross_validated(arm("none"), leaky)
    assert leaks([score])
    assert score > 0.6


def test_thresholds_that_are_tuned_on_the_rows_that_they_score_are_flagged() -> None:
    """Offsets chosen by all labels gain on the same rows, although there is nothing to learn."""
    from synaug.thresholds import best_offsets

    scores = []
    for seed in range(DRAWS):
        rng = np.random.default_rng(seed)
        logits, y = rng.normal(size=(75, 2)), np.arange(75) % 5 // 4  # the held-out rows of one fold
        scores.append(float(balanced_accuracy_score(y, (logits + best_offsets(logits, y)).argmax(1))))
    assert leaks(scores)


KNN, LOGISTIC = KNeighborsClassifier(1), LogisticRegression(max_iter=2000)


@cache
def published(seed: int) -> Replicate:
    """The noise of SENSITIVITY.md, A20: 360 and 40 rows in 32 dimensions."""
    rng = np.random.default_rng(100 + seed)
    y = rng.permutation(np.repeat([0, 1], [360, 40]))
    return replicate(rng.normal(size=(len(y), D)).astype(np.float32), y, seed)


def scored(model: KNeighborsClassifier | LogisticRegression, name: str, data: Replicate) -> float:
    """A classifier of scikit-learn on the arm's rows, made inside each training part."""
    method, found = arm(name), []
    pools = make_pools(method, data)
    for fold in range(FOLDS):
        part, taken = data.training_part(fold), selected(method, data, fold, pools[fold]).taken
        X = np.concatenate([part.X[part.rows], pools[fold].materialise(part)[taken]])
        model.fit(X, np.concatenate([part.y, pools[fold].labels[taken]]))
        held = data.draw.folds == fold
        found.append(balanced_accuracy_score(data.y[held], model.predict(data.X[held])))
    return float(np.mean(found))


@pytest.mark.parametrize(
    ("model", "name", "allowed"),
    [(KNN, "ros", 0.05), (KNN, "smote", 0.08), (LOGISTIC, "ros", 0.05), (LOGISTIC, "smote", 0.05)],
    ids=["1-nn-ros", "1-nn-smote", "logistic-ros", "logistic-smote"],
)
def test_A20_the_correct_pipeline_stays_at_one_half(
    model: KNeighborsClassifier | LogisticRegression, name: str, allowed: float
) -> None:
    scores = [scored(model, name, published(seed)) for seed in range(DRAWS)]
    assert abs(np.mean(scores) - 0.5) <= allowed


@pytest.mark.parametrize(
    ("model", "name", "expected"),
    [(KNN, "ros", 0.943), (KNN, "smote", 0.761), (LOGISTIC, "ros", 0.682), (LOGISTIC, "smote", 0.702)],
    ids=["1-nn-ros", "1-nn-smote", "logistic-ros", "logistic-smote"],
)
def test_A20_the_leaky_pipeline_is_flagged(
    model: KNeighborsClassifier | LogisticRegression, name: str, expected: float
) -> None:
    scores = []
    for seed in range(DRAWS):
        X, y = resampled(arm(name), published(seed))
        leaky = replicate(X, y, seed)
        for fold in range(FOLDS):
            held = leaky.draw.folds == fold
            model.fit(X[~held], y[~held])
            scores.append(float(balanced_accuracy_score(y[held], model.predict(X[held]))))
    assert leaks(scores)
    assert np.mean(scores) == pytest.approx(expected, abs=0.04)
