"""The question of the winner: who it is, and four estimates of what it is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..analysis.evidence import Cell, Evidence
from ..analysis.optimism import bbc_cv
from ..analysis.paired import Difference
from ..analysis.scores import Side, infer, own_budget, side_values, table
from .answer import Answer
from .compare import ON_FOLDS, Reply, answer_of, basis, compare, generator, not_applicable, ranked
from .method import cell_label
from .sentences import behind, budget_phrase, level

ADAPTIVE = "the search proposed it on these scores: an adaptive choice, not for inference"
BASES = ("none", "logit_adjust")
STAGES = ("design", "exploit")


def answer_winner(evidence: Evidence, margin: float) -> Reply:
    """Name the cell that the folds choose and print its score by four estimates, side by side.

    These are the score on the folds, the same corrected for the choice by BBC-CV, the confirmation on
    fresh draws, and the test rows; what the sweep does not have is said to be missing.
    """
    own = own_budget(evidence)
    cells = _candidates(evidence)
    sides = [Side(cell_label(cell), (cell.key,)) for cell in cells]
    order = ranked(evidence, own, sides)
    if len(order) < 2:
        return [not_applicable("Fewer than two cells have scores: nobody wins.", own, "winner")], []
    winner = next(cell for cell in cells if cell.key == order[0].keys[0])
    answers = [_estimates(evidence, winner, order, margin)]
    answers += _against_bases(evidence, winner, margin)
    return answers, []


def _candidates(evidence: Evidence) -> list[Cell]:
    """Design and exploit cells of all arms that are not short of replicates."""
    arms = dict.fromkeys(cell.arm for cell in evidence.cells if cell.stage in STAGES)
    return [cell for arm in arms for cell in evidence.grid(arm, exploit=True)]


def _estimates(evidence: Evidence, winner: Cell, order: Sequence[Side], margin: float) -> Answer:
    own = own_budget(evidence)
    side = order[0]
    folds = infer(evidence, side_values(evidence, own, [replace(side, measure="cv")])[0])
    corrected = _corrected(evidence, order)
    fresh = _twin(evidence, winner)
    confirmed = None if fresh is None else _mean(evidence, fresh)
    tested = _tested(evidence, [cell for cell in (winner, fresh) if cell is not None])
    estimates = {"cv": folds, "bbc_cv": corrected, "confirm": confirmed, "test": tested}
    where = basis(evidence, own, order)
    found = "" if winner.stage == "design" else f"; {ADAPTIVE}"
    sentence = (
        f"{budget_phrase(own)}, {side.label} wins among {len(order)} cells {where}{found}. Balanced accuracy in "
        f"%: {level(folds)} on the folds; {_or(corrected, 'without BBC-CV')} corrected for the choice (BBC-CV); "
        f"{_or(confirmed, 'not confirmed')} on fresh draws; {_or(tested, 'not read')} on the test rows "
        f"({behind(folds, evidence)})."
    )
    detail: dict[str, Any] = {"kind": "winner", "winner": side.label, "stage": winner.stage}
    detail |= {"cells_compared": len(order), "chosen_on": "folds" if where == ON_FOLDS else "scores"}
    detail["adaptive"] = winner.stage == "exploit"
    detail["estimates"] = {name: None if d is None else _part(d) for name, d in estimates.items()}
    detail["settings"] = {winner.key: {"arm": winner.arm, **winner.knobs}}
    keys = (winner.key, *([fresh.key] if fresh is not None else []))
    none = Difference(None, n=folds.n)
    answer = answer_of(sentence, none, own, margin, estimand="tuned", cells=keys, detail=detail)
    return replace(answer, verdict="not_applicable", unit="percent", **_headline(estimates))


def _headline(estimates: dict[str, Difference | None]) -> dict[str, float | None]:
    """The estimate that saw least of the choice: test, else confirmation, else BBC-CV, else the folds."""
    for name in ("test", "confirm", "bbc_cv", "cv"):
        d = estimates[name]
        if d is not None and d.estimate is not None:
            low, high = d.interval() or (None, None)
            return {"estimate": d.estimate, "low": low, "high": high}
    return {"estimate": None, "low": None, "high": None}


def _corrected(evidence: Evidence, order: Sequence[Side]) -> Difference | None:
    """The winner's score on the folds without the optimism of the choice, in per cent."""
    raise NotImplementedError


def _twin(evidence: Evidence, winner: Cell) -> Cell | None:
    """The same configuration on the fresh draws of the confirm stage."""
    same = [
        cell
        for cell in evidence.cells
        if cell.stage == "confirm" and cell.arm == winner.arm and cell.knobs == winner.knobs and not cell.nuisance
    ]
    return same[0] if same else None


def _mean(evidence: Evidence, cell: Cell) -> Difference:
    return infer(evidence, side_values(evidence, own_budget(evidence), [Side(cell.arm, (cell.key,))])[0])


def _tested(evidence: Evidence, cells: Sequence[Cell]) -> Difference | None:
    """The first of these cells that read the test rows."""
    on_test = replace(evidence, results=evidence.tested, tables={})
    for cell in cells:
        if (evidence.tested["trial_key"] == cell.key).any():
            values = 100 * table(on_test, own_budget(evidence))[cell.key]
            return infer(evidence, values.dropna())
    return None


def _against_bases(evidence: Evidence, winner: Cell, margin: float) -> list[Answer]:
    """The winner against the cheap baselines on fresh draws; nothing when these were not run."""
    fresh = _twin(evidence, winner)
    if fresh is None:
        return []
    own = own_budget(evidence)
    side = Side(f"{cell_label(winner)} on fresh draws", (fresh.key,))
    bases = [
        cell
        for cell in evidence.cells
        if cell.stage == "confirm" and cell.arm in BASES and not cell.nuisance and cell.key != fresh.key
    ]
    return [
        compare(evidence, own, (Side(f"{cell.arm} on fresh draws", (cell.key,)), side), margin, estimand="tuned")
        for cell in bases
    ]


def _or(d: Difference | None, missing: str) -> str:
    return missing if d is None or d.estimate is None else level(d)


def _part(d: Difference) -> dict[str, float | None]:
    low, high = d.interval() or (None, None)
    return {"estimate": d.estimate, "low": low, "high": high, "n": d.n}
