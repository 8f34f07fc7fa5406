"""The question of the winner: who it is, and four estimates of what it is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..analysis.evidence import Cell, Evidence
from ..analysis.optimism import bbc
from ..analysis.paired import Difference
from ..analysis.scores import Side, infer, own_budget, side_values, table
from .answer import Answer
from .compare import Reply, answer_of, basis, compare, not_applicable, ranked
from .naming import cell_label
from .sentences import budget_phrase

ADAPTIVE = "; an adaptive search proposed it on these scores, which is no ground for inference"
BASES = ("none", "logit_adjust")
STAGES = ("design", "exploit")
MISSING = {
    "cv": "no score on the folds",
    "bbc_cv": "no correction of the choice by BBC-CV",
    "confirm": "not confirmed on fresh draws",
    "test": "the test rows not read",
}
WORDS = {
    "cv": "on the folds",
    "bbc_cv": "on the folds corrected for the choice by BBC-CV",
    "confirm": "on fresh draws",
    "test": "on the test rows",
}


@dataclass(frozen=True)
class Score:
    """A score in per cent with its 95 % interval and the replicates behind it."""

    estimate: float
    low: float | None
    high: float | None
    n: int

    def text(self) -> str:
        """``81.20 [80.10, 82.30], n = 10``."""
        ends = "" if self.low is None or self.high is None else f" [{self.low:.2f}, {self.high:.2f}]"
        return f"{self.estimate:.2f}{ends}, n = {self.n}"


def answer_winner(evidence: Evidence, margin: float) -> Reply:
    """Name the cell that the folds choose and print its score by four estimates, side by side.

    These are the score on the folds, the same corrected for the choice by BBC-CV, the confirmation on
    fresh draws, and the test rows; what the sweep does not have is said to be missing.
    """
    own = own_budget(evidence)
    arms = dict.fromkeys(cell.arm for cell in evidence.cells if cell.stage in STAGES)
    cells = {cell.key: cell for arm in arms for cell in evidence.grid(arm, exploit=True)}
    order = ranked(evidence, own, [Side(cell_label(cell), (key,)) for key, cell in cells.items()])
    if len(order) < 2:
        return [not_applicable("Fewer than two cells have scores: nobody wins.", own, "winner")], []
    winner = cells[order[0].keys[0]]
    return [_estimates(evidence, winner, order, margin), *_against_bases(evidence, winner, margin)], []


def _estimates(evidence: Evidence, winner: Cell, order: Sequence[Side], margin: float) -> Answer:
    own, fresh = own_budget(evidence), _twin(evidence, winner)
    scores = {
        "cv": _mean(evidence, winner, "cv"),
        "bbc_cv": _corrected(evidence, order),
        "confirm": None if fresh is None else _mean(evidence, fresh),
        "test": _tested(evidence, [cell for cell in (winner, fresh) if cell is not None]),
    }
    told = [f"{score.text()} {WORDS[name]}" for name, score in scores.items() if score is not None]
    missing = [MISSING[name] for name, score in scores.items() if score is None]
    where = basis(evidence, own, order)
    sentence = (
        f"{budget_phrase(own)}, {order[0].label} wins among {len(order)} cells {where}"
        f"{ADAPTIVE if winner.stage == 'exploit' else ''}. Balanced accuracy in % with its 95 % CI: "
        f"{'; '.join([*told, *missing])}."
    )
    detail: dict[str, Any] = {"kind": "winner", "winner": order[0].label, "stage": winner.stage}
    detail |= {"cells_compared": len(order), "chosen": where, "adaptive": winner.stage == "exploit"}
    detail["estimates"] = {name: None if s is None else vars(s) for name, s in scores.items()}
    detail["settings"] = {winner.key: {"arm": winner.arm, **winner.knobs}}
    keys = (winner.key, *([] if fresh is None else [fresh.key]))
    answer = answer_of(sentence, Difference(None), own, margin, estimand="tuned", cells=keys, detail=detail)
    return replace(answer, verdict="not_applicable", unit="percent", **_headline(scores))


def _headline(scores: Mapping[str, Score | None]) -> dict[str, Any]:
    """The estimate that saw least of the choice: test, else confirmation, else BBC-CV, else the folds."""
    found = next((score for name in reversed(list(WORDS)) if (score := scores[name]) is not None), None)
    return {} if found is None else vars(found)


def _mean(evidence: Evidence, cell: Cell, measure: str = "score") -> Score | None:
    side = Side(cell.arm, (cell.key,), measure)
    return _score(infer(evidence, side_values(evidence, own_budget(evidence), [side])[0]))


def _score(d: Difference) -> Score | None:
    low, high = d.interval() or (None, None)
    return None if d.estimate is None else Score(d.estimate, low, high, d.n)


def _corrected(evidence: Evidence, order: Sequence[Side]) -> Score | None:
    """The winner's score on the folds without the optimism of the choice; needs independent replicates."""
    if evidence.repetitions:
        return None
    folds = [replace(side, measure="cv") for side in order]
    values = side_values(evidence, own_budget(evidence), folds)
    found = bbc(values, evidence.generator("winner", *(side.label for side in order[:1])))
    return None if found.corrected is None else Score(found.corrected, found.low, found.high, found.rows)


def _twin(evidence: Evidence, winner: Cell) -> Cell | None:
    """The same configuration on the fresh draws of the confirm stage."""
    same = [cell for cell in _confirmed(evidence) if cell.arm == winner.arm and cell.knobs == winner.knobs]
    return same[0] if same else None


def _confirmed(evidence: Evidence) -> list[Cell]:
    return [cell for cell in evidence.cells if cell.stage == "confirm" and not cell.nuisance]


def _tested(evidence: Evidence, cells: Sequence[Cell]) -> Score | None:
    """The score of the first of these cells that read the test rows."""
    on_test = replace(evidence, results=evidence.tested, tables={})
    for cell in cells:
        if (evidence.tested["trial_key"] == cell.key).any():
            return _score(infer(on_test, 100 * table(on_test, own_budget(evidence))[cell.key]))
    return None


def _against_bases(evidence: Evidence, winner: Cell, margin: float) -> list[Answer]:
    """The winner against the cheap baselines on fresh draws; nothing when these were not run."""
    fresh = _twin(evidence, winner)
    if fresh is None:
        return []
    side = Side(f"{cell_label(winner)} on fresh draws", (fresh.key,))
    bases = [cell for cell in _confirmed(evidence) if cell.arm in BASES and cell.key != fresh.key]
    return [
        compare(
            evidence,
            own_budget(evidence),
            (Side(f"{cell.arm} on fresh draws", (cell.key,)), side),
            margin,
            estimand="tuned",
            fresh=True,
        )
        for cell in bases
    ]
