"""SMOTE, then rows taken away where the classes overlap: the base of the arms that clean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import NotApplicable
from .methods.base import Pool, Selection, TrainingPart
from .methods.smote import Smote


@dataclass(frozen=True)
class CleaningMethod(Smote):
    """Base of the arms that clean real and synthetic rows: a subclass names its cleaner.

    The pool is that of ``smote``, so a difference from it is the cleaning alone. A ratio takes its rows
    of the pool, then the cleaner sees them and all real rows, as in imbalanced-learn; what it takes away
    may differ from ratio to ratio. Where no row is added, at ratio 0, nothing is cleaned. The cleaner
    ranks neighbors by the Euclidean distance, whatever ``metric`` says to SMOTE.
    """

    core = False

    def cleaner(self) -> Any:
        """Return imbalanced-learn's cleaning sampler."""
        raise NotImplementedError

    def seen(self) -> int:
        """Rows of which the cleaner needs one more."""
        return 1

    def select(self, part: TrainingPart, pool: Pool | None, random: np.random.RandomState) -> Selection:
        """Take the ratio's rows of the pool and keep what the cleaner keeps of them and of the real rows.

        Raises:
            NotApplicable: there are too few rows for the cleaner, or it leaves none of a class.
        """
        chosen = super().select(part, pool, random)
        if pool is None or not len(chosen.taken):
            return chosen
        n, taken = len(part.rows), chosen.taken
        y = np.concatenate([part.y, pool.labels[taken]])
        if len(y) <= self.seen():
            raise NotApplicable(f"{len(y)} rows to clean, {self.seen()} neighbors need {self.seen() + 1}")
        cleaner = self.cleaner()
        cleaner.fit_resample(np.concatenate([part.X[part.rows], pool.materialise(part)[taken]]), y)
        stays = np.zeros(len(y), dtype=np.bool_)
        stays[cleaner.sample_indices_] = True
        gone = np.flatnonzero(np.bincount(y[stays], minlength=part.n_classes) == 0)
        if len(gone):
            raise NotApplicable(f"the cleaning leaves no row of {part.named(gone)}")
        return Selection(taken[stays[n:]], stays[:n])
