"""Scores against scikit-learn, closed forms and hand calculations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax
from sklearn import metrics

from synaug import scores

RNG = np.random.default_rng(3)
Y = np.repeat([0, 1, 2], [50, 20, 5])
LOGITS = RNG.normal(size=(4, len(Y), 3)) + 1.2 * np.eye(3)[Y]


def test_balanced_accuracy_of_many_models_equals_scikit_learn() -> None:
    expected = [metrics.balanced_accuracy_score(Y, one.argmax(1)) for one in LOGITS]
    np.testing.assert_allclose(scores.balanced_accuracy(LOGITS, Y), expected)


def test_log_loss_and_confusion_equal_scikit_learn() -> None:
    expected = [metrics.log_loss(Y, softmax(one, axis=1)) for one in LOGITS]
    np.testing.assert_allclose(scores.log_loss(LOGITS, Y), expected)
    assert np.array_equal(scores.confusion(LOGITS[0], Y), metrics.confusion_matrix(Y, LOGITS[0].argmax(1)))


def test_full_scores_equal_scikit_learn() -> None:
    logits, predicted = LOGITS[1], LOGITS[1].argmax(1)
    probability = softmax(logits, axis=1)
    got = scores.full(logits, logits - 1.0, Y)
    recall = metrics.recall_score(Y, predicted, average=None)
    assert got["accuracy"] == pytest.approx(metrics.accuracy_score(Y, predicted))
    assert got["macro_f1"] == pytest.approx(metrics.f1_score(Y, predicted, average="macro"))
    assert got["g_mean"] == pytest.approx(np.prod(recall) ** (1 / 3))
    assert got["auc"] == pytest.approx(metrics.roc_auc_score(Y, probability, multi_class="ovr"))
    one_hot = np.eye(3)[Y]
    assert got["brier"] == pytest.approx(((probability - one_hot) ** 2).sum(1).mean())
    assert got["pr_auc"] == pytest.approx(metrics.average_precision_score(one_hot, probability))
    assert got["adjusted_balanced_accuracy"] == pytest.approx(got["balanced_accuracy"])


def test_calibration_error_by_hand() -> None:
    # Confidences .9 (right), .9 (wrong) share a bin: |1/2 - .9| * 2/3; .6 (right): |1 - .6| / 3.
    probability = np.array([[0.9, 0.1], [0.1, 0.9], [0.6, 0.4]])
    assert scores.calibration_error(probability, np.array([0, 0, 0])) == pytest.approx(0.8 / 3 + 0.4 / 3)


def test_moving_the_threshold_of_two_gaussians_is_the_bayes_rule() -> None:
    # Logit of N(1, 1) against N(-1, 1) is 2x; a model trained at 10:1 has 2x - log 10.
    x = RNG.normal(size=20_000) + np.repeat([-1.0, 1.0], 10_000)
    y = np.repeat([0, 1], 10_000)
    logits = np.stack([np.zeros_like(x), 2 * x - np.log(10)], axis=1)
    moved = scores.adjust(logits, np.array([10.0, 1.0]))
    assert scores.balanced_accuracy(logits, y) == pytest.approx(0.7121, abs=0.01)
    assert scores.balanced_accuracy(moved, y) == pytest.approx(0.8413, abs=0.01)


def test_per_class_table_by_hand() -> None:
    table = scores.per_class(np.array([[8, 2], [1, 3]]))
    np.testing.assert_allclose(table["precision"], [8 / 9, 3 / 5])
    np.testing.assert_allclose(table["recall"], [0.8, 0.75])
    np.testing.assert_allclose(table["f1"], [16 / 19, 6 / 9])
