"""What one cell gave on one replicate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .readings import Part


@dataclass(frozen=True)
class Outcome:
    """What one cell gave on one replicate, in the words of a ledger line."""

    status: Literal["ok", "not_applicable", "failed"]
    reason: str | None = None
    scored_on: Part | None = None
    chosen_steps: int | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    curve: tuple[Mapping[str, Any], ...] = ()
    folds: tuple[Mapping[str, float], ...] = ()
    per_class: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    confusion: tuple[tuple[int, ...], ...] = ()
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    diagnostics: Mapping[str, float] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
