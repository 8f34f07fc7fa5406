"""Classifier two-sample tests: can a classifier tell synthetic rows from real ones?

Accuracy on rows that the classifier did not see; 0.5 where the rows cannot be told apart (Lopez-Paz and
Oquab 2017, arXiv:1610.06545). Neither a low accuracy says that rows are useful nor a high one that
they are not.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .pairs import F64, Pair

FOLDS = 4
TREES = 25  # a tenth of a second; the band beside it has as many


def c2st_logistic(pair: Pair) -> float:
    """Accuracy of logistic regression on standardised rows."""
    return _accuracy(_logistic(), pair, np.vstack([pair.real, pair.synthetic]))


def c2st_norm(pair: Pair) -> float:
    """Accuracy of logistic regression on the lengths of the rows alone."""
    lengths = np.linalg.norm(np.vstack([pair.real, pair.synthetic]), axis=1)
    return _accuracy(_logistic(), pair, lengths[:, None])


def c2st_forest(pair: Pair) -> float:
    """Accuracy of a random forest."""
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(TREES, random_state=pair.seed)
    return _accuracy(forest, pair, np.vstack([pair.real, pair.synthetic]))


def _logistic() -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))


def _accuracy(model: Any, pair: Pair, X: F64) -> float:
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    y = np.repeat([0, 1], [len(pair.real), len(pair.synthetic)])
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=pair.seed)
    return float((cross_val_predict(model, X, y, cv=folds) == y).mean())
