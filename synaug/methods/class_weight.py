"""Weighing the loss instead of adding rows."""

from __future__ import annotations

from dataclasses import dataclass

from . import METHODS
from .base import Method


@METHODS.register("class_weight")
@dataclass(frozen=True)
class ClassWeight(Method):
    """Weigh every row by the inverse frequency of its class: n / (n_classes * n_c)."""

    order = 2
    core = True
    paper = "King and Zeng 2001, doi:10.1093/oxfordjournals.pan.a004868"
    loss_weights = "balanced"
