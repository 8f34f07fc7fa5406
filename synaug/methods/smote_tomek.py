"""SMOTE with Tomek links: then pairs of rows go that are each other's nearest across classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..cleaning import CleaningMethod
from . import METHODS


@METHODS.register("smote_tomek")
@dataclass(frozen=True)
class SmoteTomek(CleaningMethod):
    """SMOTE, then both rows go of every pair of different classes that are each other's nearest row."""

    order = 17
    paper = "Batista et al. 2004, doi:10.1145/1007730.1007735"

    def cleaner(self) -> Any:
        """Return imbalanced-learn's cleaning sampler."""
        from imblearn.under_sampling import TomekLinks

        return TomekLinks(sampling_strategy="all")
