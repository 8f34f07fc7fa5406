"""The focal loss: rows that are recognised already weigh less."""

from __future__ import annotations

from dataclasses import dataclass

from ..knobs import Float, knob
from . import METHODS
from .base import Method


@METHODS.register("focal")
@dataclass(frozen=True)
class Focal(Method):
    """Train with the loss ``-(1 - p)^gamma log p`` of the probability p of a row's own class.

    ``gamma`` 0 is the cross-entropy, and so ``none``. Only classifiers with a loss of their own can be
    trained like this.
    """

    order = 4
    paper = "Lin et al. 2017, arXiv:1708.02002 (without the weight alpha)"

    gamma: float = knob(
        2.0,
        Float(0.0, 10.0),
        "how much less a recognised row weighs; 0 not at all",
        levels=(0.5, 1.0, 2.0, 5.0),
    )

    def focus(self) -> float:
        """Exponent of the focal loss; 0 is the cross-entropy."""
        return self.gamma
