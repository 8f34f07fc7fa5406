"""No correction at all."""

from __future__ import annotations

from dataclasses import dataclass

from . import METHODS
from .base import Method


@METHODS.register("none")
@dataclass(frozen=True)
class Nothing(Method):
    """Train on the rows as they are: the baseline that every gain is measured against."""

    order = 0
    core = True
