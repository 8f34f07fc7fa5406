"""Offsets of the logits that give the best balanced accuracy on rows that no model has seen."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Doubles = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
_ROUNDS = 20  # over all classes; two or three are enough as a rule


def tuned(held: Floats, scored: Floats, y: Codes, folds: Codes) -> tuple[Doubles, Doubles]:
    """Add offsets tuned on held-out rows to logits, for each rung by itself.

    The rows held out of a fold are moved by what the held-out rows of the other folds choose, scored rows
    by what all held-out rows choose, so no row is scored with an offset that its own label chose.

    Args:
        held: logits of each row by the model that did not train on it (L, n, C).
        scored: logits of the scored rows by every fold's model (L, F, m, C).
        y: classes of the training rows (n,).
        folds: the fold that holds each of them out (n,).

    Returns:
        ``held`` and ``scored``, moved.
    """
    moved_held, moved_scored = held.astype(np.float64), scored.astype(np.float64)
    for rung, logits in enumerate(held):
        moved_scored[rung] += best_offsets(logits, y)
        for fold in range(scored.shape[1]):
            mine = folds == fold
            moved_held[rung, mine] += best_offsets(logits[~mine], y[~mine])
    return moved_held, moved_scored


def best_offsets(logits: Floats, y: Codes) -> Doubles:
    """Offsets (C,) to add to logits (n, C) for the best balanced accuracy on rows with classes ``y`` (n,).

    One class after the other gets its best offset, exactly, until none gains: the optimum for two
    classes, a coordinate-wise one for more. Among equals the offset nearest to none is taken, so where
    nothing gains, nothing moves. Zeros where a logit is not finite.
    """
    n_classes = logits.shape[1]
    offsets = np.zeros(n_classes)
    if not np.isfinite(logits).all():
        return offsets
    weight = 1.0 / np.bincount(y, minlength=n_classes)[y]  # (n,) of a row in the sum of recalls
    codes = range(n_classes) if n_classes > 2 else (1,)
    for _ in range(_ROUNDS):
        before = offsets.copy()
        for code in codes:
            offsets[code] += _best_shift(logits + offsets, y, weight, code)
        if (offsets == before).all():
            break
    return offsets


def _best_shift(logits: Doubles, y: Codes, weight: Doubles, code: int) -> float:
    """What to add to the logits of one class: the middle of the best interval between rows, or 0 in it."""
    others = logits.copy()
    others[:, code] = -np.inf
    margins = others.max(1) - logits[:, code]  # (n,) a row is called ``code`` where the shift is above
    gains = weight * ((y == code).astype(np.float64) - (others.argmax(1) == y))
    order = np.argsort(margins, kind="stable")
    cuts = margins[order]
    totals = np.append(0.0, np.cumsum(gains[order])).round(12)  # (n + 1,) with so many rows called ``code``
    low, high = np.append(-np.inf, cuts), np.append(cuts, np.inf)
    middle = (np.append(cuts[0] - 2.0, cuts) + np.append(cuts, cuts[-1] + 2.0)) / 2
    shifts = np.where((low < 0) & (high > 0), 0.0, middle)
    best = np.flatnonzero((totals == totals[high > low].max()) & (high > low))
    return float(shifts[best[np.argmin(np.abs(shifts[best]))]])
