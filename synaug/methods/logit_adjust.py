"""Moving the threshold by the log prior."""

from __future__ import annotations

from dataclasses import dataclass

from . import METHODS
from .base import Method


@METHODS.register("logit_adjust")
@dataclass(frozen=True)
class LogitAdjust(Method):
    """Train as ``none`` and subtract the log prior of each class from its logit when scoring."""

    order = 1
    core = True
    paper = "Menon et al. 2021, arXiv:2007.07314 (the post-hoc form)"
    scored = "adjusted"
