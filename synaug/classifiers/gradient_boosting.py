"""Gradient boosted trees along a ladder of their number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..knobs import Float, Int, knob
from . import CLASSIFIERS
from .base import F32, counted
from .by_fold import Floats, FoldByFold, TrainingRows, log_probabilities


@CLASSIFIERS.register("gradient_boosting")
@dataclass(frozen=True)
class GradientBoosting(FoldByFold):
    """Gradient boosted trees on binned features, scored after each number of trees.

    scikit-learn's ``HistGradientBoostingClassifier`` on the rows as they are. A rung is the number of
    trees (of a class, where there are three and more). Copies are written out: bins and the least size of
    a leaf count rows.
    """

    order = 40
    paper = "Friedman 2001, doi:10.1214/aos/1013203451"
    rung = "trees"
    costly = True
    merges_copies = False

    ladder: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64)
    learning_rate: float = knob(0.1, Float(1e-3, 1.0, log=True), "share of each tree that is added")
    leaves: int = knob(8, Int(2), "leaves of a tree, at most")
    leaf_rows: int = knob(20, Int(1), "rows of a leaf, at least")
    bins: int = knob(32, Int(2, 255), "values that are told apart of each feature")

    @classmethod
    def rung_text(cls, steps: int) -> str:
        """``32 trees``."""
        return counted(steps, "tree")

    def logits(
        self, rows: TrainingRows, asked: F32, n_classes: int, generator: np.random.Generator
    ) -> Floats:
        """Log probabilities of some rows at every rung; bins are random only of more than 200,000 rows."""
        from sklearn.ensemble import HistGradientBoostingClassifier

        model = HistGradientBoostingClassifier(
            max_iter=self.ladder[-1],
            learning_rate=self.learning_rate,
            max_leaf_nodes=self.leaves,
            min_samples_leaf=self.leaf_rows,
            max_bins=self.bins,
            early_stopping=False,
            random_state=int(generator.integers(2**32)),
        )
        weighted = rows.weight.min() < rows.weight.max()  # bins of weighted rows take ten times as long
        model.fit(rows.X, rows.y, rows.weight if weighted else None)
        found = np.empty((len(self.ladder), len(asked), n_classes))
        rungs = {steps: rung for rung, steps in enumerate(self.ladder)}
        for trees, scores in enumerate(model.staged_decision_function(asked), start=1):
            if trees in rungs:
                found[rungs[trees]] = log_probabilities(scores)
        return found
