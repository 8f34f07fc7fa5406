"""Synthetic rows of a class beside as many real ones, with the distances between them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
_SAME = 1e-12  # of the squared norms: what rounding leaves of the squared distance of equal rows


@dataclass(frozen=True)
class Pair:
    """Rows to judge and the real rows that they are judged by, of one class.

    For the band of real against real, ``synthetic`` holds real rows too.

    Attributes:
        synthetic: rows to judge (m, d).
        real: real rows of the class (n, d); n = m except where memory of all parents is measured.
        others: real rows of the other classes, as many of each (classes - 1, e, d).
        seed: of what is random in a measure.
    """

    synthetic: F64
    real: F64
    others: F64
    seed: int = 0

    @cached_property
    def across(self) -> F64:
        """Distances of synthetic rows (down) and real rows (m, n)."""
        return distances(self.synthetic, self.real)

    @cached_property
    def within_synthetic(self) -> F64:
        """Distances between synthetic rows (m, m); of a row from itself infinite."""
        return _without_itself(distances(self.synthetic, self.synthetic))

    @cached_property
    def within_real(self) -> F64:
        """Distances from the first m real rows to all of them (m, n); of a row from itself infinite."""
        return _without_itself(distances(self.real[: len(self.synthetic)], self.real))


def distances(rows: F64, others: F64) -> F64:
    """Euclidean distances (m, n); exactly 0 where rows agree to six digits."""
    center = others.mean(axis=0)  # about which the products cancel least
    a, b = rows - center, others - center
    norms = np.einsum("ij,ij->i", a, a)[:, None] + np.einsum("ij,ij->i", b, b)  # (m, n)
    square = norms - 2 * (a @ b.T)
    square[square < _SAME * norms] = 0
    return np.asarray(np.sqrt(square))


def _without_itself(found: F64) -> F64:
    np.fill_diagonal(found, np.inf)
    return found
