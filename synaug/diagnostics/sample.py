"""Which rows are measured: synthetic and real rows of a class, in fold 0 of a replicate."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..classifiers.options import F32, FoldRows
from ..randomness import Stream
from .pairs import F64, Pair

if TYPE_CHECKING:
    from ..evaluate import Replicate

Rows = npt.NDArray[np.int64]
LEAST, MOST = 10, 100  # synthetic rows of a class that are measured
REAL = 2000  # real rows of a class on either side, at most
CLASSES = 8  # the smallest ones, at most


@dataclass(frozen=True)
class Sample:
    """The rows of one class that are measured, all float64 and in random order.

    Attributes:
        code: the class.
        synthetic: (m, d), of the rows that the cell trains on.
        parents: real rows that the method saw, at least m of them (p, d).
        held: real rows of the class that it did not see, held out by fold 0 or scored as dev rows;
            at least m of them (h, d).
        others_parents: the same of the other classes, as many of each (classes - 1, e, d).
        others_held: likewise.
        seed: of what is random in a measure.
    """

    code: int
    synthetic: F64
    parents: F64
    held: F64
    others_parents: F64
    others_held: F64
    seed: int

    @property
    def m(self) -> int:
        """Rows on each side of a comparison."""
        return len(self.synthetic)

    def beside_held(self) -> Pair:
        """Synthetic rows and as many real ones that the method did not see."""
        return Pair(self.synthetic, self.held[: self.m], self.others_held, self.seed)

    def beside_parents(self, every: bool = False) -> Pair:
        """Synthetic rows and as many rows that the method saw, or every one of them."""
        parents = self.parents if every else self.parents[: self.m]
        return Pair(self.synthetic, parents, self.others_parents, self.seed)

    def real_pairs(self, draws: int) -> Iterator[tuple[Pair, Pair]]:
        """Real rows in the place of synthetic ones, drawn again and again.

        Yields:
            The pair with as many real rows, and the one with as many as there are parents.
        """
        generator = np.random.default_rng(self.seed)
        real = np.vstack([self.parents, self.held])
        others = np.concatenate([self.others_parents, self.others_held], axis=1)  # (classes - 1, 2 e, d)
        m, e = self.m, self.others_held.shape[1]
        for number in range(draws):
            order = generator.permutation(len(real))[: m + len(self.parents)]
            chosen = np.stack([each[generator.permutation(2 * e)[:e]] for each in others])
            every = Pair(real[order[:m]], real[order[m:]], chosen, self.seed + number)
            yield replace(every, real=every.real[:m]), every

    def real_digest(self) -> bytes:
        """A digest of all that ``real_pairs`` depends on."""
        digest = hashlib.sha256(f"{self.m} {self.seed}".encode())
        for rows in (self.parents, self.held, self.others_parents, self.others_held):
            digest.update(f"{rows.shape}".encode())
            digest.update(np.ascontiguousarray(rows).data)
        return digest.digest()


def take_samples(data: Replicate, trained_on: FoldRows) -> list[Sample]:
    """Take the rows of each class that has enough of them; of many classes, the smallest.

    Args:
        data: the replicate.
        trained_on: what the model of fold 0 trains on.
    """
    seen, unseen = data.training_part(0).rows, unseen_rows(data)
    counts = np.bincount(data.y[seen], minlength=len(data.classes))
    codes = np.unique(trained_on.labels)
    smallest = codes[np.argsort(counts[codes], kind="stable")][:CLASSES]
    found = (_sample(int(code), data, seen, unseen, trained_on) for code in sorted(smallest))
    return [sample for sample in found if sample is not None]


def unseen_rows(data: Replicate) -> Rows:
    """Rows of X that no method sees in fold 0: those that it holds out, and dev rows."""
    return np.concatenate([data.draw.rows[data.draw.folds == 0], data.draw.dev])


def _sample(code: int, data: Replicate, seen: Rows, unseen: Rows, trained_on: FoldRows) -> Sample | None:
    sequence = data.streams.sequence(Stream.DIAGNOSTICS, data.draw.replicate, code)
    generator, X, classes = np.random.default_rng(sequence), data.X, range(len(data.classes))
    parents, held = (
        [generator.permutation(rows[data.y[rows] == each])[:REAL] for each in classes]
        for rows in (seen, unseen)
    )
    ours = np.flatnonzero(trained_on.labels == code)  # in the pool's seeded order
    m = min(MOST, len(ours), len(parents[code]), len(held[code]))
    foreign = [each for each in classes if each != code]
    e = min(m, *(len(side[each]) for side in (parents, held) for each in foreign))
    if m < LEAST or e == 0:
        return None
    return Sample(
        code,
        _synthetic(data, trained_on, ours[:m]).astype(np.float64),
        X[parents[code]].astype(np.float64),
        X[held[code]].astype(np.float64),
        np.stack([X[parents[each][:e]] for each in foreign]).astype(np.float64),
        np.stack([X[held[each][:e]] for each in foreign]).astype(np.float64),
        int(generator.integers(2**31)),
    )


def _synthetic(data: Replicate, trained_on: FoldRows, chosen: Rows) -> F32:
    """Some of the synthetic rows (m, d), mixed as the pool mixes them: a copy is one bit by bit."""
    if trained_on.rows is not None:
        return np.asarray(trained_on.rows[chosen])
    rows = data.draw.rows[trained_on.parents[chosen]]  # (m, 2)
    first, second = data.X[rows[:, 0]], data.X[rows[:, 1]]
    return np.asarray(first + trained_on.share[chosen, None] * (second - first))
