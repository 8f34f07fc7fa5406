"""Ask a ledger a question: sentences with intervals, and what to keep in mind with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from synaug.errors import Exit, Problem, SynaugError, did_you_mean

from ..analysis.evidence import Evidence, gather
from ..analysis.paired import MARGIN
from ..analysis.records import Line
from ..analysis.scores import Budget
from .answer import Answer, Answers
from .budget import answer_budget
from .compare import Reply, not_applicable
from .knob import answer_knob
from .method import answer_method

QUESTIONS = ("method", "ratio", "k", "metric", "latent", "budget")
OVERLAP = 0.05  # share of rows that two replicates may have in common before the answers say so


def ask(lines: Sequence[Line], question: str, margin: float = MARGIN) -> Answers:
    """Answer a question from ledger lines, also hand-made ones with result lines alone.

    Args:
        lines: lines of the ledger as mappings; kinds other than sweep, start, result and cell are ignored.
        question: method, budget, or a knob: ratio, k, metric, latent, or any other knob of the sweep.
        margin: points of balanced accuracy that count as a difference that matters.

    Raises:
        SynaugError: an unknown question (exit 2), or lines that cannot be read (exit 4).
    """
    evidence = gather(lines)
    answer = _answerer(evidence, question, margin)
    parts = evidence.contexts()
    if not parts:
        text = "This ledger holds no result with a score; run the sweep first."
        return Answers(question, (not_applicable(text, Budget("default"), "summary"),), _warnings(evidence))
    answers: list[Answer] = []
    warnings: list[str] = []
    for part in parts:
        said, more = answer(part)
        answers += said if len(parts) == 1 else [_in_context(a, part, parts) for a in said]
        warnings += more
    return Answers(question, tuple(answers), (*dict.fromkeys(warnings), *_warnings(evidence)))


def _answerer(evidence: Evidence, question: str, margin: float) -> Callable[[Evidence], Reply]:
    if question == "method":
        return lambda part: answer_method(part, margin)
    if question == "budget":
        return lambda part: answer_budget(part, margin)
    knobs = dict.fromkeys(name for cell in evidence.cells for name in cell.knobs)
    known = tuple(dict.fromkeys((*QUESTIONS, *knobs)))
    if question not in known:
        hint = did_you_mean(question, known)
        raise SynaugError(
            Problem(f"unknown question {question!r}{hint}", "question", f"ask one of {', '.join(known)}"),
            Exit.USAGE,
        )
    return lambda part: answer_knob(part, question, margin)


def _in_context(answer: Answer, part: Evidence, parts: Sequence[Evidence]) -> Answer:
    """Put what tells this context from the others before the sentence."""
    here = dict(part.cells[0].context)
    others = [dict(other.cells[0].context) for other in parts]
    telling = {name: v for name, v in here.items() if len({str(o.get(name)) for o in others}) > 1}
    words = ", ".join(f"{name} {value}" for name, value in telling.items())
    return replace(
        answer, sentence=f"[{words}] {answer.sentence}", detail={**answer.detail, "context": telling}
    )


def _warnings(evidence: Evidence) -> tuple[str, ...]:
    """What holds for every answer of this sweep."""
    said = ["intervals and p-values are of single comparisons; they are not corrected for their number"]
    for name, share in (evidence.header.get("overlap") or {}).items():
        if share is not None and share > OVERLAP:
            said.append(
                f"replicates share {100 * share:.0f} % of the rows of class {name}; "
                "intervals may be too short"
            )
    if evidence.repetitions:
        said.append(
            "replicates are repetitions of cross-validation on the same rows: intervals use the "
            "Nadeau-Bengio variance, which is a heuristic"
        )
    if len(evidence.results) and (evidence.results["scored_on"] == "cv").any():
        said.append("scores are of the folds that also choose: cells taken as leading or tuned look too good")
    return (*said, *_missing(evidence))


def _missing(evidence: Evidence) -> list[str]:
    """Count cells without a result by status and reason, and cells short of replicates."""
    counted = Counter(
        zip(evidence.skipped["status"], evidence.skipped["arm"], evidence.skipped["reason"], strict=True)
    )
    said = [
        f"{count} {'cell' if count == 1 else 'cells'} of {arm} left out or incomplete, {status}: {reason}"
        for (status, arm, reason), count in counted.items()
    ]
    replicates = evidence.results["replicate"].nunique()
    sizes = evidence.results["trial_key"].value_counts()
    short = int((sizes < replicates).sum())
    if short:
        said.append(
            f"{short} of {len(sizes)} cells have fewer than {replicates} replicates; a comparison uses the "
            "replicates that both sides have"
        )
    return said
