"""What ``synaug plan`` and a dry run print: the cells, what they can show, what they will cost."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from synaug.classifiers import CLASSIFIERS

from ..plan import Cell, confirm_cells, plan_lines, planned_cells
from ..space import arm_levels
from ..spec import Spec
from ..spec_classifier import Classifier as Declared
from .showing import out, say, table

if TYPE_CHECKING:  # takes seconds to import
    from ..prepare import Prepared

STAGES = ("design", "control", "robustness", "exploit", "confirm")
SHOWN = 3  # cells that are printed as examples


def counts(spec: Spec) -> dict[str, Counter[str]]:
    """Cells of each arm by stage; those of the confirmation without cells that the search may add."""
    found = {arm: Counter[str]() for arm in spec.arms}
    for cell in all_cells(spec):
        found[cell.arm][cell.stage] += 1
    for arm in spec.arms:
        found[arm]["exploit"] += _trials(spec, arm)
    return found


def all_cells(spec: Spec) -> Sequence[Cell]:
    """The cells that are known before the run."""
    planned = planned_cells(spec)
    return (*planned, *(confirm_cells(spec, {}, len(planned)) if spec.confirm.replicates else ()))


def _trials(spec: Spec, arm: str) -> int:
    swept = any(len(levels) > 1 for levels in arm_levels(spec, arm).values())
    return spec.search.trials if swept else 0


def describe_plan(spec: Spec, prepared: Prepared | None = None) -> None:
    """Print the cells of a spec by arm and stage, the effect it can detect and, with data, the time."""
    found = counts(spec)
    stages = [stage for stage in STAGES if any(found[arm][stage] for arm in spec.arms)]
    rows = table("arm", *stages, "levels")
    for arm in spec.arms:
        swept = {name: values for name, values in arm_levels(spec, arm).items() if len(values) > 1}
        text = "; ".join(f"{name} {', '.join(map(str, values))}" for name, values in swept.items())
        rows.add_row(arm, *(str(found[arm][stage]) for stage in stages), Text(text))
    out.print(rows)
    total = sum(sum(of_arm.values()) for of_arm in found.values())
    fits = spec.folds * sum(
        number * (spec.confirm.replicates if stage == "confirm" else spec.replicates)
        for of_arm in found.values()
        for stage, number in of_arm.items()
    )
    product = f"{total} cells ({spec.design} design) x {spec.replicates} replicates x {spec.folds} folds"
    say(f"{product} = {fits} fits")
    for classifier in spec.every_classifier:
        say(f"  {_ladder_text(classifier)}")
    _describe_encoders(spec)
    if spec.classifiers or spec.encoders:
        first = [spec.encoder_names[0]] * bool(spec.encoders) + [spec.classifier.name] * bool(
            spec.classifiers
        )
        say(f"  all stages but the design are of {' and '.join(first)} alone")
    for cell in planned_cells(spec)[:SHOWN]:
        settings = ", ".join(f"{name} {value}" for name, value in cell.settings)
        where = f"{cell.encoder or spec.encoder_names[0]}, " if spec.encoders else ""
        where += f"{cell.classifier}, " if spec.classifiers else ""
        say(f"  first cells: {where}{cell.arm}" + (f" ({settings})" if settings else ""))
    say(f"spec {spec.name}, hash {spec.hash[:12]}")
    describe_power(spec)
    if prepared is not None:
        describe_cost(prepared, found)


def _describe_encoders(spec: Spec) -> None:
    """Say how many cells the encoders make, where there are several."""
    if not spec.encoders:
        return
    design = Counter(
        cell.encoder for cell in planned_cells(spec) if cell.stage == "design" and not cell.extras
    )
    counted = [f"{n} of {name}" for name, n in zip(spec.encoder_names, design.values(), strict=True)]
    which = "the whole design" if spec.encoder_design == "all" else "each arm's default"
    say(f"  design by encoder: {', '.join(counted)}; after the first {which}, on the same draws and folds")


def _ladder_text(classifier: Declared) -> str:
    kind, rungs = CLASSIFIERS[classifier.name], classifier.ladder
    span = f"{kind.rung_text(rungs[0])} to {kind.rung_text(rungs[-1])}"
    if classifier.steps != "folds":
        return f"{classifier.name}: read at {kind.rung_text(classifier.steps)}, scored at {len(rungs)} rungs"
    return f"{classifier.name}: each fit scored at {len(rungs)} rungs, {span}, of which the folds choose"


def describe_power(spec: Spec) -> None:
    """Say which difference the design can see."""
    from ..estimate import detectable_in_sd

    effect = detectable_in_sd(spec)
    if effect is None:
        say("one replicate: differences get no interval")
        return
    of = "folds" if spec.imbalance.kind == "natural" else "replicates"
    say(
        f"sees a paired difference of {effect:.2f} standard deviations of the differences between {of} with "
        f"80 % power at 5 %: {effect:.1f} points where these vary by 1 point, {effect / 2:.1f} by 0.5"
    )


def describe_cost(prepared: Prepared, found: Mapping[str, Counter[str]]) -> None:
    """Say how long the cells will take, by a probe on this machine."""
    seconds = estimated_seconds(prepared, found)
    cores = os.cpu_count() or 1
    say(
        f"about {duration(seconds)} on one core like this one (by a probe of every arm), "
        f"{duration(seconds / cores)} on the {cores} here; encoding the texts comes first"
    )


def estimated_seconds(prepared: Prepared, found: Mapping[str, Counter[str]]) -> float:
    """Seconds of one core; a searched cell counts as its arm's default with rows of its own."""
    from ..estimate import core_seconds, probe

    spec, costs = prepared.spec, probe(prepared)
    searched = sum(
        of_arm["exploit"] * spec.replicates * (cost.synthesis + cost.training)
        for arm, of_arm in found.items()
        for cost in [costs["", spec.classifier.name, arm]]
    )
    return searched + core_seconds(spec, all_cells(spec), costs)


def duration(seconds: float) -> str:
    """``40 s``, ``12 min`` or ``3.5 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def plan_facts(spec: Spec, prepared: Prepared | None, away: str | None) -> dict[str, Any]:
    """The plan as JSON values."""
    from ..estimate import detectable_in_sd

    found = counts(spec)
    cells = planned_cells(spec)
    per_stage: Counter[str] = sum(found.values(), Counter())
    return {
        "name": spec.name,
        "spec_hash": spec.hash,
        "replicates": spec.replicates,
        "folds": spec.folds,
        "encoders": list(spec.encoder_names),
        "classifiers": [classifier.name for classifier in spec.every_classifier],
        "cells": [json.loads(line) for line in plan_lines(cells).splitlines()],
        "per_arm": Counter(cell.arm for cell in cells),
        "per_stage": per_stage,
        "trials_per_arm": spec.search.trials,
        "detectable_in_sd": detectable_in_sd(spec),
        "core_seconds": None if prepared is None else estimated_seconds(prepared, found),
        "no_estimate": away,
    }
