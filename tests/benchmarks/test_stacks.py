"""The scripts that the sweep is compared with do what they are compared for."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import balanced_accuracy_score

from benchmarks.baseline_stack import SAMPLERS, default_classifier, targets
from benchmarks.dataloader_stack import TorchMlp
from synaug.methods.base import requested

COUNTS = np.array([90, 30, 12])


@pytest.fixture
def rows() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    y = np.repeat(np.arange(3), COUNTS)
    centers = 1.5 * np.eye(3, 8)[y]
    return (centers + random.normal(size=(len(y), 8))).astype(np.float32), y


@pytest.mark.parametrize("ratio", [50.0, 100.0, 200.0])
def test_a_ratio_asks_for_the_rows_that_synaug_asks_for(
    rows: tuple[np.ndarray, np.ndarray], ratio: float
) -> None:
    wanted = targets(rows[1], ratio)
    assert [wanted[code] for code in range(3)] == (COUNTS + requested(COUNTS, ratio)).tolist()


@pytest.mark.parametrize("arm", SAMPLERS)
def test_samplers_make_the_rows_that_are_asked_for(rows: tuple[np.ndarray, np.ndarray], arm: str) -> None:
    X, y = rows
    sampler = clone(SAMPLERS[arm](sampling_strategy=partial(targets, ratio=100.0), random_state=0))
    made, labels = sampler.fit_resample(X, y)
    slack = 10 if arm == "adasyn" else 0  # it rounds for each row
    assert made.shape == (len(labels), 8)
    assert made.dtype == np.float32
    assert np.abs(np.bincount(labels) - 90).max() <= slack
    assert np.isfinite(made).all()


@pytest.mark.parametrize("make", [default_classifier, TorchMlp])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_classifiers_learn(rows: tuple[np.ndarray, np.ndarray], make: type) -> None:
    X, y = rows
    fitted = make().fit(np.tile(X, (10, 1)), np.tile(y, 10))  # enough steps in 20 epochs
    assert balanced_accuracy_score(y, fitted.predict(X)) > 0.6
    assert fitted.predict_proba(X).sum(axis=1) == pytest.approx(np.ones(len(y)), abs=1e-5)
    assert fitted.n_iter_ >= 20
