"""A sweep against a second one: the same arms and cells, and whether gains are the same there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from synaug.errors import Exit, Problem, SynaugError

from ..analysis.evidence import Cell, Evidence
from ..analysis.paired import Difference
from ..analysis.scores import Side, infer, own_budget, side_values
from ..analysis.unpaired import independent
from .answer import Answer
from .compare import Reply, answer_of, not_applicable
from .naming import cell_label
from .sentences import SLOT, budget_phrase, effect
from .transfer import Setting, transfers
from .two import cell_of

COMPARED = ("method", "classifier", "imbalance", "size")  # questions that take a second sweep
DRAWS = ("data_digest", "seed", "sizes", "folds", "inference")  # when equal, replicates are the same draws


@dataclass(frozen=True)
class _Both:
    """A context of each of two sweeps, and whether their replicates are the same draws."""

    first: Setting
    second: Setting
    same_draws: bool


def answer_against(evidence: Evidence, other: Evidence, question: str, margin: float) -> Reply:
    """Compare two sweeps: each arm that both have, then whether its gain is the same; or one cell.

    Args:
        evidence: the sweep that was asked.
        other: the sweep to compare with.
        question: one of ``COMPARED``, or the first characters of a trial key of the first sweep.
        margin: points that count as a difference that matters.

    Raises:
        SynaugError: the second sweep has no such cell (exit 2).
    """
    both = _matched(evidence, other)
    if question not in COMPARED:
        return _one_cell(evidence, both, question, margin), _draws(both)
    answers: list[Answer] = []
    for pair in both:
        answers += [_arm(pair, arm, margin) for arm in _shared(pair)] if question == "method" else []
        answers += transfers(pair.first, pair.second, margin, same_draws=pair.same_draws, what="sweep")
    if answers:
        return answers, _draws(both)
    text = "The two sweeps have no arms in common that can be compared."
    return [not_applicable(text, own_budget(evidence), "against")], []


def _draws(both: list[_Both]) -> list[str]:
    if all(pair.same_draws for pair in both):
        return []
    return ["the sweeps do not share their draws: their replicates are not paired"]


def _matched(evidence: Evidence, other: Evidence) -> list[_Both]:
    """Contexts that are the same in both sweeps, else that differ in what the fewest fields say."""
    names = _names(evidence, other)
    same = all(
        evidence.header.get(name) is not None and evidence.header.get(name) == other.header.get(name)
        for name in DRAWS
    )
    found = []
    for part in evidence.contexts():
        here = dict(part.cells[0].context)
        match = min(other.contexts(), key=lambda p: _apart(here, dict(p.cells[0].context)), default=None)
        if match is not None:
            paired = same and here.get("imbalance") == dict(match.cells[0].context).get("imbalance")
            found.append(_Both(Setting(names[0], part), Setting(names[1], match), paired))
    return found


def _apart(here: dict[str, Any], there: dict[str, Any]) -> int:
    return sum(here.get(name) != there.get(name) for name in {**here, **there})


def _names(evidence: Evidence, other: Evidence) -> tuple[str, str]:
    names = [str(e.header.get("sweep", "")) for e in (evidence, other)]
    return (names[0], names[1]) if names[0] != names[1] and all(names) else ("the first", "the second")


def _shared(pair: _Both) -> list[str]:
    return [arm for arm in pair.first.evidence.arms if arm in pair.second.evidence.arms]


def _arm(pair: _Both, arm: str, margin: float) -> Answer:
    """An arm's default cell in both sweeps."""
    cells = [setting.evidence.default(arm) for setting in (pair.first, pair.second)]
    assert cells[0] is not None
    assert cells[1] is not None
    return _cells(pair, cells[0], cells[1], margin)


def _one_cell(evidence: Evidence, both: list[_Both], prefix: str, margin: float) -> list[Answer]:
    cell = cell_of(evidence, prefix)
    assert cell is not None
    pair = next(p for p in both if cell in p.first.evidence.cells)
    there = pair.second.evidence.cells
    same = [c for c in there if (c.arm, dict(c.knobs), c.stage) == (cell.arm, dict(cell.knobs), cell.stage)]
    if not same:
        text = f"{pair.second.label} has no results of {cell_label(cell)}"
        raise SynaugError(Problem(text, "--against", "run that cell there"), Exit.USAGE)
    return [_cells(pair, cell, same[0], margin)]


def _cells(pair: _Both, one: Cell, two: Cell, margin: float) -> Answer:
    """One cell of each sweep: paired where both have the same draws."""
    own = own_budget(pair.first.evidence)
    settings = (pair.first, pair.second)
    labels = [f"{cell_label(c)} in {s.label}" for c, s in zip((one, two), settings, strict=True)]
    values = [
        side_values(setting.evidence, own, [Side(label, (cell.key,))])[0]
        for setting, cell, label in zip(settings, (one, two), labels, strict=True)
    ]
    means = [infer(s.evidence, v) for s, v in zip(settings, values, strict=True)]
    paired = infer(pair.first.evidence, values[1] - values[0])
    d = paired if pair.same_draws else independent(*means)
    text = effect(labels[0], labels[1], d, margin, pair.first.evidence, SLOT)
    detail: dict[str, Any] = {"kind": "against", "first": labels[0], "second": labels[1]}
    detail |= {"paired": pair.same_draws, "means": [_part(mean) for mean in means]}
    keys = (one.key, two.key)
    return answer_of(f"{budget_phrase(own)}, {text}.", d, own, margin, cells=keys, detail=detail)


def _part(d: Difference) -> dict[str, float | None]:
    low, high = d.interval() or (None, None)
    return {"estimate": d.estimate, "low": low, "high": high, "n": d.n}
