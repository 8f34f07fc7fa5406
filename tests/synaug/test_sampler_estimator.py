"""The sampler as an estimator: the checks of imbalanced-learn and scikit-learn, parameters, pipelines."""

from __future__ import annotations

import doctest
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from imblearn.over_sampling import SMOTE
from imblearn.pipeline import make_pipeline
from imblearn.utils import estimator_checks as imblearn_checks
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.utils import estimator_checks as sklearn_checks

import synaug.sampler
from synaug.methods import METHODS
from synaug.methods.base import Synthesiser
from synaug.methods.borderline_smote import BorderlineSmote
from synaug.methods.none import Nothing
from synaug.methods.ros import RandomOverSampling
from synaug.methods.smote import Smote
from synaug.methods.smote_enn import SmoteEnn
from synaug.methods.vae import Vae
from synaug.sampler import Oversampler

ARMS = [name for name in METHODS if METHODS[name].synthesises() and name not in ("smote_enn", "smote_tomek")]
X, Y = make_classification(n_samples=150, weights=[0.8], class_sep=0.7, random_state=0)


def small(name: str) -> Oversampler:
    """An arm that works on data of one dimension and takes no time."""
    tiny = {"latent": 1, "hidden": 4, "epochs": 2}
    knobs = {"vae": tiny, "vae_gaussian": tiny, "ros_residual": tiny, "kmeans_smote": {"clusters": 1}}
    return Oversampler(METHODS[name](**knobs.get(name, {})), random_state=0)


CHECKS = [
    (estimator, check)
    for name in ARMS
    for checks in (imblearn_checks, sklearn_checks)
    for estimator, check in checks.estimator_checks_generator(small(name))
]
TITLES = [f"{estimator.method.name}-{check.func.__name__}" for estimator, check in CHECKS]


@pytest.mark.parametrize(("estimator", "check"), CHECKS, ids=TITLES)
def test_passes_the_checks_of_imbalanced_learn_and_scikit_learn(estimator: Oversampler, check: Any) -> None:
    check(estimator)


@pytest.mark.parametrize("name", ARMS)
def test_parameters_and_columns_are_checked(name: str) -> None:
    """Two checks that imbalanced-learn runs on its own samplers alone."""
    imblearn_checks.check_param_validation("Oversampler", small(name))
    imblearn_checks.check_dataframe_column_names_consistency("Oversampler", small(name))


def test_knobs_are_parameters() -> None:
    sampler = Oversampler(Smote(k=3), random_state=0)
    assert sampler.get_params()["method__k"] == 3
    assert set(sampler.get_params(deep=False)) == {"method", "sampling_strategy", "random_state"}
    copy = clone(sampler).set_params(method__k=np.int64(7), method__metric="cosine")
    assert (copy.method, sampler.method) == (Smote(k=7, metric="cosine"), Smote(k=3))
    assert Oversampler().set_params(method__latent=4, method="vae").method == Vae(latent=4)
    assert "k=7" in repr(copy)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"method__k": 0}, "method__k: expected integers >= 1, got 0"),
        ({"method__metrik": "cosine"}, r"method__metrik: unknown knob.*did you mean 'metric'"),
        ({"method__k": 0, "method__ratio": 300}, "method__k: .*; method__ratio: expected numbers 0 to 200"),
        ({"method": "smot", "method__k": 3}, "method__k: 'smot' is not an arm that makes rows"),
        ({"strategy": "all"}, "Invalid parameter 'strategy'"),
    ],
)
def test_wrong_parameters_are_refused(params: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Oversampler().set_params(**params)


@pytest.mark.parametrize("method", ["smote_enn", SmoteEnn()])
def test_an_arm_that_takes_rows_away_is_no_over_sampler(method: Any) -> None:
    with pytest.raises(ValueError, match=r"over-sampler|'method' parameter"):
        Oversampler(method).fit_resample(X, Y)


@pytest.mark.parametrize("method", ["smot", "none", Nothing()])
def test_only_arms_that_make_rows_are_taken(method: Any) -> None:
    with pytest.raises(
        ValueError, match=r"The 'method' parameter of Oversampler must be .*'borderline_smote'"
    ):
        Oversampler(method).fit_resample(X, Y)


def test_in_a_pipeline_it_does_as_imbalanced_learn() -> None:
    ours, reference = (
        cross_val_predict(make_pipeline(sampler, LogisticRegression()), X, Y, method="predict_proba")
        for sampler in (Oversampler("smote", random_state=0), SMOTE(random_state=0))
    )
    np.testing.assert_allclose(ours, reference, atol=1e-3)
    plain = cross_val_predict(LogisticRegression(), X, Y, method="predict_proba")
    assert ours[:, 1].mean() > plain[:, 1].mean() + 0.04


def test_a_search_goes_over_knobs_and_arms() -> None:
    model = make_pipeline(Oversampler(random_state=0), LogisticRegression())
    grid = [
        {"oversampler__method": ["smote", "adasyn"], "oversampler__method__k": np.array([1, 5])},
        {"oversampler__method": [RandomOverSampling(), BorderlineSmote(kind=2)]},
    ]
    search = GridSearchCV(model, grid, scoring="balanced_accuracy", cv=3, error_score="raise").fit(X, Y)
    assert len(set(search.cv_results_["mean_test_score"])) > 2
    assert isinstance(search.best_estimator_["oversampler"].get_params()["method"], str | Synthesiser)


def test_the_example_of_the_docstring_runs() -> None:
    result = doctest.testmod(synaug.sampler)
    assert (result.failed, result.attempted) == (0, 6)


def test_imports_stay_lazy() -> None:
    code = (
        "import sys, synaug, synaug.methods; print([m for m in ('imblearn', 'sklearn') if m in sys.modules]);"
        "import synaug.sampler; print('torch' in sys.modules)"
    )
    root = Path(__file__).parents[2]
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False
    )
    assert (result.stdout.split(), result.stderr) == (["[]", "False"], "")
