"""Synthetic rows drawn from a model of their class, not mixed from its rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from .errors import NotApplicable
from .methods.base import Pool, Synthesiser, TrainingPart
from .mixing import pool_requests

F32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class DrawingMethod(Synthesiser):
    """Base of the arms that draw new rows of a class from what its rows look like.

    Every class has random numbers of its own, so its rows do not depend on the other classes. ``model``
    names what is fitted, for reasons that people read; it needs ``least`` rows of a class.
    """

    model: ClassVar[str] = "a model"
    least: ClassVar[int] = 2

    def draw(self, rows: F32, wanted: int, generator: np.random.Generator, precision: str) -> F32:
        """Draw new rows (wanted, d) like those of one class (n, d)."""
        raise NotImplementedError

    def check(self, part: TrainingPart) -> None:
        """Raise NotApplicable where the method cannot work on these rows for a reason of its own."""

    def pool(self, part: TrainingPart, random: np.random.RandomState) -> Pool:
        """Make the synthetic rows of ratio 200 %, class by class."""
        wanted = pool_requests(part)
        self.check(part)
        small = np.flatnonzero((wanted > 0) & (part.counts < self.least))
        if len(small):
            counts = ", ".join(str(n) for n in part.counts[small])
            noun = "row" if counts == "1" else "rows"
            named = f"{part.named(small)} has {counts} {noun} in a training part"
            raise NotApplicable(f"{named}, {self.model} needs {self.least}")
        entropy = random.randint(0, 2**32, size=4, dtype=np.uint32).tolist()
        made = [
            self.draw(
                part.X[part.rows[part.y == code]],
                int(wanted[code]),
                np.random.default_rng([*entropy, code]),
                part.precision,
            )
            for code in np.flatnonzero(wanted).tolist()
        ]
        labels = np.repeat(np.arange(len(wanted)), wanted)
        parents = np.full((len(labels), 2), -1, dtype=np.int64)
        rows = np.concatenate([part.X[:0], *made])
        return Pool(labels, parents, np.zeros(len(labels), dtype=np.float32), rows, wanted)


def gaussian_rows(rows: F32, wanted: int, generator: np.random.Generator, shrinkage: float) -> F32:
    """Draw from the Gaussian with the mean and the shrunk covariance of rows (n, d) -> (wanted, d).

    With C the covariance of the rows (divided by n) and mu the mean of its diagonal, the covariance is
    ``(1 - shrinkage) C + shrinkage mu I``. A draw is a random combination of the centred rows plus white
    noise, which needs no matrix of d x d.
    """
    exact = rows.astype(np.float64)
    center = exact.mean(axis=0)
    centered = exact - center  # (n, d)
    scale = np.sqrt((1.0 - shrinkage) / len(rows))
    drawn = center + scale * (generator.standard_normal((wanted, len(rows))) @ centered)
    if shrinkage > 0.0:
        white = np.sqrt(shrinkage * np.mean(centered**2))
        drawn += white * generator.standard_normal((wanted, rows.shape[1]))
    found: F32 = drawn.astype(np.float32)
    return found
