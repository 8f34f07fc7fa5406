"""Two cells of one sweep compared, each named by the first characters of its trial key."""

from __future__ import annotations

from typing import Any

from synaug.errors import Exit, Problem, SynaugError

from ..analysis.evidence import Cell, Evidence
from ..analysis.paired import Difference
from ..analysis.scores import Budget, Side, common_budgets, contrast, infer, own_budget, side_values
from ..analysis.unpaired import independent
from .answer import Answer
from .compare import answer_of, keys_of
from .naming import cell_label
from .sentences import SLOT, budget_phrase, effect

SHOWN = 5  # keys in an error message


def cell_of(evidence: Evidence, prefix: str) -> Cell | None:
    """The cell whose trial key begins with ``prefix``; None when there is none.

    Raises:
        SynaugError: several cells begin so (exit 2).
    """
    found = [cell for cell in evidence.cells if cell.key.startswith(prefix)]
    exact = [cell for cell in found if cell.key == prefix]
    if len(found) > 1 and not exact:
        keys = ", ".join(cell.key for cell in found[:SHOWN])
        text = f"{len(found)} cells have a trial key that begins with {prefix!r}: {keys}"
        raise SynaugError(Problem(text, "cell", "give more characters"), Exit.USAGE)
    return next(iter(exact or found), None)


def answer_two(evidence: Evidence, first: str, second: str | None, margin: float) -> list[Answer]:
    """Compare two cells; one alone is compared with none of its context.

    Raises:
        SynaugError: there is no such cell (exit 2).
    """
    one = _require(evidence, first)
    if second is None:
        base = _part(evidence, one).default("none")
        if base is None or base.key == one.key:
            fix = "give the trial key of a second cell"
            raise SynaugError(
                Problem(f"{one.key} has no other cell of none beside it", "cell", fix), Exit.USAGE
            )
        one, two = base, one
    else:
        two = _require(evidence, second)
    if one.key == two.key:
        raise SynaugError(Problem(f"{first} and {second} are the same cell", "cell"), Exit.USAGE)
    return _compared(evidence, one, two, margin)


def _require(evidence: Evidence, prefix: str) -> Cell:
    cell = cell_of(evidence, prefix)
    if cell is None:
        fix = "the trial keys stand in the ledger, in MLflow and in the report"
        raise SynaugError(
            Problem(f"no cell with results has a trial key {prefix}...", "cell", fix), Exit.USAGE
        )
    return cell


def _part(evidence: Evidence, cell: Cell) -> Evidence:
    return next(part for part in evidence.contexts() if part.cells[0].context == cell.context)


def _compared(evidence: Evidence, one: Cell, two: Cell, margin: float) -> list[Answer]:
    parts = (_part(evidence, one), _part(evidence, two))
    own = own_budget(parts[0])
    budgets = [(own, "score"), (own, "adjusted")]
    shared = set(parts[0].rungs) & set(parts[1].rungs)
    budgets += [(budget, "score") for budget in common_budgets(parts[0]) if budget.steps in shared]
    answers = [_pair(evidence, (one, two), budget, measure, margin) for budget, measure in budgets]
    return [answer for answer in answers if answer is not None]


def _pair(
    evidence: Evidence, cells: tuple[Cell, Cell], budget: Budget, measure: str, margin: float
) -> Answer | None:
    sides = _sides(cells, measure)
    d = difference(evidence, cells, budget, sides)
    if d.estimate is None and (measure != "score" or budget.name == "common"):
        return None
    text = effect(sides[0].label, sides[1].label, d, margin, evidence, SLOT)
    said = " with every threshold moved by the prior" if measure == "adjusted" else ""
    detail: dict[str, Any] = {"kind": "cells", "measure": measure}
    detail |= {"first": sides[0].label, "second": sides[1].label}
    detail["settings"] = {cell.key: {**dict(cell.context), "arm": cell.arm, **cell.knobs} for cell in cells}
    return answer_of(
        f"{budget_phrase(budget)}{said}, {text}.",
        d,
        budget,
        margin,
        estimand="cells",
        cells=keys_of(sides),
        detail=detail,
    )


def _sides(cells: tuple[Cell, Cell], measure: str) -> tuple[Side, Side]:
    """Labels tell the cells apart: by what differs in their contexts and stages, else by their keys."""
    one, two = cells
    labels = [cell_label(cell) for cell in cells]
    contexts = [{**dict(cell.context), "stage": cell.stage} for cell in cells]
    telling = [name for name in contexts[0] if contexts[0][name] != contexts[1].get(name)]
    if telling:
        words = [", ".join(f"{name} {c.get(name)}" for name in telling) for c in contexts]
        labels = [f"{label} [{word}]" for label, word in zip(labels, words, strict=True)]
    if labels[0] == labels[1]:
        labels = [f"{label} {cell.key}" for label, cell in zip(labels, cells, strict=True)]
    return Side(labels[0], (one.key,), measure), Side(labels[1], (two.key,), measure)


def difference(
    evidence: Evidence, cells: tuple[Cell, Cell], budget: Budget, sides: tuple[Side, Side]
) -> Difference:
    """Second less first: paired where both have the same data and draws, else not."""
    data = {dict(cell.context).get("data") for cell in cells}
    fresh = {cell.stage == "confirm" for cell in cells}
    if len(data) == len(fresh) == 1:
        return contrast(evidence, budget, *sides)
    one, two = (infer(evidence, side_values(evidence, budget, [side])[0]) for side in sides)
    return independent(one, two)
