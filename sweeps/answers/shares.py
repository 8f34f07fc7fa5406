"""Variance shares of an arm's factorial: what a knob explains, beside what noise alone would."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import asdict, replace
from itertools import product
from typing import Any

from ..analysis.evidence import Cell, Evidence
from ..analysis.families import adjusted_p
from ..analysis.paired import Difference
from ..analysis.scores import Budget, Side, side_values
from ..analysis.variance import Share, VarianceShares, variance_shares
from ..comparisons import KNOBS
from .answer import Answer
from .compare import answer_of
from .families import FLOOR
from .sentences import budget_phrase, names

FEWEST_KNOBS = 2  # with one, all that is explained is that knob's


def shares_of(evidence: Evidence, budget: Budget, arm: str, knob: str, margin: float) -> list[Answer]:
    """Say what a knob explains within an arm and in interaction; empty without a balanced factorial."""
    cells = _factorial(evidence.grid(arm))
    if evidence.repetitions or not cells:
        return []
    found: VarianceShares = evidence.once(
        ("shares", arm, budget), lambda: _shares(evidence, budget, cells, arm)
    )
    if found.reason is not None or not any(share.axes == (knob,) for share in found.shares):
        return []
    mains = {share.name: share.p for share in found.shares if len(share.axes) == 1 and share.p is not None}
    corrected = adjusted_p(mains)
    said = [share for share in found.shares if knob in share.axes and len(share.axes) <= 2]
    return [_share(share, found, arm, budget, margin, corrected, cells) for share in said]


def _factorial(cells: Sequence[Cell]) -> list[Cell]:
    """The cells of the crossing of their levels, without a default cell that stands beside it."""
    for kept in (list(cells), list(cells)[1:]):
        knobs = list(kept[0].knobs) if kept else []
        if any(set(cell.knobs) != set(knobs) for cell in kept):
            continue
        levels = [sorted({cell.knobs[knob] for cell in kept}, key=str) for knob in knobs]
        places = {tuple(cell.knobs[knob] for knob in knobs) for cell in kept}
        swept = sum(len(values) > 1 for values in levels)
        if swept >= FEWEST_KNOBS and places == set(product(*levels)) and len(places) == len(kept):
            return kept
    return []


def _shares(evidence: Evidence, budget: Budget, cells: Sequence[Cell], arm: str) -> VarianceShares:
    values = side_values(evidence, budget, [Side(cell.key, (cell.key,)) for cell in cells])
    axes: dict[Hashable, dict[str, Any]] = {i: dict(cell.knobs) for i, cell in enumerate(cells)}
    return variance_shares(values, axes, evidence.generator("shares", arm, str(budget)))


def _share(
    share: Share,
    found: VarianceShares,
    arm: str,
    budget: Budget,
    margin: float,
    corrected: dict[str, float],
    cells: Sequence[Cell],
) -> Answer:
    numbers = _numbers(share, found, corrected)
    what = names(share.axes).replace(", ", " x ")
    what = f"the interaction {what}" if len(share.axes) > 1 else what
    sentence = f"{budget_phrase(budget)}, within {arm}, {_clause(what, numbers)}."
    detail: dict[str, Any] = {"kind": "share", "arm": arm, "knob": share.name, **numbers}
    detail["shares"] = [asdict(other) for other in found.shares]
    keys = tuple(cell.key for cell in cells)
    answer = answer_of(
        sentence, Difference(None, n=found.n), budget, margin, estimand="average", cells=keys, detail=detail
    )
    ends = {"estimate": numbers["share"], "low": numbers["share_low"], "high": numbers["share_high"]}
    return replace(answer, verdict="not_applicable", unit="percent", **ends)


def _numbers(share: Share, found: VarianceShares, corrected: dict[str, float]) -> dict[str, Any]:
    def percent(value: float | None) -> float | None:
        return None if value is None else 100 * value

    return {
        "share": percent(share.share),
        "share_low": percent(share.low),
        "share_high": percent(share.high),
        "null": percent(share.null),
        "explainable": percent(found.explainable),
        "explainable_low": percent(found.low),
        "explainable_high": percent(found.high),
        "p": share.p,
        "p_adjusted": corrected.get(share.name),
        "p_floor": FLOOR,
        "family": KNOBS,
        "family_size": len(corrected),
        "cells_compared": found.cells,
        "replicates": found.n,
    }


def _clause(what: str, n: dict[str, Any]) -> str:
    """What is explained, or that nothing is told from noise."""
    behind = f"{n['cells_compared']} cells x {n['replicates']} replicates"
    if n["share"] is None or n["null"] is None:
        return f"the cells differ by no more than noise, so that {what} explains nothing ({behind})"
    part = f"{n['share']:.1f} % [{n['share_low']:.1f}, {n['share_high']:.1f}]"
    whole = f"{n['explainable']:.1f} % [{n['explainable_low']:.1f}, {n['explainable_high']:.1f}]"
    return (
        f"{what} explains {part} of the explainable variance ({whole} of the total; the rest is noise); null "
        f"band {n['null']:.1f} % ({behind}{_p_text(n)})"
    )


def _p_text(n: dict[str, Any]) -> str:
    p = n["p_adjusted"]
    if p is None:
        return f"; permutation p = {n['p']:.3f}, not corrected" if n["p"] is not None else ""
    value = f"< {FLOOR:.3f}" if p < FLOOR else f"= {p:.3f}"
    return f"; permutation Holm p {value} in family {n['family']} of {n['family_size']}"
