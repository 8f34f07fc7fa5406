"""ADASYN: SMOTE with more rows where other classes are near."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..mixing import NeighborMethod
from . import METHODS
from .base import TrainingPart


@METHODS.register("adasyn")
@dataclass(frozen=True)
class Adasyn(NeighborMethod):
    """SMOTE that starts from a row the more often, the more of its k nearest rows are foreign.

    The number of rows of each start is rounded, so the achieved count differs a little from the
    requested one.
    """

    order = 13
    core = True
    paper = "He et al. 2008, doi:10.1109/IJCNN.2008.4633969"
    refusals = ("Not any neigbours belong to the majority class", "No samples will be generated")

    def sampler(self, part: TrainingPart, strategy: Mapping[int, int], random: np.random.RandomState) -> Any:
        """Return imbalanced-learn's sampler for one training part, with the knobs set."""
        from imblearn.over_sampling import ADASYN

        near = self.near(part, self.k)
        return ADASYN(sampling_strategy=strategy, random_state=random, n_neighbors=near)

    def why_none(self) -> str:
        """Say when the sampler makes no row for a class."""
        return f"no row of another class among the {self.k} nearest rows, or too few rows asked for"
