"""SMOTE: rows between a row and its neighbors of the same class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..mixing import NeighborMethod
from . import METHODS
from .base import TrainingPart


@METHODS.register("smote")
@dataclass(frozen=True)
class Smote(NeighborMethod):
    """A random point on the segment from a row to one of its k nearest rows of the same class."""

    order = 11
    core = True
    paper = "Chawla et al. 2002, doi:10.1613/jair.953"

    def sampler(self, part: TrainingPart, strategy: Mapping[int, int], random: np.random.RandomState) -> Any:
        """Return imbalanced-learn's sampler for one training part, with the knobs set."""
        from imblearn.over_sampling import SMOTE

        near = self.near(part, self.k)
        return SMOTE(sampling_strategy=strategy, random_state=random, k_neighbors=near)
