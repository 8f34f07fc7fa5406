"""Random over-sampling: copies of rows of the small classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..mixing import MixingMethod
from . import METHODS
from .base import TrainingPart


@METHODS.register("ros")
@dataclass(frozen=True)
class RandomOverSampling(MixingMethod):
    """Copy random rows of a class, with replacement."""

    order = 10
    core = True
    paper = "Batista et al. 2004, doi:10.1145/1007730.1007735"

    def sampler(self, part: TrainingPart, strategy: Mapping[int, int], random: np.random.RandomState) -> Any:
        """Return imbalanced-learn's sampler for one training part, with the knobs set."""
        from imblearn.over_sampling import RandomOverSampler

        return RandomOverSampler(sampling_strategy=strategy, random_state=random)
