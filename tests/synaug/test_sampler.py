"""The rows of the sampler: against imbalanced-learn's own, how many, of which parents and type."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from imblearn.over_sampling import ADASYN, SMOTE, BorderlineSMOTE, RandomOverSampler
from scipy.sparse import csr_array, csr_matrix, issparse
from sklearn.neighbors import NearestNeighbors

from synaug.methods import METHODS
from synaug.methods.adasyn import Adasyn
from synaug.methods.base import Synthesiser
from synaug.methods.borderline_smote import BorderlineSmote
from synaug.methods.ros import RandomOverSampling
from synaug.methods.smote import Smote
from synaug.methods.vae import Vae
from synaug.sampler import Oversampler

ARMS = [name for name in METHODS if METHODS[name].synthesises() and name not in ("smote_enn", "smote_tomek")]
METRICS = ("euclidean", "cosine", "manhattan")
SIZES = {2: (90, 30), 4: (90, 45, 30, 20)}


def small(name: str) -> Oversampler:
    """An arm that works on data of one dimension and takes no time."""
    tiny = {"latent": 1, "hidden": 4, "epochs": 2}
    knobs = {"vae": tiny, "vae_gaussian": tiny, "ros_residual": tiny, "kmeans_smote": {"clusters": 1}}
    return Oversampler(METHODS[name](**knobs.get(name, {})), random_state=0)


def points(
    sizes: tuple[int, ...], apart: float = 0.15, d: int = 8
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Classes whose centres are ``apart`` in every dimension, rows shuffled."""
    rng = np.random.default_rng(len(sizes))
    y = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    return rng.normal(size=(len(y), d)) * 0.3 + apart * y[:, None], y


def theirs(method: Synthesiser, **common: Any) -> Any:
    """imbalanced-learn's own sampler with scikit-learn's neighbors."""

    def near(k: str) -> NearestNeighbors:
        return NearestNeighbors(n_neighbors=getattr(method, k) + 1, metric=method.settings()["metric"])

    if isinstance(method, Smote):
        return SMOTE(k_neighbors=near("k"), **common)
    if isinstance(method, BorderlineSmote):
        kind = f"borderline-{method.kind}"
        return BorderlineSMOTE(k_neighbors=near("k"), m_neighbors=near("m"), kind=kind, **common)
    if isinstance(method, Adasyn):
        return ADASYN(n_neighbors=near("k"), **common)
    return RandomOverSampler(**common)


def in_order(X: npt.NDArray[Any], y: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Sort rows by class and then by their values, for a comparison as sets."""
    order = np.lexsort((*X.T[::-1], y))
    return X[order], y[order]


@pytest.mark.parametrize("classes", SIZES)
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("name", ["smote", "borderline-1", "borderline-2", "adasyn", "ros"])
def test_rows_are_those_of_imbalanced_learn(name: str, metric: str, classes: int) -> None:
    method: Synthesiser = {
        "smote": Smote(metric=metric),
        "borderline-1": BorderlineSmote(metric=metric),
        "borderline-2": BorderlineSmote(metric=metric, kind=2),
        "adasyn": Adasyn(metric=metric),
        "ros": RandomOverSampling(),
    }[name]
    X, y = points(SIZES[classes])
    # From an integer, SMOTE starts again for each class, and Borderline-SMOTE 2 for each direction.
    seed = 5 if classes == 2 and name != "borderline-2" else np.random.RandomState(5)
    expected = theirs(method, random_state=seed).fit_resample(X, y)
    rows, labels = Oversampler(method, random_state=5).fit_resample(X, y)
    assert len(rows) > len(X) + 50
    np.testing.assert_array_equal(rows[: len(X)], X)
    rows, labels = in_order(rows, labels)
    rows_expected, labels_expected = in_order(*expected)
    np.testing.assert_array_equal(labels, labels_expected)
    np.testing.assert_allclose(rows, rows_expected, rtol=0, atol=1e-6)


def test_neighbors_are_found_in_the_precision_of_the_data() -> None:
    """Numbers so far from zero are 0.008 apart in float32."""
    X, y = points(SIZES[2])
    X += 1e5
    ours = Oversampler(Smote(), random_state=1).fit_resample(X, y)
    expected = in_order(*SMOTE(random_state=1).fit_resample(X, y))[0]
    np.testing.assert_allclose(in_order(*ours)[0], expected, rtol=0, atol=1e-6)


def test_unsigned_integers_do_not_wrap_around() -> None:
    X, y = points(SIZES[2])
    X = np.clip(128 + 100 * X, 0, 255).astype(np.uint8)
    rows, labels = Oversampler("smote", random_state=1).fit_resample(X, y)
    expected, labels_expected = SMOTE(random_state=1).fit_resample(X.astype(float), y)
    assert rows.dtype == np.uint8
    ours, reference = in_order(rows, labels), in_order(expected.astype(np.uint8), labels_expected)
    np.testing.assert_array_equal(ours[0], reference[0])


@pytest.mark.parametrize("name", ARMS)
def test_parents_and_weight_give_the_rows(name: str) -> None:
    X, y = (part.astype(kind) for part, kind in zip(points(SIZES[4]), ("f4", "i8"), strict=True))
    sampler = small(name)
    rows, labels = sampler.fit_resample(X, y)
    s = len(rows) - len(X)
    assert sampler.parents_.shape == (s, 2)
    assert sampler.weight_.shape == (s,)
    assert rows.dtype == np.float32
    if (sampler.parents_ == -1).all():
        return
    first, second = X[sampler.parents_[:, 0]], X[sampler.parents_[:, 1]]
    expected = first + sampler.weight_[:, None] * (second - first)
    np.testing.assert_allclose(rows[len(X) :], expected, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(labels[len(X) :], y[sampler.parents_[:, 0]])


def twice(y: npt.NDArray[Any]) -> dict[Any, int]:
    return {label: 2 * count for label, count in Counter(y.tolist()).items()}


@pytest.mark.parametrize(
    ("ratio", "strategy", "made"),
    [
        (100, "auto", (0, 45, 60, 70)),
        (50, "auto", (0, 22, 30, 35)),
        (200, "not majority", (0, 90, 120, 140)),
        (0, "auto", (0, 0, 0, 0)),
        (100, "minority", (0, 0, 0, 70)),
        (50, "not minority", (0, 22, 30, 0)),
        (100, "all", (0, 45, 60, 70)),
        (100, {0: 100, 3: 500}, (10, 0, 0, 480)),
        (50, {0: 100, 3: 500}, (5, 0, 0, 240)),
        (100, twice, (90, 45, 30, 20)),
    ],
)
@pytest.mark.parametrize("name", ["ros", "vae"])
def test_ratio_is_a_share_of_what_the_strategy_asks(
    name: str, ratio: float, strategy: Any, made: tuple[int, ...]
) -> None:
    X, y = points(SIZES[4])
    sampler = small(name).set_params(method__ratio=ratio, sampling_strategy=strategy)
    rows, labels = sampler.fit_resample(X, y)
    assert tuple(np.bincount(labels[len(X) :], minlength=4)) == made
    assert len(rows) == len(labels)


def test_a_float_strategy_is_a_share_of_the_majority() -> None:
    X, y = points(SIZES[2])
    for ratio, made in ((100, 15), (200, 30)):
        _, labels = Oversampler(Smote(ratio=ratio), sampling_strategy=0.5).fit_resample(X, y)
        assert len(labels) - len(y) == made


@pytest.mark.parametrize("name", ARMS)
def test_every_arm_makes_what_is_asked_and_repeats_it(name: str) -> None:
    X, y = points(SIZES[4])
    sampler = small(name).set_params(sampling_strategy={1: 125, 2: 200})
    rows, labels = sampler.fit_resample(X, y)
    made = np.bincount(labels[len(X) :], minlength=4)
    np.testing.assert_allclose(made, (0, 80, 170, 0), rtol=0.1)  # ADASYN rounds for each start
    np.testing.assert_array_equal(sampler.fit_resample(X, y)[0], rows)
    others, _ = sampler.set_params(random_state=1).fit_resample(X, y)
    assert others.shape != rows.shape or (others != rows).any()


def test_what_does_not_apply_says_why() -> None:
    X, y = points((60, 5))
    with pytest.raises(
        ValueError, match=r"smote does not apply: class '1' has 5 rows .*, 5 neighbors need 6"
    ):
        Oversampler("smote").fit_resample(X, y)
    with pytest.raises(ValueError, match="vae does not apply: 9 latent dimensions"):
        Oversampler(Vae(latent=9)).fit_resample(X, y)


@pytest.mark.parametrize("method", [Smote(ratio=0), Vae(ratio=0, latent=9)])
def test_ratio_0_applies_everywhere(method: Synthesiser) -> None:
    X, y = points((60, 5))
    sampler = Oversampler(method)
    rows, labels = sampler.fit_resample(X, y)
    np.testing.assert_array_equal(rows, X)
    np.testing.assert_array_equal(labels, y)
    assert sampler.parents_.shape == (0, 2)


def test_a_class_without_rows_is_named() -> None:
    X, y = points((60, 30, 25))
    X[y == 2] += 50.0
    with pytest.warns(UserWarning, match="adasyn made no row for class 'far'"):
        _, labels = Oversampler(Adasyn()).fit_resample(X, np.array(["many", "few", "far"])[y])
    counts = Counter(labels.tolist())
    assert counts["far"] == 25
    assert counts["few"] > 50


def test_rows_that_are_not_finite_are_refused() -> None:
    X, y = points(SIZES[2])
    with pytest.raises(ValueError, match="vae made rows that are not finite"):
        Oversampler(Vae(latent=2, learning_rate=10.0, epochs=100)).fit_resample(X * 1e18, y)


def test_a_data_frame_gives_a_data_frame() -> None:
    X, y = points(SIZES[2])
    frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(8)]).astype({"x1": "float32"})
    rows, labels = small("smote").fit_resample(frame, pd.Series(np.array(["no", "yes"])[y], name="is it"))
    assert list(rows.columns) == list(frame.columns)
    assert rows.dtypes.equals(frame.dtypes)
    assert labels.name == "is it"
    assert labels.value_counts().to_dict() == {"no": 90, "yes": 90}
    pd.testing.assert_frame_equal(rows.iloc[: len(X)], frame)


@pytest.mark.parametrize("kind", [csr_matrix, csr_array])
@pytest.mark.parametrize("name", ARMS)
def test_sparse_rows_give_the_same_sparse_rows(name: str, kind: Any) -> None:
    X, y = points(SIZES[2])
    X[X < 0.2] = 0.0
    dense, labels = small(name).fit_resample(X, y)
    rows, labels_too = small(name).fit_resample(kind(X), y)
    assert issparse(rows)
    assert type(rows) is kind
    np.testing.assert_allclose(rows.toarray(), dense, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(labels, labels_too)
