"""Two sides compared at a training budget: the answer that all questions are built from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ..analysis.evidence import Evidence
from ..analysis.paired import Difference, Verdict
from ..analysis.posterior import posterior
from ..analysis.scores import Budget, Side, contrast, fold_means, table
from .answer import Answer
from .sentences import SLOT, behind, budget_phrase, effect, numbers_of

Reply = tuple[list[Answer], list[str]]  # answers and warnings
ON_FOLDS = "on the folds"


def compare(
    evidence: Evidence,
    budget: Budget,
    sides: tuple[Side, Side],
    margin: float,
    *,
    estimand: str = "default",
    **detail: Any,
) -> Answer:
    """Answer how the second side stands against the first one at a budget."""
    first, second = sides
    d = contrast(evidence, budget, first, second)
    text = effect(first.label, second.label, d, margin, evidence, SLOT)
    said, believed = _believed(evidence, second.label, d, margin)
    return answer_of(
        f"{budget_phrase(budget)}, {text}.{said}",
        d,
        budget,
        margin,
        estimand=estimand,
        cells=keys_of(sides),
        detail={"kind": "pair", "first": first.label, "second": second.label, **believed, **detail},
    )


def _believed(evidence: Evidence, second: str, d: Difference, margin: float) -> tuple[str, dict[str, Any]]:
    """The Bayesian correlated t test, where replicates are repetitions on the same rows."""
    found = posterior(d, margin) if evidence.repetitions else None
    if found is None:
        return "", {}
    text = (
        f" By the Bayesian correlated t test {second} is better by more than the margin with probability "
        f"{found.better:.3f}, within it {found.equivalent:.3f}, worse {found.worse:.3f}."
    )
    return text, {"posterior": asdict(found)}


def answer_of(
    sentence: str,
    d: Difference,
    budget: Budget,
    margin: float,
    *,
    estimand: str = "default",
    cells: tuple[str, ...] = (),
    detail: dict[str, Any] | None = None,
    verdict: Verdict | None = None,
) -> Answer:
    """An answer around a difference; its verdict is the difference's unless one is given."""
    low, high = d.interval() or (None, None)
    return Answer(
        sentence,
        d.estimate,
        low,
        high,
        d.n,
        verdict or d.verdict(margin),
        budget.name,
        estimand,
        cells,
        {**numbers_of(d, margin), "steps": budget.steps, **(detail or {})},
    )


def not_applicable(sentence: str, budget: Budget, kind: str) -> Answer:
    """An answer that says why there is none."""
    return Answer(sentence, None, None, None, 0, "not_applicable", budget.name, "default", (), {"kind": kind})


def keys_of(sides: Sequence[Side]) -> tuple[str, ...]:
    """Trial keys of all sides, each once."""
    return tuple(dict.fromkeys(key for side in sides for key in side.keys))


def ranked(evidence: Evidence, budget: Budget, sides: Sequence[Side]) -> list[Side]:
    """Sides from the best to the worst by their mean on what ``basis`` names; ties keep their order."""
    means = fold_means(evidence, budget, sides)
    if basis(evidence, budget, sides) != ON_FOLDS:
        means = tuple(
            float(table(evidence, budget, s.measure).reindex(columns=list(s.keys)).mean(axis=1).mean())
            for s in sides
        )
    scores = {id(side): mean for side, mean in zip(sides, means, strict=True)}
    known = [side for side in sides if scores[id(side)] == scores[id(side)]]
    return sorted(known, key=lambda side: -scores[id(side)])


def basis(evidence: Evidence, budget: Budget, sides: Sequence[Side]) -> str:
    """What sides are ranked on: the folds, or the compared scores where the folds say nothing."""
    means = fold_means(evidence, budget, sides)
    return ON_FOLDS if all(mean == mean for mean in means) else "on the compared scores themselves"


def settings_of(evidence: Evidence, sides: Sequence[Side]) -> dict[str, dict[str, Any]]:
    """Arm and knobs of every cell of some sides, by trial key."""
    keys = set(keys_of(sides))
    return {cell.key: {"arm": cell.arm, **cell.knobs} for cell in evidence.cells if cell.key in keys}


def indistinct(evidence: Evidence, budget: Budget, leader: Side, others: Sequence[Side]) -> list[Side]:
    """The others whose 95 % interval of the difference to the leader includes 0 or does not exist."""
    return [o for o in others if not contrast(evidence, budget, leader, o).excludes_zero()]


def proof_of(d: Difference, evidence: Evidence) -> str:
    """What stands behind a difference, in words."""
    return behind(d, evidence)
