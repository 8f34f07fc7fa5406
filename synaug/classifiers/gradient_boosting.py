"""Gradient boosted trees along a ladder of their number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..knobs import Float, Int, knob
from ..scorers import Scorer, Trees
from . import CLASSIFIERS
from .base import F32, counted
from .by_fold import Floats, FoldByFold, TrainingRows, log_probabilities, no_offset


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
        model = self._fitted(rows, generator)
        found = np.empty((len(self.ladder), len(asked), n_classes))
        rungs = {steps: rung for rung, steps in enumerate(self.ladder)}
        for trees, scores in enumerate(model.staged_decision_function(asked), start=1):
            if trees in rungs:
                found[rungs[trees]] = log_probabilities(scores)
        return found

    def scorer(
        self, rows: TrainingRows, asked: F32, n_classes: int, generator: np.random.Generator
    ) -> tuple[Scorer, Floats]:
        """The trees, and what the library says."""
        model = self._fitted(rows, generator)
        return trees_of(model, n_classes), log_probabilities(model.decision_function(asked))

    def _fitted(self, rows: TrainingRows, generator: np.random.Generator) -> Any:
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
        return model.fit(rows.X, rows.y, rows.weight if weighted else None)


def trees_of(model: Any, n_classes: int) -> Trees:
    """Write the trees of a fitted model out; the library has no public name for its nodes."""
    nodes = [tree.nodes for round_ in model._predictors for tree in round_]
    ends = np.cumsum([len(tree) for tree in nodes])
    roots = ends - [len(tree) for tree in nodes]
    table, first = np.concatenate(nodes), np.repeat(roots, np.diff(ends, prepend=0))
    itself, leaf = np.arange(len(table)), table["is_leaf"].astype(bool)
    return Trees(
        offset=no_offset(n_classes),
        start=np.asarray(model._baseline_prediction, np.float64).reshape(-1),
        roots=roots.astype(np.int64),
        feature=np.where(leaf, 0, table["feature_idx"]).astype(np.int64),
        threshold=np.where(leaf, 0, table["num_threshold"]),
        left=np.where(leaf, itself, first + table["left"]),
        right=np.where(leaf, itself, first + table["right"]),
        value=table["value"].astype(np.float64),
    )
