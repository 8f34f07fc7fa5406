"""From logits along the ladder to the numbers of a ledger line: choose the rung, then read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from . import scores

Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating]
Part = Literal["dev", "cv", "test"]


@dataclass(frozen=True)
class Fits:
    """The fold models of a cell, scored along the ladder (L rungs, F folds, C classes).

    Attributes:
        y: classes of the training rows of the draw (n,).
        folds: the fold that holds each of them out (n,).
        held: logits of each row by the model that did not train on it (L, n, C).
        held_adjusted: the same with the training mass taken off.
        y_scored: classes of the dev or test rows (m,); m may be 0.
        scored: their logits by every fold's model (L, F, m, C).
        scored_adjusted: the same with the training mass taken off.
        train_recall: recall on the real training rows (L, F, C).
        classes: class names (C).
        ladder: steps of each rung (L).
        tuned: labels of other folds have moved ``held``, so ``held_adjusted`` chooses the rung.
    """

    y: Codes
    folds: Codes
    held: Floats
    held_adjusted: Floats
    y_scored: Codes
    scored: Floats
    scored_adjusted: Floats
    train_recall: Floats
    classes: tuple[str, ...]
    ladder: tuple[int, ...]
    tuned: bool = False

    @property
    def finite(self) -> bool:
        """Whether every training stayed finite."""
        return bool(np.isfinite(self.held).all() and np.isfinite(self.scored).all())

    def by_fold(self, logits: Floats) -> npt.NDArray[np.float64]:
        """Balanced accuracy of the held-out rows of each fold, from logits (L, n, C) -> (L, F)."""
        return np.stack(
            [scores.balanced_accuracy(logits[:, mine], self.y[mine]) for mine in self._members()], axis=1
        )

    def _members(self) -> Iterator[npt.NDArray[np.bool_]]:
        return (self.folds == fold for fold in range(self.train_recall.shape[1]))

    def models(self, part: Part, rungs: list[int]) -> Iterator[tuple[Floats, Floats, Codes]]:
        """Logits, adjusted logits and classes that each fold's model is scored by.

        Args:
            part: ``cv`` for the held-out rows, else the dev or test rows.
            rungs: the rung of each fold for ``cv``, and last the one that all folds choose.
        """
        for fold, mine in enumerate(self._members()):
            if part == "cv":
                rung = rungs[fold]
                yield self.held[rung, mine], self.held_adjusted[rung, mine], self.y[mine]
            else:
                rung = rungs[-1]
                yield self.scored[rung, fold], self.scored_adjusted[rung, fold], self.y_scored


def choose_rungs(by_fold: npt.NDArray[np.float64], ladder: tuple[int, ...], steps: int | None) -> list[int]:
    """Rungs to read: for each fold the one that the other folds choose, last the one that all do.

    Ties go to the smaller budget; differences below 1e-12 are ties.

    Args:
        by_fold: cross-validated balanced accuracy (L, F).
        ladder: steps of each rung.
        steps: a rung's steps where the spec fixes them.
    """
    if steps is not None:
        return [ladder.index(steps)] * (by_fold.shape[1] + 1)
    total = by_fold.sum(1)
    without_each = total[:, None] - by_fold  # (L, F)
    return [int(np.argmax(np.round(sums, 12))) for sums in [*without_each.T, total]]


def read(fits: Fits, steps: int | None, part: Part) -> dict[str, Any]:
    """Choose the rung on the folds and read scores, curve, folds, per class and confusion there.

    Args:
        fits: the fold models.
        steps: a rung where the spec fixes it, or None to let the folds choose.
        part: what the scored rows are; ``cv`` where there are none.

    Returns:
        The fields ``scored_on`` to ``confusion`` of a ledger line. Scores are fractions.
    """
    by_fold = fits.by_fold(fits.held)
    rungs = choose_rungs(fits.by_fold(fits.held_adjusted) if fits.tuned else by_fold, fits.ladder, steps)
    named: dict[str, float] = {}
    table: list[dict[str, float]] = [{"fold": fold} for fold in range(by_fold.shape[1])]
    for kind in dict.fromkeys(("cv", part)):
        models = [scores.full(*model) for model in fits.models(kind, rungs)]
        named |= {f"{kind}_{name}": float(np.mean([m[name] for m in models])) for name in models[0]}
        for row, model in zip(table, models, strict=True):
            row[f"{kind}_balanced_accuracy"] = model["balanced_accuracy"]
    matrix = np.sum([scores.confusion(logits, y) for logits, _, y in fits.models(part, rungs)], axis=0)
    columns = scores.per_class(matrix) | {"train_recall": fits.train_recall[rungs[-1]].mean(0)}
    return {
        "scored_on": part,
        "chosen_steps": fits.ladder[rungs[-1]],
        "scores": named,
        "curve": _curve(fits, by_fold, part),
        "folds": tuple(table),
        "per_class": {
            name: {key: float(values[code]) for key, values in columns.items()}
            for code, name in enumerate(fits.classes)
        },
        "confusion": tuple(tuple(int(v) for v in row) for row in matrix),
    }


def _curve(fits: Fits, by_fold: npt.NDArray[np.float64], part: Part) -> tuple[dict[str, Any], ...]:
    columns = {
        "cv_balanced_accuracy": by_fold.mean(1),
        "cv_adjusted_balanced_accuracy": fits.by_fold(fits.held_adjusted).mean(1),
        "cv_log_loss": scores.log_loss(fits.held, fits.y),
    }
    if part != "cv":
        plain = scores.balanced_accuracy(fits.scored, fits.y_scored)
        adjusted = scores.balanced_accuracy(fits.scored_adjusted, fits.y_scored)
        columns |= {
            f"{part}_balanced_accuracy": plain.mean(1),
            f"{part}_adjusted_balanced_accuracy": adjusted.mean(1),
            f"{part}_log_loss": scores.log_loss(fits.scored, fits.y_scored).mean(1),
        }
    recall = fits.train_recall.mean(1).astype(float)  # (L, C)
    return tuple(
        {"steps": steps}
        | {name: float(values[rung]) for name, values in columns.items()}
        | {"train_recall": dict(zip(fits.classes, recall[rung].tolist(), strict=True))}
        for rung, steps in enumerate(fits.ladder)
    )
