"""What all cells of a sweep have in common, read from its spec."""

from __future__ import annotations

from collections.abc import Iterable

from synaug.methods import METHODS

from .identity import identity
from .plan import Cell
from .space import arm_levels
from .spec import Spec
from .spec_classifier import Classifier
from .trial import Job, Trained


def job_of(spec: Spec, gate: bool = False, address: str = "local") -> Job:
    """What all cells of a sweep have in common.

    Args:
        spec: the sweep.
        gate: score the test rows.
        address: of the Ray cluster, whose workers must run the code of this process.
    """
    first, *others = (_trained(classifier, spec.precision) for classifier in spec.every_classifier)
    return Job(
        first.options,
        first.steps,
        gate=gate,
        diagnosed=spec.diagnostics,
        others=tuple(others),
        code=None if address == "local" else identity(),
        timeout=spec.limits.cell_timeout,
        encoders=spec.other_encoders,
    )


def _trained(classifier: Classifier, precision: str) -> Trained:
    steps = None if classifier.steps == "folds" else classifier.steps
    return Trained(classifier.options(precision), steps)


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
