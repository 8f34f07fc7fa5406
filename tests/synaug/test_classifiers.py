"""Classifiers against plain scikit-learn on rows written out by hand, fold by fold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import log_softmax
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC

from synaug.classifiers import CLASSIFIERS, Classifier
from synaug.classifiers.by_fold import FoldByFold
from synaug.classifiers.linear_svm import log_odds, log_scores
from synaug.classifiers.options import FoldRows, LadderLogits
from synaug.errors import NotApplicable

Floats = npt.NDArray[np.floating]

N, D, S, F = 90, 8, 40, 3
RNG = np.random.default_rng(11)
Y = np.arange(N) % 3
FOLDS = np.arange(N) // 3 % F
X = (RNG.normal(size=(N, D)) + 1.5 * np.eye(D)[Y]).astype(np.float32)
NEW = (RNG.normal(size=(20, D)) + 1.5 * np.eye(D)[np.arange(20) % 3]).astype(np.float32)
KINDS = ("none", "weighted", "copies", "mixed", "dense")
SHORT: dict[str, dict[str, Any]] = {
    "logistic": {"ladder": (10, 1000, 3000)},
    "linear_svm": {"ladder": (10, 1000), "tolerance": 1e-6},
    "knn": {"ladder": (1, 4, 15)},
    "gradient_boosting": {"ladder": (1, 2, 7), "leaf_rows": 5, "leaves": 4},
}
BY_FOLD = tuple(name for name in CLASSIFIERS if issubclass(CLASSIFIERS[name], FoldByFold))

CASES = [(name, kind) for name in BY_FOLD for kind in KINDS if CLASSIFIERS[name].weighs or kind != "weighted"]


def short(name: str) -> Classifier:
    return CLASSIFIERS[name](**SHORT[name])


def fold_rows(kind: str, fold: int) -> FoldRows:
    train, rng = np.flatnonzero(fold != FOLDS), np.random.default_rng(fold)
    weight = np.zeros(N, dtype=np.float32)
    weight[train] = rng.uniform(0.5, 2, len(train)) if kind == "weighted" else 1
    s = 0 if kind in ("none", "weighted") else S
    parents = rng.choice(train[Y[train] > 0], (s, 2))
    if kind == "copies":
        parents[:, 1] = parents[:, 0]
    share = rng.uniform(size=s).astype(np.float32)
    dense = rng.normal(size=(s, D)).astype(np.float32) + 1 if kind == "dense" else None
    return FoldRows(weight, Y[parents[:, 0]], np.ones(s, np.float32), parents, share, dense)


def written_out(fold: FoldRows) -> tuple[Floats, Any, Floats]:
    """The rows of a fold with every copy a row of its own: X, y and weights."""
    train = np.flatnonzero(fold.weight)
    first, second = X[fold.parents[:, 0]], X[fold.parents[:, 1]]
    new = first + fold.share[:, None] * (second - first) if fold.rows is None else fold.rows
    labels = np.concatenate([Y[train], fold.labels])
    return np.concatenate([X[train], new]), labels, np.concatenate([fold.weight[train], fold.label_weight])


def trained(classifier: Classifier, folds: list[FoldRows]) -> LadderLogits:
    generators = [np.random.default_rng(fold) for fold in range(len(folds))]
    return classifier.train(X, Y, FOLDS, folds, NEW, 3, generators)


def logistic(steps: int, rows: tuple[Any, Any, Any]) -> Callable[[Floats], Floats]:
    model = LogisticRegression(C=steps / 1000, tol=1e-9, max_iter=5000)
    features, labels, weights = rows
    return model.fit(features.astype(np.float64), labels, weights).predict_log_proba


def linear_svm(steps: int, rows: tuple[Any, Any, Any]) -> Callable[[Floats], Floats]:
    model = LinearSVC(C=steps / 1000, dual=False, tol=1e-9, max_iter=5000).fit(*rows)
    return lambda asked: log_scores(model.decision_function(asked))


def knn(steps: int, rows: tuple[Any, Any, Any]) -> Callable[[Floats], Floats]:
    features, labels, _ = rows
    model = KNeighborsClassifier(steps, algorithm="brute").fit(features, labels)
    share = np.array([(labels == code).mean() for code in range(3)])
    return lambda asked: np.log((steps * model.predict_proba(asked) + share) / (steps + 1))


def gradient_boosting(steps: int, rows: tuple[Any, Any, Any]) -> Callable[[Floats], Floats]:
    features, labels, weights = rows
    model = HistGradientBoostingClassifier(
        max_iter=steps,
        learning_rate=0.1,
        max_leaf_nodes=4,
        min_samples_leaf=5,
        max_bins=32,
        early_stopping=False,
    )
    given = weights if np.ptp(weights) else None
    model.fit(features, labels, given)
    return lambda asked: log_softmax(model.decision_function(asked), axis=1)


REFERENCE = {
    "logistic": (logistic, 1e-3),
    "linear_svm": (linear_svm, 1e-3),
    "knn": (knn, 1e-6),
    "gradient_boosting": (gradient_boosting, 1e-6),
}


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_equals_scikit_learn_on_the_rows_of_each_fold(name: str, kind: str) -> None:
    folds, (reference, tolerance) = [fold_rows(kind, fold) for fold in range(F)], REFERENCE[name]
    found, classifier = trained(short(name), folds), short(name)
    for number, fold in enumerate(folds):
        held, train = number == FOLDS, np.flatnonzero(fold.weight)
        for rung, steps in enumerate(classifier.ladder):
            expected = reference(steps, written_out(fold))
            np.testing.assert_allclose(found.held[rung, held], expected(X[held]), atol=tolerance)
            np.testing.assert_allclose(found.scored[rung, number], expected(NEW), atol=tolerance)
            hit = expected(X[train]).argmax(1) == Y[train]
            recall = [hit[Y[train] == code].mean() for code in range(3)]
            np.testing.assert_allclose(found.train_recall[rung, number], recall, atol=1e-6)


@pytest.mark.parametrize("name", BY_FOLD)
def test_a_fold_does_not_depend_on_the_other_folds(name: str) -> None:
    folds = [fold_rows("mixed", fold) for fold in range(F)]
    together = trained(short(name), folds)
    held_out = np.where(FOLDS == 1, 0, -1)
    alone = short(name).train(X, Y, held_out, folds[1:2], NEW, 3, [np.random.default_rng(1)])
    assert np.array_equal(together.scored[:, 1], alone.scored[:, 0])
    assert np.array_equal(together.held[:, FOLDS == 1], alone.held[:, FOLDS == 1])


@pytest.mark.parametrize("name", BY_FOLD)
def test_shared_rows_are_read_only_and_stay_as_they_are(name: str) -> None:
    shared = X.copy()
    shared.setflags(write=False)
    folds = [fold_rows("mixed", fold) for fold in range(F)]
    generators = [np.random.default_rng(fold) for fold in range(F)]
    short(name).train(shared, Y, FOLDS, folds, shared[:0], 3, generators)
    assert np.array_equal(shared, X)


def test_copying_a_row_four_times_is_a_weight_of_five() -> None:  # A15
    train = np.flatnonzero(FOLDS != 0)
    small = train[Y[train] == 2]
    parents = np.tile(np.repeat(small, 4)[:, None], 2)
    weight = np.zeros(N, np.float32)
    weight[train] = 1
    ones = np.ones(len(parents), np.float32)
    copied = FoldRows(weight, Y[parents[:, 0]], ones, parents, 0 * ones, None)
    options = CLASSIFIERS["logistic"](ladder=(1000,))
    found = options.train(X, Y, np.where(FOLDS == 0, 0, -1), [copied], NEW, 3, [RNG]).scored[0, 0]
    heavy = np.where(Y[train] == 2, 5.0, 1.0)
    model = LogisticRegression(tol=1e-9, max_iter=5000).fit(X[train].astype(np.float64), Y[train], heavy)
    np.testing.assert_allclose(found, model.predict_log_proba(NEW), atol=1e-3)
    plain = LogisticRegression(tol=1e-9, max_iter=5000).fit(X[train].astype(np.float64), Y[train])
    assert np.abs(found - plain.predict_log_proba(NEW)).max() > 0.5


def test_a_copy_has_a_vote_of_its_own() -> None:
    rows = np.array([[0.0], [2.0], [2.1], [9.0]], np.float32)
    y, none = np.array([1, 0, 0, 0]), np.empty(0, np.int64)
    asked, held_out = np.array([[0.5]], np.float32), np.full(4, -1)
    plain = FoldRows(np.ones(4, np.float32), none, np.empty(0, np.float32), np.empty((0, 2), np.int64),
                     np.empty(0, np.float32), None)  # fmt: skip
    twice = FoldRows(plain.weight, np.array([1]), np.ones(1, np.float32), np.array([[0, 0]]),
                     np.zeros(1, np.float32), None)  # fmt: skip
    vote = CLASSIFIERS["knn"](ladder=(3,))
    logits = [vote.train(rows, y, held_out, [f], asked, 2, [RNG]).scored[0, 0, 0] for f in (plain, twice)]
    np.testing.assert_allclose(np.exp(logits[0]), [(2 + 0.75) / 4, (1 + 0.25) / 4], rtol=1e-6)
    np.testing.assert_allclose(np.exp(logits[1]), [(1 + 0.6) / 4, (2 + 0.4) / 4], rtol=1e-6)


def test_too_many_neighbors_do_not_apply() -> None:
    folds = [fold_rows("none", fold) for fold in range(F)]
    with pytest.raises(NotApplicable, match="a training part has 60 rows, 61 neighbours need 61"):
        trained(CLASSIFIERS["knn"](ladder=(1, 61)), folds)


def test_scores_of_decision_values() -> None:
    decision = np.linspace(-0.9, 0.9, 7)
    np.testing.assert_allclose(np.exp(log_scores(decision)), np.stack([1 - decision, 1 + decision], 1) / 2)
    wide = np.linspace(-4, 4, 801)
    odds = log_odds(wide)
    assert np.all(np.diff(odds) > 0)
    np.testing.assert_allclose(odds, -odds[::-1], atol=1e-9)
    steepest = 2 / (1 - 0.9**2) * 0.01
    assert np.diff(odds).max() <= steepest * (1 + 1e-9)
    many = RNG.normal(size=(50, 4))
    assert np.array_equal(log_scores(many).argmax(1), many.argmax(1))


@pytest.mark.parametrize("name", CLASSIFIERS.names())
def test_every_classifier_declares_what_is_read_of_it(name: str) -> None:
    kind = CLASSIFIERS[name]
    assert list(kind.ladder) == sorted(set(kind.ladder))
    assert min(kind.ladder) >= 1
    assert kind.rung
    assert str(kind.__doc__).splitlines()[0].endswith(".")
    assert all(knob.domain.problem(knob.default) is None for knob in kind.knobs())
    assert len({kind.rung_text(steps) for steps in kind.ladder}) == len(kind.ladder)


def test_rungs_in_words() -> None:
    words = {name: CLASSIFIERS[name].rung_text(1) for name in CLASSIFIERS}
    assert words["mlp"] == "1 step"
    assert CLASSIFIERS["logistic"].rung_text(100) == "100 thousandths of C"
    assert CLASSIFIERS["knn"].rung_text(31) == "31 neighbours"
    assert CLASSIFIERS["gradient_boosting"].rung_text(1) == "1 tree"
