"""Synthetic rows as a sparse matrix over real rows, read out of imbalanced-learn's own samplers.

Every interpolating over-sampler makes rows that are linear in the real ones: ``X_new = S X``. Given
the identity as its data, a sampler returns S itself, from which parents and weights are read.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from .errors import NotApplicable
from .knobs import Choice, Int, knob
from .methods.base import POOL_RATIO, Pool, Synthesiser, TrainingPart, requested
from .neighbors import METRICS

Codes = npt.NDArray[np.int64]
SamplerFactory = Callable[[Mapping[int, int], np.random.RandomState], Any]


@dataclass(frozen=True)
class MixingMethod(Synthesiser):
    """Base of the arms whose rows lie between real rows: a subclass names its sampler.

    ``refusals`` are the beginnings of the errors by which it says that a class gets no rows.
    """

    refusals: ClassVar[tuple[str, ...]] = ()

    def sampler(self, part: TrainingPart, strategy: Mapping[int, int], random: np.random.RandomState) -> Any:
        """Return imbalanced-learn's sampler for one training part, with the knobs set."""
        raise NotImplementedError

    def why_none(self) -> str:
        """Say when the sampler makes no row for a class."""
        return "the sampler made none"

    def pool(self, part: TrainingPart, random: np.random.RandomState) -> Pool:
        """Make the synthetic rows of ratio 200 % for one training part."""
        return pool_from_sampler(partial(self.sampler, part), part, random, self.why_none(), self.refusals)


@dataclass(frozen=True)
class NeighborMethod(MixingMethod):
    """Base of the SMOTE family: rows between a row and one of its nearest neighbors."""

    k: int = knob(5, Int(1), "nearest rows that a row may move towards", levels=(1, 3, 5, 10, 15))
    metric: str = knob(
        "euclidean",
        Choice(*METRICS),
        "distance that ranks neighbors",
        levels=("euclidean", "cosine", "manhattan"),
    )

    def near(self, part: TrainingPart, k: int) -> GraphNeighbors:
        """The neighbors object of a training part for imbalanced-learn."""
        return GraphNeighbors(part, self.metric, k)


class GraphNeighbors:
    """A neighbors object for imbalanced-learn that reads one-hot rows and answers from the graph.

    Like scikit-learn's, it answers each row itself first, so ``n_neighbors`` is ``k + 1``.

    Args:
        part: the training part whose rows the one-hot rows stand for.
        metric: metric of the graph.
        k: neighbors beside the row itself.
    """

    def __init__(self, part: TrainingPart, metric: str, k: int):
        self.part, self.metric, self.n_neighbors = part, metric, k + 1
        self._fitted: Codes = np.arange(len(part.rows))  # positions in the part

    def __sklearn_clone__(self) -> GraphNeighbors:
        return GraphNeighbors(self.part, self.metric, self.n_neighbors - 1)

    def fit(self, X: Any, y: object = None) -> GraphNeighbors:
        """Answer from these rows only: one-hot rows, CSR (m, n), all of the part or of one class."""
        self._fitted = X.indices.astype(np.int64)
        return self

    def kneighbors(self, X: Any, n_neighbors: int | None = None, return_distance: bool = False) -> Codes:
        """Return positions among the fitted rows (m, k + 1), the row itself first.

        Raises:
            NotApplicable: too few fitted rows for k neighbors.
        """
        assert not return_distance, "distances are not kept"
        k = (n_neighbors or self.n_neighbors) - 1
        query, allowed = X.indices.astype(np.int64), self._fitted
        one_class = len(allowed) < len(self.part.rows)
        if len(allowed) <= k:
            who = self.part.named([self.part.y[allowed[0]]]) if one_class else "the data"
            raise NotApplicable(
                f"{who} has {len(allowed)} rows in a training part, {k} neighbors need {k + 1}"
            )
        rows = self.part.rows
        near = self.part.graph(self.metric).neighbors(rows[query], rows[allowed], k, one_class)
        place = np.empty(len(rows), dtype=np.int64)
        place[allowed] = np.arange(len(allowed))
        result: Codes = place[np.column_stack([query, np.searchsorted(rows, near)])]
        return result

    def kneighbors_graph(self, X: Any, n_neighbors: int | None = None) -> Any:
        """Return the same as a CSR matrix of ones (m, fitted rows)."""
        from scipy.sparse import csr_array

        near = self.kneighbors(X, n_neighbors)
        ends = np.arange(0, near.size + 1, near.shape[1])
        return csr_array((np.ones(near.size), near.ravel(), ends), shape=(len(near), len(self._fitted)))


class OnRows:
    """An estimator for imbalanced-learn that reads one-hot rows and fits the real rows they stand for.

    Args:
        part: the training part whose rows the one-hot rows stand for.
        estimator: of scikit-learn; its own attributes are those of this object.
    """

    def __init__(self, part: TrainingPart, estimator: Any):
        self.part, self.estimator = part, estimator

    def __sklearn_clone__(self) -> OnRows:
        return self  # a copy would start the random numbers again

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["estimator"], name)

    def fit(self, X: Any, y: Codes) -> OnRows:
        """Fit the rows that the one-hot rows X stand for, CSR (m, n)."""
        self.estimator.fit(real_rows(self.part, X), y)
        return self

    def predict(self, X: Any) -> Codes:
        """Predict for the rows that X stands for."""
        found: Codes = self.estimator.predict(real_rows(self.part, X))
        return found

    def fit_predict(self, X: Any) -> Codes:
        """Fit the rows that X stands for, and predict for them."""
        found: Codes = self.estimator.fit_predict(real_rows(self.part, X))
        return found


def real_rows(part: TrainingPart, X: Any) -> npt.NDArray[np.float32]:
    """Return the embeddings (m, d) that one-hot rows stand for, CSR (m, n)."""
    found: npt.NDArray[np.float32] = part.X[part.rows[X.indices]]
    return found


def pool_requests(part: TrainingPart) -> Codes:
    """Synthetic rows that a pool should hold of each class (n_classes,).

    Raises:
        NotApplicable: a class has no row in the training part.
    """
    absent = np.flatnonzero(part.counts == 0)
    if len(absent):
        raise NotApplicable(f"{part.named(absent)} has no row in a training part")
    return requested(part.counts, POOL_RATIO) if part.wanted is None else part.wanted


def pool_from_sampler(
    make: SamplerFactory,
    part: TrainingPart,
    random: np.random.RandomState,
    why_none: str = "",
    refusals: tuple[str, ...] = (),
) -> Pool:
    """Make a pool with a sampler of imbalanced-learn.

    Args:
        make: makes the sampler from ``sampling_strategy`` and ``random_state``.
        part: the training rows.
        random: passed through all classes, then orders each class's rows.
        why_none: when the sampler makes no rows for a class, for the reason.
        refusals: beginnings of the errors by which it says that it makes none.

    Raises:
        NotApplicable: too few rows for the neighbors, a class without rows, or no synthetic row for
            any class that lacks rows. Where only some classes get none, the pool has fewer rows.
    """
    pool = sample(make, part, random, refusals)
    lacking = np.flatnonzero(pool.requested)
    if len(lacking) and not len(pool.labels):
        raise NotApplicable(f"no synthetic row for {part.named(lacking)}: {why_none}")
    blocks = [np.flatnonzero(pool.labels == code) for code in lacking]
    order = np.concatenate([random.permutation(block) for block in blocks] or [lacking])
    return Pool(pool.labels[order], pool.parents[order], pool.weight[order], None, pool.requested)


def sample(
    make: SamplerFactory, part: TrainingPart, random: np.random.RandomState, refusals: tuple[str, ...] = ()
) -> Pool:
    """Make the rows of a pool, each class in the sampler's own order, which may follow the parents.

    The classes are sampled one after the other with one random state, which is what a sampler does
    itself; so a class that the sampler refuses does not take the others with it.
    """
    from scipy.sparse import eye_array

    wanted, n = pool_requests(part), len(part.rows)
    identity = eye_array(n, format="csr")
    labels, parents, weight = [part.y[:0]], [np.empty((0, 2), dtype=np.int64)], [np.empty(0, np.float32)]
    for code in np.flatnonzero(wanted).tolist():
        sampler = make({code: int(part.counts[code] + wanted[code])}, random)
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "After over-sampling, the number of samples", UserWarning)
                S, _ = sampler.fit_resample(identity, part.y)
        except (RuntimeError, ValueError) as error:
            if not str(error).startswith(refusals):
                raise
            continue
        read = _read_parents(S[n:], part.y == code)
        labels.append(np.full(len(read[1]), code, dtype=np.int64))
        parents.append(read[0])
        weight.append(read[1])
    return Pool(np.concatenate(labels), np.concatenate(parents), np.concatenate(weight), None, wanted)


def _read_parents(S: Any, own: npt.NDArray[np.bool_]) -> tuple[Codes, npt.NDArray[np.float32]]:
    """Read parents (s, 2) and the share of the second (s,) from rows with one or two non-zeros.

    The first parent is one of the class itself; of two such, the one with the larger share.
    """
    S.eliminate_zeros()
    S.sort_indices()
    filled = np.diff(S.indptr)
    assert np.isin(filled, (1, 2)).all(), "a synthetic row has one or two parents"
    ends = np.stack([S.indptr[:-1], S.indptr[1:] - 1], axis=1)  # (s, 2)
    parents, share = S.indices[ends].astype(np.int64), S.data[ends]
    share[filled == 1, 1] = 0.0
    swap = ~own[parents[:, 0]] | (own[parents[:, 1]] & (share[:, 1] > share[:, 0]))
    parents[swap], share[swap] = parents[swap, ::-1], share[swap, ::-1]
    return parents, share[:, 1].astype(np.float32)
