"""What an arm is: its knobs, the synthetic rows it makes, how it weighs and scores."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from ..errors import Exit, Problem, SynaugError
from ..knobs import Float, Knob, Value, knob, knob_problems, knobs_of
from ..randomness import Stream

if TYPE_CHECKING:
    from ..neighbors import NeighborGraph

POOL_RATIO = 200.0  # per cent of the deficit: a pool holds the rows of the largest legal ratio


@dataclass(frozen=True)
class TrainingPart:
    """What a method may see: the training rows of one fold.

    Attributes:
        X: shared embeddings (N, d), float32, read only.
        rows: row numbers of this part in X (n,), int64, ascending.
        y: class codes of these rows (n,), int64.
        n_classes: number of classes of the data set.
        graph: gives the neighbour graph of a metric over rows of X that include this part.
        classes: class names, for reasons that people read; their codes stand where there are none.
        wanted: synthetic rows that a pool should hold of each class (n_classes,), int64; those of
            ratio 200 % where there is none.
        precision: of the large products of a method that trains a network, a name of torch's.
    """

    X: npt.NDArray[np.float32]
    rows: npt.NDArray[np.int64]
    y: npt.NDArray[np.int64]
    n_classes: int
    graph: Callable[[str], NeighborGraph]
    classes: tuple[str, ...] = ()
    wanted: npt.NDArray[np.int64] | None = None
    precision: str = "float32"

    def named(self, codes: Iterable[int]) -> str:
        """Name classes: ``class 'spam'``, or ``class 1, 2`` where they have no names."""
        names = (repr(self.classes[code]) if self.classes else str(code) for code in codes)
        return "class " + ", ".join(names)

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """Rows of each class (n_classes,)."""
        return np.bincount(self.y, minlength=self.n_classes)


@dataclass(frozen=True)
class Pool:
    """Synthetic rows in seeded order; a ratio takes the first rows of each class.

    Attributes:
        labels: class codes (s,), int64.
        parents: positions in the training part (s, 2), int64; both are the same for a copy; -1 where
            a row has no parents.
        weight: share of the second parent (s,), float32: row = (1 - weight) * first + weight * second;
            below 0 the row lies on the far side of the first.
        rows: the rows themselves (s, d), float32, for methods that do not interpolate; else None.
        requested: synthetic rows asked for (n_classes,), int64; at 200 % but where the part says else.
    """

    labels: npt.NDArray[np.int64]
    parents: npt.NDArray[np.int64]
    weight: npt.NDArray[np.float32]
    rows: npt.NDArray[np.float32] | None
    requested: npt.NDArray[np.int64]

    def prefix(self, wanted: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Positions of the first ``wanted[c]`` rows of each class, or of all there are, in pool order."""
        rank = np.empty(len(self.labels), dtype=np.int64)  # (s,) how many of its class stand before
        for code in np.unique(self.labels):
            mine = np.flatnonzero(self.labels == code)
            rank[mine] = np.arange(len(mine))
        return np.flatnonzero(rank < wanted[self.labels])

    def materialise(self, part: TrainingPart) -> npt.NDArray[np.float32]:
        """Return the synthetic rows as an array (s, d)."""
        if self.rows is not None:
            return self.rows
        first, second = part.X[part.rows[self.parents[:, 0]]], part.X[part.rows[self.parents[:, 1]]]
        return first + self.weight[:, None] * (second - first)


@dataclass(frozen=True)
class Selection:
    """What the model of a fold trains on at the arm's ratio.

    Attributes:
        taken: positions in the pool (t,), int64, ascending.
        kept: whether a real row of the training part stays (n,).
    """

    taken: npt.NDArray[np.int64]
    kept: npt.NDArray[np.bool_]


def requested(counts: npt.NDArray[np.int64], ratio: float) -> npt.NDArray[np.int64]:
    """Synthetic rows that a ratio asks of each class: ``round(ratio / 100 * (largest - count))``."""
    deficit = counts.max() - counts
    return np.asarray(np.rint(ratio / 100.0 * deficit), dtype=np.int64)


@dataclass(frozen=True)
class Method:
    """Base of all arms. A subclass declares knobs; it overrides ``pool`` if it makes rows, and ``select`` if
    it takes real rows away.

    ``core`` arms are those of a sweep that names none; the others are asked for by name. ``costly`` says
    that making a pool takes much longer than reading it from disk: workers keep such pools in the cache of
    their node.

    Construction checks every knob and raises SynaugError (exit 3) with all problems at once.
    """

    name: ClassVar[str]
    order: ClassVar[int] = 50
    paper: ClassVar[str] = ""
    stream: ClassVar[Stream] = Stream.SYNTH
    core: ClassVar[bool] = False
    costly: ClassVar[bool] = False
    loss_weights: ClassVar[Literal["uniform", "balanced"]] = "uniform"
    scored: ClassVar[Literal["plain", "adjusted", "tuned"]] = "plain"

    def __post_init__(self) -> None:
        values = {k.name: getattr(self, k.name) for k in self.knobs()}
        problems = [
            Problem(f"{self.name}.{name}: {text}", code="D22")
            for name, text in knob_problems(type(self), values)
        ]
        if problems:
            raise SynaugError(problems, Exit.SPEC)
        for k in self.knobs():
            object.__setattr__(self, k.name, k.clean(values[k.name]))

    @classmethod
    def knobs(cls) -> tuple[Knob, ...]:
        """The knobs of this arm in the order in which they are declared."""
        return knobs_of(cls)

    @classmethod
    def synthesises(cls) -> bool:
        """Whether this arm makes synthetic rows, and so has a pool."""
        return issubclass(cls, Synthesiser)

    def settings(self) -> Mapping[str, Value]:
        """The knobs and their values."""
        return {k.name: getattr(self, k.name) for k in self.knobs()}

    def pool(self, part: TrainingPart, random: np.random.RandomState) -> Pool:
        """Make the pool of one training part: the synthetic rows of ratio 200 %, or what it wants.

        Raises:
            NotApplicable: the method cannot work on these rows; the message says why.
        """
        raise NotImplementedError(f"{self.name} makes no synthetic rows")

    def examine(
        self,
        part: TrainingPart,
        random: np.random.RandomState,
        unseen: Mapping[int, npt.NDArray[np.float32]],
    ) -> dict[str, float]:
        """Numbers about the model that makes the rows of a part, by names of ``diagnostics.TABLE``.

        Args:
            part: the training rows.
            random: random numbers in the state from which the pool was made.
            unseen: rows that the method did not see, by class; of these classes the mean is told.

        Returns:
            Nothing for methods without a model.
        """
        return {}

    def select(self, part: TrainingPart, pool: Pool | None, random: np.random.RandomState) -> Selection:
        """Choose what the model of a fold trains on: by default all real rows.

        Args:
            part: the training rows of the fold.
            pool: its pool; None for arms without one.
            random: random numbers, in the state from which the pool was made.

        Raises:
            NotApplicable: the rows do not allow it at this ratio; the message says why.
        """
        return Selection(part.y[:0], np.ones(len(part.rows), dtype=np.bool_))

    def focus(self) -> float:
        """Exponent of the focal loss; 0 is the cross-entropy."""
        return 0.0


@dataclass(frozen=True)
class Synthesiser(Method):
    """Base of the arms that add synthetic rows."""

    ratio: float = knob(
        100.0,
        Float(0.0, POOL_RATIO, step=12.5),
        "synthetic rows in per cent of what a class lacks to the largest; 100 balances",
        levels=(25.0, 50.0, 100.0, 150.0, 200.0),
    )

    def select(self, part: TrainingPart, pool: Pool | None, random: np.random.RandomState) -> Selection:
        """Take all real rows, and each class's first rows of the pool."""
        assert pool is not None, f"{self.name} makes a pool"
        kept = np.ones(len(part.rows), dtype=np.bool_)
        return Selection(pool.prefix(requested(part.counts, self.ratio)), kept)
