"""SVM-SMOTE: SMOTE from the rows that support the border between the classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..knobs import Float, Int, knob
from ..mixing import NeighborMethod, OnRows
from . import METHODS
from .base import TrainingPart


@METHODS.register("svm_smote")
@dataclass(frozen=True)
class SvmSmote(NeighborMethod):
    """SMOTE from the class's support vectors: towards a neighbor where in danger, away from it where safe.

    The support vector machine has an RBF kernel and scikit-learn's defaults. A support vector is in danger
    where at least half, but not all, of its m nearest rows are foreign; where all are it is noise and
    starts nothing. About half of the rows start from either kind; where there is only one kind, only its
    share is made, so the achieved count may be half of the requested one.
    """

    order = 14
    costly = True
    paper = "Nguyen et al. 2011, doi:10.1504/IJKESDP.2011.039875"
    refusals = ("All support vectors are considered as noise",)

    m: int = knob(10, Int(1), "nearest rows that tell danger from noise and safety")
    out_step: float = knob(
        0.5, Float(0.0, 1.0), "how far a safe row moves away, in distances of its neighbor"
    )

    def sampler(self, part: TrainingPart, strategy: Mapping[int, int], random: np.random.RandomState) -> Any:
        """Return imbalanced-learn's sampler for one training part, with the knobs set."""
        from imblearn.over_sampling import SVMSMOTE
        from sklearn.svm import SVC

        return SVMSMOTE(
            sampling_strategy=strategy,
            random_state=random,
            k_neighbors=self.near(part, self.k),
            m_neighbors=self.near(part, self.m),
            svm_estimator=OnRows(part, SVC(gamma="scale", random_state=random)),
            out_step=self.out_step,
        )

    def why_none(self) -> str:
        """Say when the sampler makes no row for a class."""
        return f"all of the {self.m} nearest rows of every support vector are in other classes"
