"""Random under-sampling: rows of the large classes taken away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import NotApplicable
from ..knobs import Float, knob
from . import METHODS
from .base import POOL_RATIO, Method, Pool, Selection, TrainingPart


@METHODS.register("rus")
@dataclass(frozen=True)
class RandomUnderSampling(Method):
    """Take random rows of every class away that has more rows than the smallest.

    A ratio takes ``round(ratio / 100 * (rows - rows of the smallest class))``, so 0 is ``none`` and 100
    balances; what a smaller ratio takes away is taken by a larger one too. Beyond 100 the smallest class
    would become the largest, which is another problem: it does not apply.
    """

    order = 5
    paper = "Batista et al. 2004, doi:10.1145/1007730.1007735"

    ratio: float = knob(
        100.0,
        Float(0.0, POOL_RATIO, step=12.5),
        "rows taken away in per cent of what a class has beyond the smallest; 100 balances, the most",
        levels=(25.0, 50.0, 75.0, 100.0),
    )

    def select(self, part: TrainingPart, pool: Pool | None, random: np.random.RandomState) -> Selection:
        """Keep the rows that imbalanced-learn's ``RandomUnderSampler`` keeps."""
        from imblearn.under_sampling import RandomUnderSampler

        counts, kept = part.counts, np.ones(len(part.rows), dtype=np.bool_)
        if self.ratio > 100.0:
            raise NotApplicable(f"ratio {self.ratio:g} % takes more rows away than balance the classes")
        away = np.rint(self.ratio / 100.0 * (counts - counts.min())).astype(np.int64)
        if not away.any():
            return Selection(part.y[:0], kept)
        # Classes that lose nothing at this ratio are drawn too, so that each keeps its random numbers.
        larger = np.flatnonzero(counts > counts.min()).tolist()
        strategy = {code: int(counts[code] - away[code]) for code in larger}
        sampler = RandomUnderSampler(sampling_strategy=strategy, random_state=random)
        sampler.fit_resample(np.arange(len(part.rows))[:, None], part.y)
        kept[:] = False
        kept[sampler.sample_indices_] = True
        return Selection(part.y[:0], kept)
