"""A sweep against a second one: the same arms and cells, and whether gains are the same there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from synaug.errors import Exit, Problem, SynaugError

from ..analysis.evidence import CONTEXT, Cell, Evidence
from ..analysis.paired import Difference
from ..analysis.scores import Side, infer, own_budget, side_values
from ..analysis.unpaired import independent
from .answer import Answer
from .compare import Reply, answer_of, not_applicable
from .naming import cell_label, context_value, context_words, telling_context
from .sentences import SLOT, budget_phrase, effect
from .transfer import Setting, transfers
from .two import cell_of

COMPARED = ("method", "classifier", "encoder", "imbalance", "size")  # questions that take a second sweep
DRAWS = ("data_digest", "seed", "sizes", "folds", "inference")  # when equal, replicates are the same draws


@dataclass(frozen=True)
class _Both:
    """A context of each of two sweeps, whether replicates are the same draws, and what it is called."""

    first: Setting
    second: Setting
    same_draws: bool
    words: str


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
        said = [_arm(pair, arm, margin) for arm in _shared(pair)] if question == "method" else []
        said += transfers(pair.first, pair.second, margin, same_draws=pair.same_draws, what="sweep")
        answers += [_in_context(answer, pair) for answer in said]
    if answers:
        return answers, _draws(both)
    text = "The two sweeps have no arms in common that can be compared."
    return [not_applicable(text, own_budget(evidence), "against")], []


def _draws(both: list[_Both]) -> list[str]:
    if all(pair.same_draws for pair in both):
        return []
    return ["the sweeps do not share their draws: their replicates are not paired"]


def _matched(evidence: Evidence, other: Evidence) -> list[_Both]:
    """Pairs of contexts, those that differ in the fewest fields first; each context once."""
    names = _names(evidence, other)
    same = all(
        evidence.header.get(name) is not None and evidence.header.get(name) == other.header.get(name)
        for name in DRAWS
    )
    parts = evidence.contexts()
    left, right = list(parts), list(other.contexts())
    found = []
    while left and right:
        here, there = min(product(left, right), key=_apart)
        left.remove(here)
        right.remove(there)
        paired = same and context_value(here, "imbalance") == context_value(there, "imbalance")
        words = context_words(telling_context(here, parts))
        found.append(_Both(Setting(names[0], here), Setting(names[1], there), paired, words))
    return found


def _apart(pair: tuple[Evidence, Evidence]) -> int:
    return sum(context_value(pair[0], name) != context_value(pair[1], name) for name in CONTEXT)


def _names(evidence: Evidence, other: Evidence) -> tuple[str, str]:
    names = [str(e.header.get("sweep", "")) for e in (evidence, other)]
    return (names[0], names[1]) if names[0] != names[1] and all(names) else ("the first", "the second")


def _in_context(answer: Answer, pair: _Both) -> Answer:
    if not pair.words:
        return answer
    sentence = f"[{pair.words}] {answer.sentence}"
    return replace(answer, sentence=sentence, detail={**answer.detail, "context": pair.words})


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
    pair = next((p for p in both if cell in p.first.evidence.cells), None)
    there = () if pair is None else pair.second.evidence.cells
    same = [c for c in there if (c.arm, dict(c.knobs), c.stage) == (cell.arm, dict(cell.knobs), cell.stage)]
    if pair is None or not same:
        text = f"the second sweep has no results of {cell_label(cell)}"
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
