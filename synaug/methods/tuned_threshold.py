"""A threshold of each class, tuned on rows that no model has seen."""

from __future__ import annotations

from dataclasses import dataclass

from . import METHODS
from .base import Method


@METHODS.register("tuned_threshold")
@dataclass(frozen=True)
class TunedThreshold(Method):
    """Train as ``none`` and add to each class's logit what gives the best held-out balanced accuracy.

    The folds are the inner selection: the rows held out of fold f are scored with what the held-out rows
    of the other folds choose, dev and test rows with what all of them choose.
    """

    order = 3
    paper = "Zhou and Liu 2006, doi:10.1109/TKDE.2006.17 (threshold-moving, here tuned)"
    scored = "tuned"
