"""What all cells of a sweep have in common, read from its spec."""

from __future__ import annotations

from collections.abc import Iterable

from synaug.classifiers.options import MlpOptions
from synaug.methods import METHODS

from .plan import Cell
from .space import arm_levels
from .spec import Spec
from .trial import Job


def job_of(spec: Spec, gate: bool = False) -> Job:
    """What all cells of a sweep have in common; ``gate`` scores the test rows."""
    options = MlpOptions(precision=spec.precision, **spec.classifier.model_dump(exclude={"name", "steps"}))
    return Job(options, None if spec.classifier.steps == "folds" else spec.classifier.steps, gate=gate)


def neighborhoods(cells: Iterable[Cell], spec: Spec) -> tuple[list[str], int]:
    """Metrics that a cell of the sweep may ask for, and its largest number of neighbours."""
    metrics: set[str] = set()
    most = 1
    for arm in {cell.arm for cell in cells}:
        levels = arm_levels(spec, arm)
        for knob in METHODS[arm].knobs():
            values = {knob.default, *levels.get(knob.name, ())}
            if knob.name == "metric":
                metrics |= set(map(str, values))
            elif knob.name in ("k", "m"):
                most = max(most, *(int(value) for value in values))
    return sorted(metrics), most
