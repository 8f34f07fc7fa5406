"""Copies of rows with Gaussian noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..drawing import F32, DrawingMethod
from ..knobs import Float, knob
from . import METHODS


@METHODS.register("noise")
@dataclass(frozen=True)
class Noise(DrawingMethod):
    """A random row of the class plus Gaussian noise of ``sd`` class standard deviations in each dimension.

    The smoothed bootstrap of ROSE with one bandwidth; with ``sd`` 0 copies, and so the counterpart of
    ``ros``.
    """

    order = 19
    paper = "Menardi and Torelli 2014, doi:10.1007/s10618-012-0295-5 (their bandwidths made a knob)"
    model = "a standard deviation"

    sd: float = knob(0.3, Float(0.0), "noise in standard deviations of the class", levels=(0.1, 0.3, 1.0))

    def draw(self, rows: F32, wanted: int, generator: np.random.Generator, precision: str) -> F32:
        """Draw new rows (wanted, d) like those of one class (n, d)."""
        chosen = rows[generator.integers(len(rows), size=wanted)]
        spread = self.sd * rows.std(axis=0, dtype=np.float64)
        found: F32 = (chosen + spread * generator.standard_normal(chosen.shape)).astype(np.float32)
        return found
