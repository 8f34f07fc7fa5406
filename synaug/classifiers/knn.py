"""Nearest neighbours along a ladder of their number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import NotApplicable
from ..knobs import Choice, knob
from ..scorers import Scorer, Votes
from . import CLASSIFIERS
from .base import F32, counted
from .by_fold import Floats, FoldByFold, TrainingRows, no_offset


@CLASSIFIERS.register("knn")
@dataclass(frozen=True)
class NearestNeighborVote(FoldByFold):
    """The vote of the nearest rows, real and synthetic alike; a copy of a row has a vote of its own.

    scikit-learn's ``NearestNeighbors``, asked once for all rungs. A rung is the number of neighbours K.
    The score of a class is the log of (votes + share) / (K + 1), share that of the class among the
    training rows: one vote more, which is divided as the training rows are. A class without a vote so
    keeps a probability; ties go to the larger class; and votes that are divided as the training rows
    are have equal adjusted scores. A training row is one of its own neighbours in ``train_recall``.
    """

    order = 30
    paper = "Cover and Hart 1967, doi:10.1109/TIT.1967.1053964"
    rung = "neighbours"
    merges_copies = False
    weighs = False

    ladder: tuple[int, ...] = (1, 3, 5, 9, 15, 31)
    metric: str = knob("euclidean", Choice("euclidean", "cosine", "manhattan"), "distance between rows")

    @classmethod
    def rung_text(cls, steps: int) -> str:
        """``9 neighbours``."""
        return counted(steps, "neighbour")

    def logits(
        self, rows: TrainingRows, asked: F32, n_classes: int, generator: np.random.Generator
    ) -> Floats:
        """Log shares of the votes for some rows at every rung; nothing is random."""
        from sklearn.neighbors import NearestNeighbors

        most = self.ladder[-1]
        if most > len(rows.y):
            raise NotApplicable(f"a training part has {len(rows.y)} rows, {most} neighbours need {most}")
        search = NearestNeighbors(n_neighbors=most, algorithm="brute", metric=self.metric).fit(rows.X)
        labels = rows.y[search.kneighbors(asked, return_distance=False)]  # (q, K), nearest first
        votes = np.cumsum(labels[:, :, None] == np.arange(n_classes), axis=1, dtype=np.int32)  # (q, K, C)
        at = np.asarray(self.ladder)
        share = np.bincount(rows.y, minlength=n_classes) / len(rows.y)
        counts = votes[:, at - 1].swapaxes(0, 1)  # (L, q, C)
        return np.asarray(np.log((counts + share) / (at + 1)[:, None, None]))

    def scorer(
        self, rows: TrainingRows, asked: F32, n_classes: int, generator: np.random.Generator
    ) -> tuple[Scorer, Floats]:
        """The rows that vote, and what the library says."""
        votes = Votes(
            offset=no_offset(n_classes),
            rows=rows.X,
            labels=rows.y,
            neighbors=np.array([self.ladder[-1]]),
            metric=np.array([Votes.METRICS.index(self.metric)]),
        )
        return votes, self.logits(rows, asked, n_classes, generator)[-1]
