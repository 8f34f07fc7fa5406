"""Rows drawn from a Gaussian with the mean and covariance of the class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..drawing import F32, DrawingMethod, gaussian_rows
from . import METHODS


@METHODS.register("gaussian")
@dataclass(frozen=True)
class Gaussian(DrawingMethod):
    """Rows drawn from a Gaussian with the class's mean and its covariance, shrunk after Ledoit and Wolf.

    The covariance is shrunk towards a multiple of the identity with the same trace, as far as is best in
    mean square for so few rows.
    """

    order = 21
    paper = "Ledoit and Wolf 2004, doi:10.1016/S0047-259X(03)00096-4"
    model = "a covariance"

    def draw(self, rows: F32, wanted: int, generator: np.random.Generator, precision: str) -> F32:
        """Draw new rows (wanted, d) like those of one class (n, d)."""
        from sklearn.covariance import ledoit_wolf_shrinkage

        shrinkage = float(ledoit_wolf_shrinkage(rows.astype(np.float64)))
        return gaussian_rows(rows, wanted, generator, shrinkage)
