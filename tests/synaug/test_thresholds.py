"""Tuned offsets: the exact optimum for two classes, and whose labels they know."""

from __future__ import annotations

import numpy as np
import pytest

from synaug.scores import balanced_accuracy
from synaug.thresholds import best_offsets, tuned


def logits_of(sizes: tuple[int, ...], seed: int = 0, shift: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Noisy logits of a model that prefers the large classes."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    prior = np.log(np.array(sizes) / sum(sizes))
    return rng.normal(size=(len(y), len(sizes))) + shift * np.eye(len(sizes))[y] + prior, y


@pytest.mark.parametrize("seed", range(5))
def test_two_classes_get_the_best_of_all_thresholds(seed: int) -> None:
    logits, y = logits_of((200, 30), seed)
    found = balanced_accuracy(logits + best_offsets(logits, y), y)
    cuts = np.sort(logits[:, 0] - logits[:, 1])
    every = [balanced_accuracy(logits + np.array([0.0, t]), y) for t in np.append(cuts - 1e-9, cuts + 1e-9)]
    assert found == pytest.approx(max(every), abs=1e-12)
    assert found > balanced_accuracy(logits, y) + 0.1


def test_no_offset_of_one_class_among_three_gains() -> None:
    logits, y = logits_of((200, 60, 25))
    moved = logits + best_offsets(logits, y)
    found = balanced_accuracy(moved, y)
    assert found > balanced_accuracy(logits, y) + 0.05
    for code in range(3):
        for shift in np.linspace(-4, 4, 401):
            assert balanced_accuracy(moved + shift * np.eye(3)[code], y) <= found + 1e-12


def test_where_nothing_gains_nothing_moves() -> None:
    y = np.array([0, 0, 0, 1])
    logits = np.eye(2)[y] * 3.0
    assert best_offsets(logits, y).tolist() == [0.0, 0.0]


def test_the_threshold_lies_in_the_middle_of_the_best_gap() -> None:
    logits = np.array([[0.0, -5.0], [0.0, -4.0], [0.0, -2.0], [0.0, -1.0]])
    assert best_offsets(logits, np.array([0, 0, 1, 1])).tolist() == [0.0, 3.0]


def test_a_diverged_training_gives_no_offsets() -> None:
    logits, y = logits_of((20, 5))
    logits[3, 1] = np.nan
    assert best_offsets(logits, y).tolist() == [0.0, 0.0]


def test_no_row_is_moved_by_its_own_label() -> None:
    logits, y = logits_of((120, 40))
    folds = np.arange(len(y)) % 4
    held, scored = logits[None], np.zeros((1, 4, 3, 2))
    before, _ = tuned(held, scored, y, folds)
    other = np.where(folds == 2, 1 - y, y)
    after, moved = tuned(held, scored, other, folds)
    np.testing.assert_array_equal(before[:, folds == 2], after[:, folds == 2])
    assert (before[:, folds != 2] != after[:, folds != 2]).any()
    np.testing.assert_array_equal(moved, np.broadcast_to(best_offsets(logits, other), moved.shape))


def test_each_rung_has_offsets_of_its_own() -> None:
    logits, y = logits_of((120, 40))
    held = np.stack([logits, logits + np.array([0.0, 7.0])])
    moved, _ = tuned(held, np.zeros((2, 4, 0, 2)), y, np.arange(len(y)) % 4)
    np.testing.assert_array_equal(moved[0].argmax(-1), moved[1].argmax(-1))
