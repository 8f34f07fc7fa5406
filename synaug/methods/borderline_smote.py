"""Borderline-SMOTE: SMOTE from the rows that other classes surround."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..knobs import Choice, Int, knob
from ..mixing import NeighborMethod
from . import METHODS
from .base import TrainingPart


@METHODS.register("borderline_smote")
@dataclass(frozen=True)
class BorderlineSmote(NeighborMethod):
    """SMOTE from rows in danger: at least half, but not all, of their m nearest rows are foreign.

    Kind 1 moves towards rows of the same class; kind 2 towards rows of any class, at most half the
    way to a foreign one.
    """

    order = 12
    core = True
    paper = "Han et al. 2005, doi:10.1007/11538059_91"

    m: int = knob(10, Int(1), "nearest rows that tell whether a row is in danger")
    kind: int = knob(1, Choice(1, 2), "1 moves within the class, 2 towards any class", levels=(1, 2))

    def sampler(self, part: TrainingPart, strategy: Mapping[int, int], random: np.random.RandomState) -> Any:
        """Return imbalanced-learn's sampler for one training part, with the knobs set."""
        from imblearn.over_sampling import BorderlineSMOTE

        return BorderlineSMOTE(
            sampling_strategy=strategy,
            random_state=random,
            k_neighbors=self.near(part, self.k),
            m_neighbors=self.near(part, self.m),
            kind=f"borderline-{self.kind}",
        )

    def why_none(self) -> str:
        """Say when the sampler makes no row for a class."""
        return f"no row has half, but not all, of its {self.m} nearest rows in other classes"
