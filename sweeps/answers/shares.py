"""Variance shares of a factorial: what an axis explains, beside what noise alone would."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import product
from typing import Any

from ..analysis.evidence import Cell, Evidence
from ..analysis.families import adjusted_p
from ..analysis.jackknife import FEWEST
from ..analysis.paired import Difference
from ..analysis.scores import Budget
from ..analysis.variance import Share, VarianceShares, variance_shares
from ..comparisons import KNOBS
from .answer import Answer
from .compare import answer_of, not_applicable
from .second import Crossed, second
from .sentences import FLOOR, budget_phrase, names

FEWEST_KNOBS = 2  # with one, all that is explained is that knob's
FEWEST_LEVELS = 2
NONE = "no_shares"  # the kind of the answer that says why there are none


def shares_of(evidence: Evidence, budget: Budget, arm: str, knob: str, margin: float) -> list[Answer]:
    """Say what a knob explains within an arm and in interaction; empty where ``lacking`` says why."""
    crossed = Crossed(f"within {arm}", arm, tuple(factorial(evidence.grid(arm))))
    if lacking(evidence, arm) is not None or not crossed.cells:
        return []
    return explained(evidence, budget, crossed, knob, margin)


def explained(evidence: Evidence, budget: Budget, crossed: Crossed, axis: str, margin: float) -> list[Answer]:
    """Say what an axis of a crossing explains, alone and with each other axis; then the second view."""
    found: VarianceShares = evidence.once(
        ("shares", crossed.name, budget), lambda: _shares(evidence, budget, crossed)
    )
    if found.reason is not None or not any(share.axes == (axis,) for share in found.shares):
        return []
    mains = {share.name: share.p for share in found.shares if len(share.axes) == 1 and share.p is not None}
    corrected = adjusted_p(mains)
    said = [share for share in found.shares if axis in share.axes and len(share.axes) <= 2]
    answers = [_share(share, found, crossed, budget, margin, corrected) for share in said]
    return answers + second(evidence, budget, crossed, axis, margin)


def lacking(evidence: Evidence, arm: str) -> str | None:
    """What keeps an arm's knobs from having shares, with what to run; None where nothing does.

    An arm with one swept knob needs none: all that is explained is that knob's.
    """
    cells = evidence.grid(arm)
    swept = [knob for knob in dict.fromkeys(n for c in cells for n in c.knobs) if _levels(cells, knob) > 1]
    if len(swept) < FEWEST_KNOBS:
        return None
    if evidence.repetitions:
        return "repetitions share their rows, and shares need independent replicates: induce the imbalance"
    if not factorial(cells):
        return "the design does not cross their levels: sweep again with design: factorial"
    count = evidence.results[evidence.results["trial_key"].isin([c.key for c in cells])][
        "replicate"
    ].nunique()
    if count < FEWEST:
        return f"shares need {FEWEST} replicates: extend the sweep with --extend replicates={FEWEST}"
    return None


def _unexplained(arms: Sequence[str], budget: Budget, reason: str) -> str:
    what = f"how much of the variance each knob of {names(arms)} explains"
    return f"{budget_phrase(budget)}, {what} has no answer: {reason}."


def no_shares(evidence: Evidence, budget: Budget) -> list[Answer]:
    """One sentence for all arms whose knobs have no shares for the same reason."""
    why: dict[str, list[str]] = {}
    for arm in evidence.arms:
        if (reason := lacking(evidence, arm)) is not None:
            why.setdefault(reason, []).append(arm)
    return [
        replace(
            not_applicable(_unexplained(arms, budget, reason), budget, NONE),
            detail={"kind": NONE, "arms": arms, "reason": reason},
        )
        for reason, arms in why.items()
    ]


def arm_by_ratio(evidence: Evidence, budget: Budget, margin: float) -> list[Answer]:
    """What the arm explains beside the ratio, the one axis that arms share; empty without their crossing.

    Every arm stands at its default knobs: k, metric and latent are no axes of all arms.
    """
    ratios: dict[str, dict[Any, Cell]] = {}
    for arm in evidence.arms:
        default = evidence.default(arm)
        if default is None or "ratio" not in default.knobs:
            continue
        others = {**default.knobs, "ratio": None}
        alike = [cell for cell in evidence.grid(arm) if {**cell.knobs, "ratio": None} == others]
        ratios[arm] = {cell.knobs["ratio"]: cell for cell in alike}
    several = {arm: found for arm, found in ratios.items() if len(found) > 1}
    common = set.intersection(*(set(found) for found in several.values())) if len(several) > 1 else set()
    if len(common) < FEWEST_LEVELS or evidence.repetitions:
        return []
    cells = tuple(found[ratio] for found in several.values() for ratio in sorted(common))
    where = f"over {names(several)} at their default knobs and ratios {names(sorted(common))} %"
    return explained(evidence, budget, Crossed(where, "arms", cells, with_arm=True), "arm", margin)


def _levels(cells: Sequence[Cell], knob: str) -> int:
    return len({cell.knobs[knob] for cell in cells if knob in cell.knobs})


def factorial(cells: Sequence[Cell]) -> list[Cell]:
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


def _shares(evidence: Evidence, budget: Budget, crossed: Crossed) -> VarianceShares:
    random = evidence.generator("shares", crossed.name, str(budget))
    return variance_shares(crossed.values(evidence, budget), crossed.axes, random)


def _share(
    share: Share,
    found: VarianceShares,
    crossed: Crossed,
    budget: Budget,
    margin: float,
    corrected: dict[str, float],
) -> Answer:
    numbers = _numbers(share, found, corrected)
    what = names(share.axes).replace(", ", " x ")
    what = f"the interaction {what}" if len(share.axes) > 1 else what
    sentence = f"{budget_phrase(budget)}, {crossed.where}, {_clause(what, numbers)}."
    detail: dict[str, Any] = {"kind": "share", "arm": crossed.name, "knob": share.name, **numbers}
    detail["where"] = crossed.where
    detail["shares"] = [asdict(other) for other in found.shares]
    answer = answer_of(
        sentence,
        Difference(None, n=found.n),
        budget,
        margin,
        estimand="average",
        cells=crossed.keys,
        detail=detail,
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
