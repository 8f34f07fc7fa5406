"""One arm as a sampler of imbalanced-learn, for its pipelines and scikit-learn's searches."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from imblearn.over_sampling.base import BaseOverSampler
from scipy.sparse import issparse, vstack
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import StrOptions

from .errors import NotApplicable
from .knobs import knob_problems
from .methods import METHODS
from .methods.base import Pool, Synthesiser, TrainingPart
from .neighbors import NeighborGraph

_ARMS = {
    name: arm
    for name in METHODS
    if issubclass(arm := METHODS[name], Synthesiser) and arm.select is Synthesiser.select
}  # an arm that takes rows away too is no over-sampler


class Oversampler(BaseOverSampler):  # type: ignore[misc]
    """Add the synthetic rows of one arm: ``Oversampler(Smote(k=3)).fit_resample(X, y)``.

    How many: ``sampling_strategy`` says how many rows each class lacks, the arm's knob ``ratio`` how
    much of that is made: ``round(ratio / 100 * lacking)`` rows of each class. So the defaults balance,
    ``ratio=50`` goes half the way, and a mapping of target counts is met at ratio 100.

    Which rows: those of imbalanced-learn's own sampler with the same knobs and random state, in
    another order within a class. They are drawn for these counts alone: unlike in a sweep, the rows of
    a smaller ratio are no subset of those of a larger one. An integer ``random_state`` stands for
    ``RandomState(integer)``, which no two classes share; imbalanced-learn's SMOTE starts from an
    integer again for each class.

    Args:
        method: the arm with its knobs set, or the name of one at its defaults. The knobs are
            parameters of scikit-learn too: ``set_params(method__k=3)``.
        sampling_strategy: as in imbalanced-learn: ``"auto"``, ``"not majority"``, ``"minority"``,
            ``"not minority"`` and ``"all"`` name the classes that are brought to the largest one; a
            mapping or a callable gives target counts, a float that of the smaller of two classes.
        random_state: None, an integer or a ``RandomState``.

    Attributes:
        sampling_strategy_: rows that each class lacks, by label.
        parents_: the two rows of X that each synthetic row lies between (s, 2), int64; both are the
            same for a copy; -1 where an arm does not mix rows.
        weight_: share of the second parent (s,), float32: row = (1 - weight) * first + weight * second.

    X is (n, d), an array, a DataFrame, a sparse matrix (made dense on the way) or a list of lists. The
    real rows come first, unchanged, then the s synthetic ones, with the type and dtype of X.

    Raises:
        ValueError: the arm cannot work on these rows; the message says why.

    Example:
        >>> from sklearn.datasets import make_classification
        >>> from synaug.methods.smote import Smote
        >>> X, y = make_classification(weights=[0.9], random_state=0)
        >>> sampler = Oversampler(Smote(k=3, metric="cosine"), random_state=0)
        >>> X_more, y_more = sampler.fit_resample(X, y)
        >>> X_more.shape, sampler.parents_.shape
        ((182, 20), (82, 2))
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BaseOverSampler._parameter_constraints,
        "method": [StrOptions(set(_ARMS)), Synthesiser],
    }

    def __init__(
        self,
        method: str | Synthesiser = "smote",
        *,
        sampling_strategy: Any = "auto",
        random_state: Any = None,
    ):
        super().__init__(sampling_strategy=sampling_strategy)
        self.method = method
        self.random_state = random_state

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters; with ``deep`` also the knobs, as ``method__NAME``."""
        params: dict[str, Any] = super().get_params(deep=False)
        if deep and (arm := self._arm()) is not None:
            params |= {f"method__{name}": value for name, value in arm.settings().items()}
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters and knobs; with both, ``method`` first and then its knobs.

        Raises:
            ValueError: a parameter or knob is unknown, or a knob is outside its domain.
        """
        knobs = {name: params.pop(name) for name in list(params) if name.startswith("method__")}
        super().set_params(**params)
        if not knobs:
            return self
        if (arm := self._arm()) is None:
            raise ValueError(f"{', '.join(knobs)}: {self.method!r} is not an arm that makes rows")
        values = {name.removeprefix("method__"): _plain(value) for name, value in knobs.items()}
        if problems := knob_problems(type(arm), values):
            raise ValueError("; ".join(f"method__{name}: {text}" for name, text in problems))
        self.method = replace(arm, **values)
        return self

    def _arm(self) -> Synthesiser | None:
        """The arm that ``method`` stands for; None where it stands for none."""
        if isinstance(self.method, str):
            return _ARMS[self.method]() if self.method in _ARMS else None
        return self.method if isinstance(self.method, Synthesiser) else None

    def _fit_resample(self, X: Any, y: Any) -> tuple[Any, Any]:
        arm = self._arm()
        assert arm is not None, "imbalanced-learn has checked it against _parameter_constraints"
        if arm.name not in _ARMS:
            raise ValueError(f"{arm.name} takes rows away too: it is no over-sampler")
        classes, codes = np.unique(y, return_inverse=True)
        lacking = np.array([self.sampling_strategy_.get(label, 0) for label in classes.tolist()])
        wanted = np.rint(arm.ratio / 100.0 * lacking).astype(np.int64)
        sparse: bool = issparse(X)
        real = X.toarray() if sparse else X  # (n, d)
        if X.dtype.kind != "f":
            real = real.astype(np.float64)
        part = _training_part(real, codes, wanted, tuple(map(str, classes)))
        pool = _pool(arm, part, check_random_state(self.random_state))
        rows = pool.materialise(replace(part, X=real)).astype(X.dtype)  # (s, d)
        if not np.isfinite(rows).all():
            raise ValueError(f"{arm.name} made rows that are not finite, by {arm}")
        self.parents_, self.weight_ = pool.parents, pool.weight
        X = vstack([X, type(X)(rows)], format=X.format) if sparse else np.concatenate([X, rows])
        return X, np.concatenate([y, classes[pool.labels]])


def _plain(value: Any) -> Any:
    """The Python number of a NumPy one: the grid of a search is often an array."""
    return value.item() if isinstance(value, np.generic) else value


def _training_part(
    X: npt.NDArray[Any], y: npt.NDArray[np.int64], wanted: npt.NDArray[np.int64], classes: tuple[str, ...]
) -> TrainingPart:
    """All rows as one part. An arm sees float32; neighbors are found in the precision of X."""
    rows, no_lists = np.arange(len(y)), np.empty((0, 0), dtype=np.int32)

    def graph(metric: str) -> NeighborGraph:
        """Without lists, which pay where many ask: the graph searches when it is asked."""
        return NeighborGraph(metric, X, rows, y, rows[:0], no_lists, no_lists)

    return TrainingPart(X.astype(np.float32, copy=False), rows, y, len(classes), graph, classes, wanted)


def _pool(arm: Synthesiser, part: TrainingPart, random: np.random.RandomState) -> Pool:
    """Make the rows that a part wants.

    Raises:
        ValueError: the arm does not apply.
    """
    assert part.wanted is not None
    if not part.wanted.any():
        none = np.empty((0, 2), dtype=np.int64)
        return Pool(part.y[:0], none, np.empty(0, dtype=np.float32), None, part.wanted)
    try:
        pool = arm.pool(part, random)
    except NotApplicable as reason:
        raise ValueError(f"{arm.name} does not apply: {reason}") from reason
    without = np.flatnonzero((part.wanted > 0) & (np.bincount(pool.labels, minlength=part.n_classes) == 0))
    if len(without):
        warnings.warn(f"{arm.name} made no row for {part.named(without)}", stacklevel=2)
    return pool
