"""k-means SMOTE: SMOTE inside the clusters in which the class is at home."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import NotApplicable
from ..knobs import Float, Int, knob
from ..mixing import NeighborMethod, OnRows, pool_requests, real_rows
from . import METHODS
from .base import TrainingPart

_NO_CLUSTER = "No clusters found"


@METHODS.register("kmeans_smote")
@dataclass(frozen=True)
class KMeansSmote(NeighborMethod):
    """SMOTE inside the clusters of all rows that hold enough of the class, more in those where it is sparse.

    A cluster counts that has more than k rows of the class, and a share of them of at least ``balance``
    times half the class's part in all rows asked for: for two classes and ``balance`` 1, which is
    imbalanced-learn's default, half of its rows. Few embeddings have such a cluster. With one cluster it is
    SMOTE.
    """

    order = 15
    paper = "Douzas et al. 2018, doi:10.1016/j.ins.2018.06.056"
    refusals = (_NO_CLUSTER,)

    k: int = knob(2, Int(1), "nearest rows that a row may move towards", levels=(1, 2, 5))
    clusters: int = knob(8, Int(1), "clusters of k-means over all training rows")
    balance: float = knob(0.1, Float(0.0, 2.0), "how much of a cluster must be of the class; 0 asks nothing")

    def sampler(self, part: TrainingPart, strategy: Mapping[int, int], random: np.random.RandomState) -> Any:
        """Return imbalanced-learn's sampler for one training part, with the knobs set."""
        from sklearn.cluster import MiniBatchKMeans

        if len(part.rows) < self.clusters:
            raise NotApplicable(f"{len(part.rows)} rows in a training part make no {self.clusters} clusters")
        (code,) = strategy  # imbalanced-learn's own threshold follows from all classes, which we make singly
        wanted = pool_requests(part)
        return _sampler_on(part)(
            sampling_strategy=strategy,
            random_state=random,
            k_neighbors=self.near(part, self.k),
            kmeans_estimator=OnRows(part, MiniBatchKMeans(self.clusters, random_state=random)),
            cluster_balance_threshold=self.balance * float(wanted[code] / wanted.sum() / 2),
        )

    def why_none(self) -> str:
        """Say when the sampler makes no row for a class."""
        share = f"the share of it that balance {self.balance:g} asks"
        return f"no cluster has {self.k + 1} rows of the class, not all alike, and {share}"


def _sampler_on(part: TrainingPart) -> Any:
    """Return imbalanced-learn's class that takes distances in a cluster between the real rows."""
    from imblearn.over_sampling import KMeansSMOTE

    class OnRealRows(KMeansSMOTE):  # type: ignore[misc]
        def _find_cluster_sparsity(self, X: Any) -> Any:
            return super()._find_cluster_sparsity(real_rows(part, X))

        def _fit_resample(self, X: Any, y: Any) -> Any:
            with np.errstate(invalid="ignore"):  # all clusters hold copies of one row: 0 / 0
                try:
                    return super()._fit_resample(X, y)
                except ValueError as error:
                    if "NaN" not in str(error):
                        raise
                    raise RuntimeError(_NO_CLUSTER) from error

    return OnRealRows
