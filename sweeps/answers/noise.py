"""The noise floor: what clones differ by, where noise comes from, and what this run can detect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import pandas as pd

from ..analysis.components import Components, noise_floor, variance_components
from ..analysis.evidence import Cell, Evidence
from ..analysis.paired import Difference
from ..analysis.scores import Side, contrast, own_budget, side_values
from .answer import Answer
from .compare import Reply, answer_of, compare, not_applicable, proof_of
from .method import baseline_pairs, default_sides
from .naming import cell_label
from .sentences import budget_phrase, detectable, names

POWER = 80  # per cent: probability with which a detectable difference is seen


def answer_noise(evidence: Evidence, margin: float) -> Reply:
    """Print what the design can detect, the spread of clones, and that clones are not told apart."""
    own = own_budget(evidence)
    answers = _detects(evidence, margin)
    clones = _clones(evidence)
    answers += _floor(evidence, clones, margin)
    for cells in clones.values():
        sides = [Side(f"clone {cell.nuisance} of {cell_label(cell)}", (cell.key,)) for cell in cells]
        answers += [
            compare(evidence, own, pair, margin, kind="clones", family="A/A")
            for pair in combinations(sides, 2)
        ]
    if not answers:
        return [not_applicable("Nothing to compare: this sweep has one arm and no clones.", own, "noise")], []
    main = "imbalance" not in dict(evidence.cells[0].context)  # other sizes have no clones of their own
    missing = ["no A/A clones in this sweep: its noise floor is not measured"]
    return answers, missing if main and not clones else []


def _clones(evidence: Evidence) -> dict[str, list[Cell]]:
    """Settings with two cells or more that differ in their own random numbers alone."""
    groups: dict[tuple[Any, ...], list[Cell]] = {}
    for cell in evidence.cells:
        if cell.stage in ("design", "control"):
            groups.setdefault((cell.arm, tuple(sorted(cell.knobs.items()))), []).append(cell)
    several = [sorted(cells, key=lambda cell: cell.nuisance) for cells in groups.values() if len(cells) > 1]
    return {cell_label(cells[0]): cells for cells in several}


def _detects(evidence: Evidence, margin: float) -> list[Answer]:
    """The range of what can be detected between each arm and the cheap baselines."""
    sides, own = default_sides(evidence), own_budget(evidence)
    pairs = {f"{b.label} against {a.label}": contrast(evidence, own, a, b) for a, b in baseline_pairs(sides)}
    sizes = {name: size for name, d in pairs.items() if (size := detectable(d)) is not None}
    if not sizes:
        return []
    least, most = min(sizes, key=lambda name: sizes[name]), max(sizes, key=lambda name: sizes[name])
    d = pairs[most]
    enough = "at most" if sizes[most] <= margin else "more than"
    sentence = (
        f"{budget_phrase(own)}, this run detects, with a probability of {POWER} %, a difference of "
        f"{sizes[least]:.2f} points ({least}) to {sizes[most]:.2f} points ({most}), {enough} the margin of "
        f"{margin:.2f} ({proof_of(d, evidence)})."
    )
    detail = {"kind": "detectable", "power": POWER, "differences": sizes, "values": d.values}
    return [
        _no_verdict(
            answer_of(sentence, Difference(None, n=d.n), own, margin, detail={**detail, "margin": margin})
        )
    ]


def _no_verdict(answer: Answer) -> Answer:
    return Answer(**{**vars(answer), "verdict": "not_applicable"})


def _floor(evidence: Evidence, clones: Mapping[str, Sequence[Cell]], margin: float) -> list[Answer]:
    """The spread of clones, and what the draw and their own random numbers add to it."""
    own = own_budget(evidence)
    tables = {name: _table(evidence, cells) for name, cells in clones.items()}
    floor = noise_floor(list(tables.values()))
    if floor.sd is None:
        return []
    sources = {name: _sources(values) for name, values in tables.items()}
    told = [
        f"{name}: {', '.join(f'{c.source} {c.sd:.2f} [{c.low:.2f}, {c.high:.2f}]' for c in found.components)}"
        for name, found in sources.items()
        if found.components
    ]
    parts = f" Standard deviations in points by source, {'; '.join(told)}." if told else ""
    sentence = (
        f"{budget_phrase(own)}, two runs of one setting on one draw differ with a standard deviation of "
        f"{floor.sd:.2f} points [{floor.low:.2f}, {floor.high:.2f}] ({floor.n} replicates; clones of "
        f"{names(clones)}).{parts}"
    )
    detail: dict[str, Any] = {"kind": "floor", "floor": vars(floor), "clones": list(clones)}
    detail["sources"] = {name: [vars(c) for c in found.components] for name, found in sources.items()}
    keys = tuple(cell.key for cells in clones.values() for cell in cells)
    answer = answer_of(sentence, Difference(None, n=floor.n), own, margin, cells=keys, detail=detail)
    return [_no_verdict(answer)]


def _table(evidence: Evidence, cells: Sequence[Cell]) -> pd.DataFrame:
    own = own_budget(evidence)
    return side_values(evidence, own, [Side(cell.arm, (cell.key,)) for cell in cells]).dropna()


def _sources(values: pd.DataFrame) -> Components:
    """What the draw adds, and what the random numbers of the cell itself add."""
    if values.index.nlevels > 1:
        return Components(reason="repetitions share their rows")
    index = pd.MultiIndex.from_product([values.index, values.columns], names=["draw", "own randomness"])
    return variance_components(pd.Series(values.to_numpy().ravel(), index=index))
