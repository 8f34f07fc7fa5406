"""SMOTE with edited nearest neighbours: then rows go whose neighbors are of other classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..cleaning import CleaningMethod
from ..knobs import Choice, Int, knob
from . import METHODS


@METHODS.register("smote_enn")
@dataclass(frozen=True)
class SmoteEnn(CleaningMethod):
    """SMOTE, then every row goes, real or synthetic, whose nearest rows are not of its class.

    All of them must be of its class for it to stay, or with ``agreement: mode`` the most frequent one.
    """

    order = 16
    paper = "Batista et al. 2004, doi:10.1145/1007730.1007735"

    neighbors: int = knob(3, Int(1), "nearest rows that say whether a row stays")
    agreement: str = knob(
        "all", Choice("all", "mode"), "which of them must be of its class", levels=("all", "mode")
    )

    def cleaner(self) -> Any:
        """Return imbalanced-learn's cleaning sampler."""
        from imblearn.under_sampling import EditedNearestNeighbours

        return EditedNearestNeighbours(
            sampling_strategy="all", n_neighbors=self.neighbors, kind_sel=self.agreement
        )

    def seen(self) -> int:
        """Rows of which the cleaner needs one more."""
        return self.neighbors
