"""Arms that take real rows away: against imbalanced-learn, nested ratios, and when they do not apply."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from imblearn.combine import SMOTEENN, SMOTETomek
from imblearn.over_sampling import SMOTE
from imblearn.under_sampling import EditedNearestNeighbours, RandomUnderSampler, TomekLinks

from synaug.cleaning import CleaningMethod
from synaug.errors import NotApplicable
from synaug.methods.base import Pool, TrainingPart, requested
from synaug.methods.rus import RandomUnderSampling
from synaug.methods.smote import Smote
from synaug.methods.smote_enn import SmoteEnn
from synaug.methods.smote_tomek import SmoteTomek
from synaug.neighbors import NeighborGraph

F32 = npt.NDArray[np.float32]
SIZES = {2: (110, 40), 4: (90, 45, 30, 20)}
STATE = np.random.RandomState


def part_of(sizes: tuple[int, ...], apart: float, d: int = 4) -> TrainingPart:
    """Classes whose centres are ``apart`` standard deviations in every dimension, rows shuffled."""
    rng = np.random.default_rng(len(sizes))
    y = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    X, rows = (rng.normal(size=(len(y), d)) + apart * y[:, None]).astype(np.float32), np.arange(len(y))

    def graph(metric: str) -> NeighborGraph:
        return NeighborGraph.build(X, rows, y, metric, 10)

    return TrainingPart(X, rows, y, len(sizes), graph)


def left(part: TrainingPart, pool: Pool, method: CleaningMethod) -> tuple[F32, npt.NDArray[np.int64]]:
    """The rows that a model would train on, sorted."""
    chosen = method.select(part, pool, STATE(0))
    X = np.concatenate([part.X[chosen.kept], pool.materialise(part)[chosen.taken]])
    y = np.concatenate([part.y[chosen.kept], pool.labels[chosen.taken]])
    return in_order(X, y)


def in_order(X: Any, y: Any) -> tuple[F32, npt.NDArray[np.int64]]:
    order = np.lexsort((*X.T[::-1].round(4), y))
    return X[order], y[order]


def theirs(method: CleaningMethod, part: TrainingPart) -> Any:
    """imbalanced-learn's own sampler for the rows of ratio 200 %."""
    wanted = part.counts + requested(part.counts, 200.0)
    strategy = {code: int(wanted[code]) for code in np.flatnonzero(wanted > part.counts).tolist()}
    smote = SMOTE(sampling_strategy=strategy, random_state=STATE(5))
    if isinstance(method, SmoteEnn):
        enn = EditedNearestNeighbours(
            sampling_strategy="all", n_neighbors=method.neighbors, kind_sel=method.agreement
        )
        return SMOTEENN(smote=smote, enn=enn)
    return SMOTETomek(smote=smote, tomek=TomekLinks(sampling_strategy="all"))


@pytest.mark.filterwarnings("ignore:After over-sampling:UserWarning")
@pytest.mark.parametrize("classes", SIZES)
@pytest.mark.parametrize(
    "method",
    [SmoteEnn(ratio=200), SmoteEnn(ratio=200, agreement="mode", neighbors=7), SmoteTomek(ratio=200)],
    ids=["enn", "enn-mode", "tomek"],
)
def test_what_is_left_is_what_imbalanced_learn_leaves(method: CleaningMethod, classes: int) -> None:
    part = part_of(SIZES[classes], apart=0.5)
    X, y = left(part, method.pool(part, STATE(5)), method)
    X_theirs, y_theirs = in_order(*theirs(method, part).fit_resample(part.X, part.y))
    assert len(y) < len(part.y) + requested(part.counts, 200.0).sum()
    np.testing.assert_array_equal(y, y_theirs)
    np.testing.assert_allclose(X, X_theirs, rtol=0, atol=1e-5)


@pytest.mark.parametrize("method", [SmoteEnn(), SmoteTomek()], ids=lambda m: m.name)
def test_the_rows_before_the_cleaning_are_those_of_smote(method: CleaningMethod) -> None:
    part = part_of(SIZES[2], apart=0.5)
    ours, smote = method.pool(part, STATE(5)), Smote().pool(part, STATE(5))
    np.testing.assert_array_equal(ours.parents, smote.parents)
    np.testing.assert_array_equal(ours.weight, smote.weight)


def test_tomek_links_are_the_pairs_that_are_each_others_nearest() -> None:
    """On a line at 0, 1, 2.1 (large class) and 3, 9, 9.9, 10.7: only 2.1 and 3 are such a pair."""
    X = np.array([[0.0], [1.0], [2.1], [-0.5], [3.0], [9.0], [9.9]], dtype=np.float32)
    y = np.array([0, 0, 0, 0, 1, 1, 1])

    def graph(metric: str) -> NeighborGraph:
        return NeighborGraph.build(X, np.arange(7), y, metric, 2)

    part = TrainingPart(X, np.arange(7), y, 2, graph)
    one = np.array([1])
    pool = Pool(one, np.array([[5, 6]]), np.array([0.5], np.float32), None, np.array([0, 1]))
    chosen = SmoteTomek(ratio=100, k=1).select(part, pool, STATE(0))
    assert np.flatnonzero(~chosen.kept).tolist() == [2, 4]
    assert chosen.taken.tolist() == [0]


def test_cleaning_that_leaves_nothing_of_a_class_does_not_apply() -> None:
    part = part_of((60, 20), apart=0.0, d=2)
    method = SmoteEnn(neighbors=60)
    pool = method.pool(part, STATE(0))
    with pytest.raises(NotApplicable, match="the cleaning leaves no row of class 0"):
        method.select(part, pool, STATE(0))


def test_cleaning_needs_more_rows_than_neighbors() -> None:
    part = part_of((20, 8), apart=1.0)
    method = SmoteEnn(neighbors=40)
    with pytest.raises(NotApplicable, match="40 rows to clean, 40 neighbors need 41"):
        method.select(part, method.pool(part, STATE(0)), STATE(0))


@pytest.mark.parametrize("classes", SIZES)
def test_under_sampling_keeps_the_rows_that_imbalanced_learn_keeps(classes: int) -> None:
    part = part_of(SIZES[classes], apart=0.5)
    kept = RandomUnderSampling().select(part, None, STATE(3)).kept
    sampler = RandomUnderSampler(random_state=STATE(3))
    sampler.fit_resample(part.X, part.y)
    np.testing.assert_array_equal(np.flatnonzero(kept), np.sort(sampler.sample_indices_))
    assert set(np.bincount(part.y[kept])) == {min(SIZES[classes])}


def test_a_larger_ratio_takes_what_a_smaller_one_takes_and_more() -> None:
    part = part_of((90, 22, 21, 20), apart=0.5)  # one row more than the smallest: nothing goes below 50 %
    before = np.ones(len(part.y), dtype=bool)
    for ratio in (0.0, 12.5, 25.0, 62.5, 87.5, 100.0):
        kept = RandomUnderSampling(ratio=ratio).select(part, None, STATE(3)).kept
        assert (before | ~kept).all()
        counts = part.counts - np.bincount(part.y[kept], minlength=4)
        np.testing.assert_array_equal(counts, np.rint(ratio / 100 * (part.counts - 20)))
        before = kept


def test_more_than_balance_does_not_apply() -> None:
    with pytest.raises(NotApplicable, match="ratio 150 % takes more rows away than balance the classes"):
        RandomUnderSampling(ratio=150.0).select(part_of(SIZES[2], apart=0.5), None, STATE(0))
