"""Refuses folds and test parts that a class has too few rows for."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from .errors import Exit, Problem, SynaugError

Counts = npt.NDArray[np.int64]


def check_test_share(labels: Counts, classes: tuple[str, ...], share: float) -> None:
    """Refuse data of which no test part can be held out with every class on both sides.

    Args:
        labels: class codes of the rows (n,).
        classes: class names.
        share: of the rows that are to be held out.

    Raises:
        SynaugError: exit 4, naming the classes.
    """
    problems = [
        Problem(
            f"class {name!r} has {count} training row, which cannot be trained on and held out for a test",
            fix="add rows, or leave the class out with data.classes",
            code="D05",
        )
        for name, count in zip(classes, np.bincount(labels, minlength=len(classes)), strict=True)
        if count < 2
    ]
    held = math.ceil(share * len(labels))
    if not problems and min(held, len(labels) - held) < len(classes):
        problems = [
            Problem(
                f"a test part of {share:.0%} leaves {held} rows for the test and {len(labels) - held} "
                f"to train on, fewer than the {len(classes)} classes",
                fix="add rows, or set imbalance.test_share nearer to 0.5",
                code="D56",
            )
        ]
    if problems:
        raise SynaugError(problems, Exit.DATA)


def check_folds(sizes: Counts, classes: tuple[str, ...], n_folds: int) -> None:
    """Refuse more folds than a class has rows in a draw.

    Args:
        sizes: rows of each class in a draw (n_classes,).
        classes: class names.
        n_folds: number of folds.

    Raises:
        SynaugError: exit 4, naming the classes.
    """
    small = [
        Problem(
            f"class {name!r} has {size} rows in a draw, fewer than the {n_folds} folds",
            fix=f"use folds: {max(2, int(size))} or fewer, or more rows of the class",
            code="D26",
        )
        for name, size in zip(classes, sizes, strict=True)
        if size < n_folds
    ]
    if small:
        raise SynaugError(small, Exit.DATA)
