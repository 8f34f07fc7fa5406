"""The question of size: below how many minority rows does an arm pay?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ..analysis.evidence import Evidence
from ..analysis.paired import Difference
from ..analysis.paying import Paying, paying_up_to
from ..analysis.scores import infer, own_budget
from .answer import Answer
from .compare import Reply, answer_of, not_applicable
from .method import default_sides
from .sentences import behind, brackets, budget_phrase, names
from .transfer import BASES, Setting, gains, settings_by, sizes_of


def answer_size(evidence: Evidence, margin: float) -> Reply:
    """Say for every arm up to which minority size its gain is at least the margin."""
    answers: list[Answer] = []
    warnings: list[str] = []
    for group in settings_by(evidence, "imbalance"):
        sized = {sizes: setting for setting in group if (sizes := sizes_of(setting)) is not None}
        if len({minority for _, minority in sized}) < 2:
            continue
        if len({majority for majority, _ in sized}) > 1:
            warnings.append(
                "the rows of the largest class change with the minority rows: sizes are taken by the minority"
            )
        by_size = {minority: setting for (_, minority), setting in sorted(sized.items(), key=_minority)}
        answers += [_paying(by_size, base, arm, margin) for base, arm in _pairs(by_size)]
    if answers:
        return answers, warnings
    text = "No two minority sizes have the same arms; sweep imbalance sizes such as 2000:60 and 2000:200."
    return [not_applicable(text, own_budget(evidence), "size")], []


def _minority(entry: tuple[tuple[int, int], Setting]) -> int:
    return entry[0][1]


def _pairs(by_size: Mapping[int, Setting]) -> list[tuple[str, str]]:
    """Base and arm for every arm that makes rows and has results at two sizes."""
    found: dict[tuple[str, str], int] = {}
    for setting in by_size.values():
        part = setting.evidence
        synthetic = [cell.arm for cell in part.cells if cell.synthetic and cell.stage == "design"]
        for base in BASES:
            for arm in dict.fromkeys(synthetic):
                if base in part.arms and arm not in BASES:
                    found[base, arm] = found.get((base, arm), 0) + 1
    return [pair for pair, count in found.items() if count > 1]


def _paying(by_size: Mapping[int, Setting], base: str, arm: str, margin: float) -> Answer:
    found: dict[int, pd.Series] = {}
    keys: list[str] = []
    for size, setting in by_size.items():
        if {base, arm} <= set(setting.evidence.arms):
            own = own_budget(setting.evidence)
            found[size] = gains(setting.evidence, own, base, arm)
            sides = default_sides(setting.evidence)
            keys += [*sides[base].keys, *sides[arm].keys]
    evidence = next(iter(by_size.values())).evidence
    points = {size: infer(evidence, values) for size, values in found.items()}
    slope = infer(evidence, found[max(found)] - found[min(found)])
    paying = paying_up_to(pd.DataFrame(found), margin)
    if evidence.repetitions:
        paying = Paying(n=slope.n, reason="repetitions of cross-validation share their rows")
    told = [f"{brackets(d)} with {size}" for size, d in points.items()]
    sentence = (
        f"{budget_phrase(own_budget(evidence))}, {arm} gains over {base}, in points by minority rows: "
        f"{names(told)} ({behind(slope, evidence)}). It pays when it gains {margin:.2f} points: "
        f"{_reading(paying, min(found), max(found))}."
    )
    detail: dict[str, Any] = {"kind": "size", "arm": arm, "base": base, "paying": vars(paying)}
    detail["points"] = [{"size": size, **_part(d)} for size, d in points.items()]
    return answer_of(
        sentence, slope, own_budget(evidence), margin, cells=tuple(dict.fromkeys(keys)), detail=detail
    )


def _reading(paying: Paying, smallest: int, largest: int) -> str:
    """Up to which size it pays, or what is open."""
    if paying.reason is not None:
        return f"no answer; {paying.reason}"
    if paying.pays_first and paying.pays_last and paying.low is None and paying.high is None:
        return f"it does at every size from {smallest} to {largest}"
    if paying.pays_first is False and paying.pays_last is False and paying.size is None:
        return f"it does at no size from {smallest} to {largest}"
    if paying.size is None:
        return f"undecided between {smallest} and {largest} rows"
    low = f"below {smallest}" if paying.low is None else f"{paying.low:.0f}"
    high = f"beyond {largest}" if paying.high is None else f"{paying.high:.0f}"
    said = f"up to about {paying.size:.0f} minority rows (95 % CI {low} to {high})"
    return f"{said}, undecided" if paying.low is None or paying.high is None else said


def _part(d: Difference) -> dict[str, float | None]:
    low, high = d.interval() or (None, None)
    return {"estimate": d.estimate, "low": low, "high": high, "n": d.n}
