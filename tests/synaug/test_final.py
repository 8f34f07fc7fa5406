"""The model that goes to work is trained on every row, and its files say what the trainer says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import log_softmax

from synaug.classifiers import CLASSIFIERS
from synaug.classifiers.mlp import train_one
from synaug.classifiers.options import FoldRows, MlpOptions
from synaug.deploy import softmax
from synaug.errors import Exit, SynaugError
from synaug.evaluate import Replicate, fold_rows
from synaug.final import Final, train_final, whole
from synaug.methods import METHODS
from synaug.randomness import Streams
from synaug.scorers import Votes, Weights

NAMES = ("large", "rare", "rarer")
SIZES = (90, 30)
OTHERS: dict[str, tuple[int, dict[str, Any]]] = {  # a rung, and settings
    "logistic": (1000, {}),
    "linear_svm": (1000, {}),
    "knn": (9, {}),
    "gradient_boosting": (12, {"leaf_rows": 5}),
    "transformer": (200, {"layers": 0, "hidden": 8}),  # on texts: test_finetuning.py
}


def rows_of(sizes: tuple[int, ...] = SIZES) -> Replicate:
    """Gaussian classes among rows that nobody trains on."""
    random = np.random.default_rng(2)
    y = random.permutation(np.repeat(np.arange(len(sizes)), sizes))
    X = (random.normal(size=(len(y), 6)) + 2 * y[:, None]).astype(np.float32)
    noise = np.full((10, 6), 1e6, np.float32)  # a model that saw one of these would not be finite
    X, y = np.concatenate([noise, X]), np.concatenate([np.zeros(10, np.int64), y])
    return whole(X, y, NAMES[: len(sizes)], np.arange(10, len(X)), Streams(0, "5eed" * 16), neighbors=5)


def train(arm: str, data: Replicate | None = None, precision: str = "float32", **knobs: Any) -> Final:
    data = data or rows_of()
    return train_final(METHODS[arm](**knobs), data, MlpOptions(hidden=8, precision=precision), steps=60)


@pytest.mark.parametrize(("precision", "close"), [("float32", 1e-4), ("bfloat16", 3e-2)])
@pytest.mark.parametrize("arm", ["none", "logit_adjust", "class_weight", "ros", "smote", "vae"])
def test_the_weights_give_what_the_trainer_gives(arm: str, precision: str, close: float) -> None:
    data = rows_of()
    final = train(arm, data, precision, **({"latent": 2} if arm == "vae" else {}))
    probability = softmax(final.scorer.logits(data.X[data.draw.rows]))
    np.testing.assert_allclose(probability, softmax(final.logits), atol=close)
    right = probability.argmax(1) == data.y[data.draw.rows]
    assert right.mean() > 0.9


CASES = [
    (name, arm, sizes)
    for name in OTHERS
    for arm in ("logit_adjust", "class_weight", "smote", "ros", "gaussian")
    for sizes in (SIZES, (80, 30, 20))
    if CLASSIFIERS[name] is not CLASSIFIERS["knn"] or arm != "class_weight"
]


@pytest.mark.parametrize(("name", "arm", "sizes"), CASES)
def test_the_arrays_of_every_classifier_give_what_its_library_gives(
    name: str, arm: str, sizes: tuple[int, ...]
) -> None:
    data, (steps, settings) = rows_of(sizes), OTHERS[name]
    final = train_final(METHODS[arm](), data, CLASSIFIERS[name](**settings), steps)
    real = data.X[data.draw.rows]
    np.testing.assert_array_equal(final.embeddings, real)
    found = softmax(final.scorer.logits(real))
    np.testing.assert_allclose(found, softmax(final.logits), atol=1e-6)
    assert (found.argmax(1) == data.y[data.draw.rows]).mean() > 0.8
    assert all(array.dtype.kind in "fi" for array in final.scorer.arrays().values())


@pytest.mark.parametrize("metric", Votes.METRICS)
def test_votes_are_ranked_by_the_metric(metric: str) -> None:
    data = rows_of()
    final = train_final(METHODS["smote"](), data, CLASSIFIERS["knn"](metric=metric), 7)
    found = softmax(final.scorer.logits(data.X[data.draw.rows]))
    np.testing.assert_allclose(found, softmax(final.logits), atol=1e-9)


def test_trees_are_those_of_the_library_to_the_last_bit() -> None:
    data = rows_of()
    final = train_final(METHODS["none"](), data, CLASSIFIERS["gradient_boosting"](), 30)
    logits = final.scorer.logits(data.X[data.draw.rows])
    np.testing.assert_array_equal(log_softmax(logits, axis=1), final.logits)


def test_a_classifier_that_does_not_apply_is_said() -> None:
    with pytest.raises(SynaugError, match="knn has no loss weights") as refused:
        train_final(METHODS["class_weight"](), rows_of(), CLASSIFIERS["knn"](), 3)
    assert refused.value.exit is Exit.DATA


def test_all_rows_are_trained_on_and_synthetic_ones_fill_the_gap() -> None:
    final = train("smote", ratio=50.0)
    assert final.real == {"large": 90, "rare": 30}
    assert final.synthetic == {"large": 0, "rare": 30}  # half of what the rare class lacks
    assert train("none").synthetic == {"large": 0, "rare": 0}


def test_a_row_that_is_left_out_is_scored_all_the_same() -> None:
    data = rows_of()
    y, rows = data.y[data.draw.rows], fold_rows(METHODS["none"](), data, 0, [])
    rows.weight[[3, 50]] = 0
    options, X = MlpOptions(hidden=8, ladder=(5,)), data.X[data.draw.rows]
    with_all, without = (
        train_one(X[keep], y[keep], part, 2, options, np.random.default_rng(1))
        for keep, part in (
            (np.arange(len(y)), rows),
            (np.flatnonzero(rows.weight), fold_rows_of(rows.weight)),
        )
    )
    np.testing.assert_allclose(with_all.head, without.head, rtol=1e-4, atol=1e-6)
    assert len(with_all.logits) == len(y) == len(without.logits) + 2
    np.testing.assert_allclose(with_all.logits[rows.weight > 0], without.logits, rtol=1e-3, atol=1e-5)


def fold_rows_of(weight: np.ndarray) -> FoldRows:
    """Real rows alone, those of weight 0 gone."""
    kept, none = weight[weight > 0], np.empty(0, np.int64)
    return FoldRows(kept, none, kept[:0], np.empty((0, 2), np.int64), kept[:0], None)


def test_the_threshold_is_moved_where_the_arm_scores_adjusted() -> None:
    plain, moved = train("none"), train("logit_adjust")
    np.testing.assert_allclose(moved.scorer.offset, np.log([0.75, 0.25]), rtol=1e-6)
    np.testing.assert_array_equal(plain.scorer.offset, [0, 0])
    assert isinstance(plain.scorer, Weights)
    assert isinstance(moved.scorer, Weights)
    np.testing.assert_array_equal(moved.scorer.head, plain.scorer.head)  # the same training


def test_the_same_call_gives_the_same_model() -> None:
    one, other = train("smote"), train("smote")
    for name, array in one.scorer.arrays().items():
        np.testing.assert_array_equal(array, other.scorer.arrays()[name])


def test_an_arm_that_does_not_apply_is_said() -> None:
    with pytest.raises(SynaugError, match="smote does not apply to all training rows") as refused:
        train("smote", rows_of((40, 1)))
    assert refused.value.exit is Exit.DATA


def test_a_training_that_diverges_is_said() -> None:
    options = MlpOptions(hidden=8, learning_rate=10.0, weight_decay=10.0)
    data = rows_of()
    data.X[11] = np.inf
    with pytest.raises(SynaugError, match="diverged") as refused:
        train_final(METHODS["none"](), data, options, steps=3)
    assert refused.value.exit is Exit.DATA
