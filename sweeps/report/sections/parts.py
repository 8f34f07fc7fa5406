"""What sections share: claims of a context, sides and scores of its arms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ...analysis.evidence import Evidence
from ...analysis.paired import Difference
from ...analysis.records import Line, scored
from ...analysis.scores import Budget, Side, contrast, infer, own_budget, side_values
from ...answers.method import default_sides
from ..claims import Claim
from ..look import in_order
from ..model import Source, estimate, said

BASELINES = ("none", "logit_adjust", "class_weight", "ros")


def sides_of(part: Evidence) -> dict[str, Side]:
    """Each arm at its default cell, in the order that arms are listed everywhere."""
    sides = default_sides(part)
    return {arm: sides[arm] for arm in in_order(sides)}


def claims_in(source: Source, part: Evidence, question: str, **wanted: Any) -> tuple[Claim, ...]:
    """The claims of a question that speak of cells of one context."""
    keys = {cell.key for cell in part.cells}
    found = source.of(question, **wanted)
    return tuple(claim for claim in found if claim.entry["cells"] and keys >= set(claim.entry["cells"]))


def arms_of(claim: Claim, part: Evidence) -> list[str]:
    """The arms that a claim compares, each once, in the order of its cells."""
    arm = {cell.key: cell.arm for cell in part.cells}
    return list(dict.fromkeys(arm[key] for key in claim.entry["cells"]))


def mean_of(part: Evidence, budget: Budget, side: Side) -> Difference:
    """The mean of a side in per cent, with the interval that differences have too."""
    return infer(part, side_values(part, budget, [side])[0])


def against(part: Evidence, sides: Mapping[str, Side], base: str, budget: Budget | None = None) -> list[Any]:
    """Rows of a forest: every other arm at its default cell against a baseline."""
    at = budget or own_budget(part)
    return [row_of(arm, contrast(part, at, sides[base], side)) for arm, side in sides.items() if arm != base]


def row_of(label: str, d: Difference, **more: Any) -> dict[str, Any]:
    """A row of a forest."""
    text = f"{label}: no difference: {d.reason}" if d.estimate is None else f"{label}: {said(d)}"
    return {"label": label, **estimate(d), "text": text, **more}


def row_of_claim(label: str, claim: Claim) -> dict[str, Any]:
    """A row of a forest from the numbers of a claim."""
    row = {name: claim.entry[name] for name in ("estimate", "low", "high", "n")}
    text = label if row["estimate"] is None else f"{label}: {said(row)}"
    return {"label": label, **row, "text": text, "claim": claim.id, "verdict": claim.verdict}


def per_result(
    lines: Sequence[Line], part: Evidence, keys: Sequence[str], value: Any
) -> dict[str, pd.DataFrame]:
    """For each cell, a mapping taken from every result: rows replicates, columns names."""
    wanted = set(keys) & {cell.key for cell in part.cells}
    found: dict[str, dict[int, Mapping[str, float]]] = {}
    for line in scored(lines):
        if line["trial_key"] in wanted:
            found.setdefault(line["trial_key"], {})[line["replicate"]] = value(line)
    return {key: pd.DataFrame.from_dict(rows, orient="index").sort_index() for key, rows in found.items()}


def recalls(line: Line) -> dict[str, float]:
    """Mean recall in per cent of the smaller classes and of the largest, of one result."""
    real = (line.get("counts") or {}).get("real") or {}
    classes = line.get("per_class") or {}
    if not real or any("recall" not in classes.get(name, {}) for name in real):
        return {}
    rare = [name for name, count in real.items() if count < max(real.values())]
    frequent = [name for name in real if name not in rare]
    if not rare:
        return {}

    def mean(names: Sequence[str]) -> float:
        return 100 * float(sum(classes[name]["recall"] for name in names)) / len(names)

    return {"minority": mean(rare), "majority": mean(frequent)}
