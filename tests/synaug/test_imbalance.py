"""Draws: sizes, disjointness, dev and test apart."""

from __future__ import annotations

import numpy as np
import pytest

from synaug.errors import Exit, SynaugError
from synaug.imbalance import ImbalanceOptions, class_sizes, draw, smaller, split
from synaug.overlap import overlap, overlap_of
from synaug.randomness import Streams

CLASSES = ("a", "b", "c")
STREAMS = Streams(0, "abcdef01" * 8)
LABELS = np.repeat([0, 1, 2], [400, 300, 300])
ALL = np.arange(len(LABELS))
NONE = ALL[:0]
STEP = ImbalanceOptions("minority", ("c",), n_majority=60, n_minority=12, dev_per_class=20)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (ImbalanceOptions("minority", ("b",), 100, 10), [100, 10, 100]),
        (ImbalanceOptions("minority", ("a", "c"), 100, ratio=20), [5, 100, 5]),
        (ImbalanceOptions("step", n_majority=100, n_minority=4, minority_share=0.34), [100, 100, 4]),
        (ImbalanceOptions("long_tail", n_majority=100, ratio=100), [100, 10, 1]),
    ],
)
def test_class_sizes(options: ImbalanceOptions, expected: list[int]) -> None:
    assert class_sizes(options, CLASSES).tolist() == expected


@pytest.mark.parametrize(
    "options",
    [
        ImbalanceOptions("minority", ("d",), 100, 10),
        ImbalanceOptions("minority", (), 100, 10),
        ImbalanceOptions("minority", CLASSES, 100, 10),
        ImbalanceOptions("step", n_majority=10, n_minority=11),
        ImbalanceOptions("step", n_majority=10),
        ImbalanceOptions("step", n_minority=10),
    ],
)
def test_contradicting_sizes_are_refused(options: ImbalanceOptions) -> None:
    with pytest.raises(SynaugError) as caught:
        class_sizes(options, CLASSES)
    assert caught.value.exit == Exit.SPEC


def test_parts_share_no_row_and_are_balanced() -> None:
    parts = split(LABELS, CLASSES, ALL, NONE, NONE, STEP, STREAMS)
    together = np.concatenate([parts.pool, parts.search_dev, parts.confirm_dev, parts.test])
    assert len(np.unique(together)) == len(together) == len(ALL)
    for rows in (parts.search_dev, parts.confirm_dev, parts.test):
        assert np.bincount(LABELS[rows]).tolist() == [40, 40, 40]
    assert parts.scored_on == "dev"


def test_official_parts_are_kept_apart() -> None:
    train, dev, test = ALL[::2], ALL[1::4], ALL[3::4]
    parts = split(LABELS, CLASSES, train, dev, test, STEP, STREAMS)
    assert np.array_equal(parts.test, test)
    assert np.isin(parts.search_dev, np.concatenate([train, dev])).all()
    assert not np.isin(parts.pool, np.concatenate([dev, test])).any()
    assert np.isin(np.concatenate([parts.search_dev, parts.confirm_dev]), dev).sum() > 0


def test_replicates_are_disjoint_until_a_class_is_used_up() -> None:
    parts = split(LABELS, CLASSES, ALL, NONE, NONE, STEP, STREAMS)
    draws = [draw(r, parts, LABELS, CLASSES, 4, 20, STREAMS) for r in range(6)]
    minority = [d.rows[LABELS[d.rows] == 2] for d in draws]
    assert len(np.unique(np.concatenate(minority))) == 6 * 12
    shares = overlap(draws, LABELS, 3)
    assert shares[2] == 0
    assert 0 < shares[0] < 0.5  # 280 rows hold four draws of 60
    for d in draws:
        assert np.bincount(LABELS[d.rows]).tolist() == [60, 60, 12]
        assert np.bincount(LABELS[d.dev]).tolist() == [20, 20, 20]
        assert not np.isin(d.dev, d.rows).any()
        assert [int((LABELS[d.rows[d.folds == f]] == 2).sum()) for f in range(4)] == [3, 3, 3, 3]
    assert not np.array_equal(draws[0].dev, draws[1].dev)


def test_the_same_seed_draws_the_same_and_another_seed_differs() -> None:
    def rows(root: int) -> np.ndarray:
        streams = Streams(root, STREAMS.data)
        parts = split(LABELS, CLASSES, ALL, NONE, NONE, STEP, streams)
        return draw(3, parts, LABELS, CLASSES, 4, 20, streams).rows

    assert np.array_equal(rows(5), rows(5))
    assert not np.array_equal(rows(5), rows(6))


def test_natural_imbalance_repeats_cross_validation_on_all_rows() -> None:
    labels = np.repeat([0, 1], [90, 30])
    rows = np.arange(120)
    parts = split(labels, ("x", "y"), rows, NONE, NONE, ImbalanceOptions(), STREAMS)
    assert np.bincount(labels[parts.test]).tolist() == [18, 6]
    first, second = (draw(r, parts, labels, ("x", "y"), 5, 20, STREAMS) for r in (0, 1))
    assert np.array_equal(first.rows, parts.pool)
    assert np.array_equal(first.rows, second.rows)
    assert not np.array_equal(first.folds, second.folds)
    assert parts.scored_on == "cv"
    assert not len(first.dev)


def test_too_few_rows_for_a_draw_or_for_the_folds() -> None:
    options = ImbalanceOptions("minority", ("a",), 301, 10)
    with pytest.raises(SynaugError, match="class 'c' has 300 training rows") as caught:
        split(LABELS, CLASSES, ALL, NONE, NONE, options, STREAMS)
    assert caught.value.exit == Exit.DATA
    parts = split(LABELS, CLASSES, ALL, NONE, NONE, STEP, STREAMS)
    with pytest.raises(SynaugError, match="fewer than the 13 folds"):
        draw(0, parts, LABELS, CLASSES, 13, 20, STREAMS)


def test_draws_of_a_confirmation_have_no_row_of_the_search_while_rows_last() -> None:
    parts = split(LABELS, CLASSES, ALL, NONE, NONE, STEP, STREAMS)
    search = [draw(r, parts, LABELS, CLASSES, 3, 10, STREAMS) for r in range(2)]
    fresh = [draw(r, parts, LABELS, CLASSES, 3, 10, STREAMS, confirm=True) for r in range(2)]
    rare = LABELS[parts.pool] == 2
    assert rare.sum() >= 4 * 12  # there are rows for four draws of the rare class
    assert overlap_of(fresh, search, LABELS, 3)[2] == 0
    assert overlap(fresh, LABELS, 3)[2] == 0
    assert len(np.unique(np.concatenate([d.rows for d in fresh]))) > len(fresh[0].rows)
    for one in fresh:
        assert np.isin(one.dev, parts.confirm_dev).all()
        assert not np.isin(one.dev, parts.search_dev).any()
        assert np.bincount(LABELS[one.rows]).tolist() == [60, 60, 12]


def test_overlap_of_draws_that_are_the_same() -> None:
    parts = split(LABELS, CLASSES, ALL, NONE, NONE, STEP, STREAMS)
    one = draw(0, parts, LABELS, CLASSES, 3, 10, STREAMS)
    assert overlap_of([one], [one], LABELS, 3).tolist() == [1, 1, 1]


def test_smaller_sizes_are_nested_and_keep_the_dev_rows() -> None:
    parts = split(LABELS, CLASSES, ALL, NONE, NONE, STEP, STREAMS)
    base = draw(0, parts, LABELS, CLASSES, 3, 10, STREAMS)
    half, third = (smaller(base, np.array([30, 30, rare]), LABELS, CLASSES, 3, STREAMS) for rare in (6, 4))
    assert np.bincount(LABELS[half.rows]).tolist() == [30, 30, 6]
    assert np.isin(half.rows, base.rows).all()
    assert np.isin(third.rows, half.rows).all()
    assert half.dev.tolist() == base.dev.tolist()
    assert {int((half.folds[LABELS[half.rows] == 2] == fold).sum()) for fold in range(3)} == {2}


def test_a_size_with_fewer_rows_than_folds_is_refused() -> None:
    parts = split(LABELS, CLASSES, ALL, NONE, NONE, STEP, STREAMS)
    base = draw(0, parts, LABELS, CLASSES, 3, 10, STREAMS)
    with pytest.raises(SynaugError, match="fewer than the 3 folds"):
        smaller(base, np.array([30, 30, 2]), LABELS, CLASSES, 3, STREAMS)
