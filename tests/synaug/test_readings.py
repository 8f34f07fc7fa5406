"""The rung is chosen on the folds, and never by the fold that it scores."""

from __future__ import annotations

import numpy as np

from synaug.readings import choose_rungs

LADDER = (1, 10, 100)


def test_each_fold_reads_the_rung_that_the_others_choose() -> None:
    by_fold = np.array([[0.5, 0.5, 0.5], [0.9, 0.6, 0.6], [0.5, 0.7, 0.7]])  # (rungs, folds)
    # Without fold 0 the last rung leads (.70 to .60); without fold 1 or 2 the middle (.75 to .60).
    assert choose_rungs(by_fold, LADDER, None) == [2, 1, 1, 1]


def test_ties_go_to_the_smaller_budget_in_spite_of_rounding() -> None:
    by_fold = np.array([[0.1 + 0.2, 0.3], [0.3, 0.1 + 0.2], [0.2, 0.2]])
    assert choose_rungs(by_fold, LADDER, None)[-1] == 0


def test_fixed_steps_are_read_everywhere() -> None:
    assert choose_rungs(np.zeros((3, 2)), LADDER, 100) == [2, 2, 2]
