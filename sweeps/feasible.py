"""Neighbours that no training fold has: levels of k that a class is too small for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from synaug.errors import Exit, Problem, SynaugError
from synaug.methods import METHODS
from synaug.mixing import NeighborMethod

from .prepare import Prepared
from .space import arm_levels
from .spec import Spec


@dataclass(frozen=True)
class Smallest:
    """The training part that has the fewest rows of a class that synthetic rows are made for.

    Attributes:
        name: the class.
        rows: its rows there.
        fold: the fold that is held out, from 0.
    """

    name: str
    rows: int
    fold: int


def smallest_part(prepared: Prepared) -> Smallest | None:
    """Find that part in the first draw; None where no class is smaller than another."""
    draw, classes = prepared.draws[0], prepared.corpus.classes
    labels = prepared.corpus.labels[draw.rows]
    sizes = np.bincount(labels, minlength=len(classes))
    small = np.flatnonzero(sizes < sizes.max())
    if not len(small):
        return None
    code = int(small[sizes[small].argmin()])
    held = np.bincount(draw.folds[labels == code], minlength=prepared.spec.folds)
    return Smallest(classes[code], int(sizes[code] - held.max()), int(held.argmax()))


def check_neighbors(prepared: Prepared) -> list[str]:
    """Refuse a spec that gives an arm of the SMOTE family only levels of k that cannot work.

    Levels that the spec does not name, and those beside one that works, end as not applicable.

    Returns:
        A sentence for each arm with such levels.

    Raises:
        SynaugError: DATA, with all arms.
    """
    spec, part = prepared.spec, smallest_part(prepared)
    if part is None:
        return []
    where = f"{prepared.corpus.source}, column {spec.data.label_col!r} (fold {part.fold + 1} of {spec.folds})"
    most = f"use k of {part.rows - 1} or less, " if part.rows > 1 else ""
    fix = f"add rows, {most}leave the class out with data.classes, or take the arm ros instead"
    problems, notes = [], []
    for arm, named, too_many, other in _levels(spec, part):
        text = (
            f"class {part.name!r} has {part.rows} rows in a training part; method {arm!r} with "
            f"k={', '.join(map(str, too_many))} needs at least {min(too_many) + 1}"
        )
        if named and not other:
            problems.append(Problem(text, where, fix, "D04"))
        else:
            notes.append(f"{text}: such cells will not apply [D04]")
    if problems:
        raise SynaugError(problems, Exit.DATA)
    return notes


def _levels(spec: Spec, part: Smallest) -> Iterator[tuple[str, bool, list[int], list[int]]]:
    """Arms, whether the spec names their levels of k, those that are too many, and the others."""
    for arm in spec.arms:
        if not issubclass(METHODS[arm], NeighborMethod):
            continue
        levels = arm_levels(spec, arm)
        if 2 in levels.get("kind", ()):  # Borderline-SMOTE 2 looks among the rows of all classes
            continue
        ks = [int(k) for k in levels["k"]]
        too_many = [k for k in ks if k >= part.rows]
        if too_many:
            named = "k" in spec.space or f"{arm}.k" in spec.space
            yield arm, named, too_many, [k for k in ks if k < part.rows]
