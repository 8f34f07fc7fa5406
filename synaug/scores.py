"""Scores of logits: along the ladder, and in full at the chosen rung."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Codes = npt.NDArray[np.int64]
ECE_BINS = 15


def recalls(logits: Floats, y: Codes) -> npt.NDArray[np.float64]:
    """Recall of each class for logits (..., m, C) of rows with classes ``y`` (m,) -> (..., C).

    A class without rows has recall NaN.
    """
    hit = logits.argmax(-1) == y  # (..., m)
    n_classes = logits.shape[-1]
    with np.errstate(invalid="ignore"):
        return np.stack(
            [hit[..., y == c].sum(-1) / np.float64((y == c).sum()) for c in range(n_classes)], axis=-1
        )


def balanced_accuracy(logits: Floats, y: Codes) -> npt.NDArray[np.float64]:
    """Mean recall over the classes that occur in ``y``: logits (..., m, C) -> (...)."""
    return np.asarray(np.nanmean(recalls(logits, y), axis=-1))


def adjust(logits: Floats, mass: Floats) -> npt.NDArray[np.float64]:
    """Take the log of each class's share of the training mass (..., C) off its logit (..., C)."""
    return np.asarray(logits - np.log(mass / mass.sum(-1, keepdims=True)))


def log_loss(logits: Floats, y: Codes) -> npt.NDArray[np.float64]:
    """Mean negative log likelihood in nats: logits (..., m, C) -> (...)."""
    from scipy.special import log_softmax

    likelihood = log_softmax(logits.astype(np.float64), axis=-1)
    return np.asarray(-np.take_along_axis(likelihood, _as_index(y, logits), -1)[..., 0].mean(-1))


def _as_index(y: Codes, logits: Floats) -> Codes:
    return np.broadcast_to(y, logits.shape[:-1])[..., None]


def confusion(logits: Floats, y: Codes) -> Codes:
    """Rows truth, columns prediction (C, C), of logits (m, C)."""
    n_classes = logits.shape[-1]
    pairs = y * n_classes + logits.argmax(-1)
    return np.bincount(pairs, minlength=n_classes**2).reshape(n_classes, n_classes)


def full(logits: Floats, adjusted: Floats, y: Codes) -> dict[str, float]:
    """All scores of one model on one set of rows.

    Args:
        logits: the scores of the classes (m, C); probabilities are their softmax.
        adjusted: the same with the training mass taken off (m, C).
        y: the true classes (m,); every class must occur.

    Returns:
        Fractions, except ``mcc`` (-1 to 1), ``log_loss`` (nats) and ``brier`` (0 to 2). ROC-AUC and
        PR-AUC are means over classes, one against the rest; ``ece`` has 15 equal bins.
    """
    from scipy.special import softmax
    from sklearn import metrics  # a second of import, which a worker spends when it has trained

    predicted = logits.argmax(1)
    probability = softmax(logits.astype(np.float64), axis=1)
    truth = np.eye(logits.shape[1])[y]
    recall = recalls(logits, y)
    return {
        "balanced_accuracy": float(np.nanmean(recall)),
        "adjusted_balanced_accuracy": float(balanced_accuracy(adjusted, y)),
        "accuracy": float((predicted == y).mean()),
        "macro_f1": float(metrics.f1_score(y, predicted, average="macro", zero_division=0.0)),
        "mcc": float(metrics.matthews_corrcoef(y, predicted)),
        "g_mean": float(np.prod(recall) ** (1 / len(recall))),
        "auc": float(metrics.roc_auc_score(truth, probability, average="macro")),
        "pr_auc": float(metrics.average_precision_score(truth, probability, average="macro")),
        "log_loss": float(log_loss(logits, y)),
        "brier": float(((probability - truth) ** 2).sum(1).mean()),
        "ece": calibration_error(probability, y),
    }


def calibration_error(probability: Floats, y: Codes) -> float:
    """Expected calibration error of the predicted class over 15 equal bins (Guo et al. 2017)."""
    confidence, hit = probability.max(1), probability.argmax(1) == y
    bins = np.minimum((confidence * ECE_BINS).astype(int), ECE_BINS - 1)
    size = np.bincount(bins, minlength=ECE_BINS)
    gap = np.bincount(bins, hit, ECE_BINS) - np.bincount(bins, confidence, ECE_BINS)
    return float(np.abs(gap).sum() / max(1, size.sum()))


def per_class(matrix: Codes) -> dict[str, npt.NDArray[np.float64]]:
    """Precision, recall and F1 of each class (C,) from a confusion matrix; 0 where undefined."""
    hit = np.diag(matrix).astype(np.float64)
    predicted, true = matrix.sum(0), matrix.sum(1)
    return {
        "precision": hit / np.maximum(1, predicted),
        "recall": hit / np.maximum(1, true),
        "f1": 2 * hit / np.maximum(1, predicted + true),
    }
