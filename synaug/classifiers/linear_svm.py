"""A linear support vector machine along a ladder of its regularisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..knobs import Float, Int, knob
from ..scorers import Margins, Scorer, log_odds
from . import CLASSIFIERS
from .base import F32, counted
from .by_fold import Floats, FoldByFold, TrainingRows, no_offset


@CLASSIFIERS.register("linear_svm")
@dataclass(frozen=True)
class LinearSvm(FoldByFold):
    """Linear support vector machine with squared hinge loss, one class against the rest.

    scikit-learn's ``LinearSVC`` on the rows as they are. A rung is the inverse regularisation C in
    thousandths.

    A decision value f is no log odds, which the adjusted scores take the training mass off. But the
    expected squared hinge is least at f = 2 P - 1, P the probability of the class (Zhang 2004), so that
    P can be read from it: the scores are the logs of (1 + f) / 2, whose odds go on as a straight line from
    |f| = 0.9, since a machine does not stay within its margins. They increase with f: predictions are the
    library's own. The adjusted score is then the rule for a balanced prior as far as f has come to its
    expectation; it is approximate, more so than that of a logistic regression.
    """

    order = 20
    paper = "Fan et al. 2008, jmlr.org/papers/v9/fan08a; Zhang 2004, doi:10.1214/aos/1079120130"
    rung = "thousandths of the inverse regularisation C"

    ladder: tuple[int, ...] = (1, 10, 100, 1000, 10000)
    tolerance: float = knob(
        1e-2, Float(1e-10, 1.0, log=True), "gradient at which the solver ends, in shares of the first"
    )
    max_iter: int = knob(1000, Int(1), "iterations of the solver, at most")

    @classmethod
    def rung_text(cls, steps: int) -> str:
        """``100 thousandths of C``."""
        return f"{counted(steps, 'thousandth')} of C"

    def logits(
        self, rows: TrainingRows, asked: F32, n_classes: int, generator: np.random.Generator
    ) -> Floats:
        """Log probabilities of some rows at every rung; the primal solver has nothing random."""
        found = np.empty((len(self.ladder), len(asked), n_classes))
        for rung, steps in enumerate(self.ladder):
            found[rung] = log_scores(self._fitted(rows, steps).decision_function(asked))
        return found

    def scorer(
        self, rows: TrainingRows, asked: F32, n_classes: int, generator: np.random.Generator
    ) -> tuple[Scorer, Floats]:
        """The planes, and what the library says."""
        model = self._fitted(rows, self.ladder[-1])
        planes = Margins(offset=no_offset(n_classes), weights=model.coef_, bias=model.intercept_)
        return planes, log_scores(model.decision_function(asked))

    def _fitted(self, rows: TrainingRows, steps: int) -> Any:
        from sklearn.svm import LinearSVC

        model = LinearSVC(C=steps / 1000, dual=False, tol=self.tolerance, max_iter=self.max_iter)
        return model.fit(rows.X, rows.y, rows.weight)


def log_scores(decision: Floats) -> Floats:
    """Log of each class's estimated probability (q, C) from decision values (q,) or (q, C)."""
    from scipy.special import log_expit

    odds = log_odds(decision if decision.ndim == 2 else np.stack([-decision, decision], axis=1))
    return np.asarray(log_expit(odds))
