"""An answer: one sentence with its numbers, its uncertainty and the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..analysis.paired import Verdict
from ..analysis.scores import BudgetName


@dataclass(frozen=True)
class Answer:
    """One sentence and what it says.

    Attributes:
        sentence: plain English; each of its numbers stands in the other fields.
        estimate: the difference; None when there is none.
        low: lower end of its 95 % interval; None without one.
        high: upper end.
        n: independent replicates (or repetitions) behind it.
        verdict: see ``verdict``.
        budget: the training budget that the sentence speaks of.
        estimand: default (arms at their default cell), tuned, or average (over the design's grid).
        cells: trial keys of what is compared.
        detail: everything else: ``kind`` of the answer, labels, margin, sd, p and so on.
        unit: of the three numbers: points of balanced accuracy, or percent.
    """

    sentence: str
    estimate: float | None
    low: float | None
    high: float | None
    n: int
    verdict: Verdict
    budget: BudgetName
    estimand: str
    cells: tuple[str, ...] = ()
    detail: Mapping[str, Any] = field(default_factory=dict)
    unit: str = "points"

    def to_json(self) -> dict[str, Any]:
        """The answer as JSON values; nothing that is not a finite number stands as one."""
        numbers = {name: plain(getattr(self, name)) for name in ("estimate", "low", "high")}
        return {
            "sentence": self.sentence,
            **numbers,
            "unit": self.unit,
            "n": self.n,
            "verdict": self.verdict,
            "budget": self.budget,
            "estimand": self.estimand,
            "cells": list(self.cells),
            "detail": plain(self.detail),
        }


@dataclass(frozen=True)
class Answers:
    """All answers to a question and what to keep in mind with them."""

    question: str
    answers: tuple[Answer, ...]
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Question, answers and warnings as JSON values."""
        answers = [answer.to_json() for answer in self.answers]
        return {"question": self.question, "answers": answers, "warnings": list(self.warnings)}


def plain(value: Any) -> Any:
    """Make JSON values of numpy scalars, tuples and mappings; None of what is not finite."""
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
