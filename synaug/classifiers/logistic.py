"""Logistic regression along a ladder of its regularisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..knobs import Float, Int, knob
from ..scorers import Scorer, Weights
from . import CLASSIFIERS
from .base import F32, counted
from .by_fold import Floats, FoldByFold, TrainingRows, log_probabilities, no_offset


@CLASSIFIERS.register("logistic")
@dataclass(frozen=True)
class Logistic(FoldByFold):
    """Logistic regression with an L2 penalty, multinomial for three classes and more.

    scikit-learn's ``LogisticRegression`` on the rows as they are. A rung is the inverse regularisation C
    in thousandths; each starts at the solution of the rung before. C weighs the *sum* of the losses
    against the penalty, as in that library, so that more rows also mean less regularisation; the folds
    choose C for each arm by itself.
    """

    order = 10
    paper = "Cox 1958, doi:10.1111/j.2517-6161.1958.tb00292.x"
    rung = "thousandths of the inverse regularisation C"

    ladder: tuple[int, ...] = (1, 10, 100, 1000, 10000, 100000)
    tolerance: float = knob(1e-6, Float(1e-10, 1.0, log=True), "gradient at which L-BFGS ends")
    max_iter: int = knob(1000, Int(1), "iterations of L-BFGS a rung, at most")

    @classmethod
    def rung_text(cls, steps: int) -> str:
        """``100 thousandths of C``."""
        return f"{counted(steps, 'thousandth')} of C"

    def logits(
        self, rows: TrainingRows, asked: F32, n_classes: int, generator: np.random.Generator
    ) -> Floats:
        """Log probabilities of some rows at every rung; nothing is random."""
        X = rows.X.astype(np.float64)  # sums of float32 stop short of the solution
        model = self._model()
        found = np.empty((len(self.ladder), len(asked), n_classes))
        for rung, steps in enumerate(self.ladder):
            model.set_params(C=steps / 1000).fit(X, rows.y, rows.weight)
            found[rung] = log_probabilities(model.decision_function(asked))
        return found

    def scorer(
        self, rows: TrainingRows, asked: F32, n_classes: int, generator: np.random.Generator
    ) -> tuple[Scorer, Floats]:
        """The weights of each class, and what the library says."""
        model = self._model().set_params(C=self.ladder[-1] / 1000)
        model.fit(rows.X.astype(np.float64), rows.y, rows.weight)
        head, bias = model.coef_, model.intercept_
        if len(head) == 1:  # of the second of two classes against the first
            head, bias = np.concatenate([0 * head, head]), np.concatenate([0 * bias, bias])
        weights = Weights(
            offset=no_offset(n_classes), head=head.astype(np.float32), head_bias=bias.astype(np.float32)
        )
        return weights, log_probabilities(model.decision_function(asked))

    def _model(self) -> Any:
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(tol=self.tolerance, max_iter=self.max_iter, warm_start=True)
