"""Ask a ledger a question: sentences with intervals, and what to keep in mind with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from synaug.errors import Exit, Problem, SynaugError, did_you_mean

from ..analysis.evidence import Evidence, gather
from ..analysis.records import Line
from ..analysis.scores import Budget
from .against import COMPARED, answer_against
from .answer import Answer, Answers
from .budget import answer_budget
from .compare import Reply, not_applicable
from .data_sets import answer_data_sets
from .encoder import answer_encoder
from .families import corrected, declared_families
from .knob import answer_knob
from .method import answer_method
from .naming import context_words, telling_context
from .noise import answer_noise
from .robustness import answer_robustness
from .shares import NONE as NO_SHARES
from .signature import answer_signatures
from .size import answer_size
from .transfer import answer_classifier, answer_imbalance
from .two import answer_two, cell_of
from .vae import answer_vae
from .warn import warnings_of
from .winner import answer_winner

Question = Callable[[Evidence, float], Reply]
KNOBS = ("k", "metric", "ratio", "latent")
DATA_SETS = "data_sets"
IN_CONTEXT: Mapping[str, Question] = {
    "noise": answer_noise,
    "method": answer_method,
    "budget": answer_budget,
    "vae": answer_vae,
    "winner": answer_winner,
    "robustness": answer_robustness,
}


def _data_sets(evidence: Evidence, margin: float) -> Reply:
    answers, warnings = answer_data_sets([evidence], margin)
    return answers, warnings if any(answer.n for answer in answers) else []


ACROSS: Mapping[str, Question] = {  # these compare contexts
    "classifier": answer_classifier,
    "encoder": answer_encoder,
    "imbalance": answer_imbalance,
    "size": answer_size,
    DATA_SETS: _data_sets,
}
QUESTIONS = (
    "method", "k", "metric", "ratio", "latent", "vae", "budget", "classifier", "encoder", "imbalance",
    "size", DATA_SETS, "robustness", "winner", "noise", "signatures", "all",
)  # fmt: skip
ORDER = (
    "noise",
    "method",
    "budget",
    *KNOBS,
    "vae",
    "classifier",
    "encoder",
    "imbalance",
    "size",
    DATA_SETS,
    "robustness",
    "winner",
    "signatures",
)
# of all, as in the report


def ask(
    lines: Sequence[Line],
    question: str,
    margin: float | None = None,
    *,
    second: str | None = None,
    against: Sequence[Line] | None = None,
    further: Sequence[Sequence[Line]] = (),
) -> Answers:
    """Answer a question from ledger lines, also hand-made ones with result lines alone.

    Args:
        lines: lines of the ledger as mappings; kinds other than sweep, start, result, cell and test
            are ignored.
        question: one of ``QUESTIONS``, any other knob of the sweep, or the first characters of the
            trial key of a cell.
        margin: points of balanced accuracy that count as a difference that matters; the ledger's,
            else 0.5.
        second: the first characters of the trial key of the cell to compare ``question`` with.
        against: lines of a second sweep to compare with.
        further: lines of more sweeps: the arms are compared over the data sets of all of them too.

    Raises:
        SynaugError: an unknown question or cell (exit 2), or lines that cannot be read (exit 4).
    """
    evidence = gather(lines)
    margin = evidence.margin if margin is None else margin
    if not evidence.cells:
        text = "This ledger holds no result with a score; run the sweep first."
        return Answers(question, (not_applicable(text, Budget("default"), "summary"),), warnings_of(evidence))
    known = _known(evidence)
    if against is not None:
        return _against(evidence, [gather(other) for other in (against, *further)], question, margin)
    if second is not None or (question not in known and cell_of(evidence, question) is not None):
        answers = corrected(answer_two(evidence, question, second, margin), {})
        return Answers(" ".join(filter(None, (question, second))), tuple(answers), warnings_of(evidence))
    if question == "all":
        return _everything(evidence, lines, margin)
    if question not in known:
        raise _unknown(question, known)
    return _one(evidence, lines, question, margin)


def _known(evidence: Evidence) -> tuple[str, ...]:
    design = [cell for cell in evidence.cells if cell.stage == "design"]
    knobs = dict.fromkeys(name for cell in design for name in cell.knobs)
    return tuple(dict.fromkeys((*QUESTIONS, *knobs)))


def _unknown(question: str, known: Sequence[str]) -> SynaugError:
    hint = did_you_mean(question, known)
    fix = f"ask one of {', '.join(known)}, or give the first characters of a trial key"
    return SynaugError(Problem(f"unknown question {question!r}{hint}", "question", fix), Exit.USAGE)


def _one(evidence: Evidence, lines: Sequence[Line], question: str, margin: float) -> Answers:
    if question in ACROSS:
        answers, warnings = ACROSS[question](evidence, margin)
        answers = corrected(answers, {})
    elif question == "signatures":
        answers, warnings = answer_signatures(evidence, lines)
    else:
        answers, warnings = _by_context(evidence, question, margin)
    said = tuple(_with_folds(answer, evidence) for answer in answers)
    return Answers(question, said, (*dict.fromkeys(warnings), *warnings_of(evidence)))


def _by_context(evidence: Evidence, question: str, margin: float) -> Reply:
    parts = evidence.contexts()
    answers: list[Answer] = []
    warnings: list[str] = []
    for part in parts:
        said, more = _asked(part, question, margin)
        said = corrected(said, declared_families(part))
        answers += said if len(parts) == 1 else [_in_context(a, part, parts) for a in said]
        warnings += more
    return answers, warnings


def _asked(part: Evidence, question: str, margin: float) -> Reply:
    if question in IN_CONTEXT:
        return IN_CONTEXT[question](part, margin)
    return answer_knob(part, question, margin)


def _everything(evidence: Evidence, lines: Sequence[Line], margin: float) -> Answers:
    """Every question that the ledger can answer, in the order of the report."""
    others = [name for name in _known(evidence) if name not in QUESTIONS]
    asked = [_one(evidence, lines, question, margin) for question in (*ORDER, *others)]
    answers: dict[object, Answer] = {}  # k and metric have an answer in common, method and vae a comparison
    for part in asked:
        for answer in part.answers:
            if answer.verdict != "not_applicable" or answer.n or answer.detail.get("kind") == NO_SHARES:
                detail = {**answer.detail, "question": part.question}
                answers.setdefault(_said(answer), replace(answer, detail=detail))
    warnings = dict.fromkeys(text for part in asked for text in part.warnings)
    return Answers("all", tuple(answers.values()), tuple(warnings))


def _said(answer: Answer) -> object:
    """What makes two answers one: the cells that a pair compares, in whichever order, else the sentence."""
    if answer.detail.get("kind") != "pair" or len(answer.cells) != 2:
        return answer.sentence
    return frozenset(answer.cells), answer.budget, answer.detail.get("steps"), answer.estimand


def _against(evidence: Evidence, others: Sequence[Evidence], question: str, margin: float) -> Answers:
    known = (*COMPARED, DATA_SETS)
    if question not in known and cell_of(evidence, question) is None:
        fix = f"ask one of {', '.join(known)}, or give the first characters of a trial key"
        text = f"two sweeps are not compared on {question!r}{did_you_mean(question, known)}"
        raise SynaugError(Problem(text, "question", fix), Exit.USAGE)
    answers: list[Answer] = []
    warnings: list[str] = []
    sweeps = [evidence, *(other for other in others if other.cells)]
    if question == DATA_SETS or (question == "method" and len(others) > 1):
        answers, warnings = answer_data_sets(sweeps, margin)
    if question != DATA_SETS:
        for other in others:
            said, more = answer_against(evidence, other, question, margin)
            answers, warnings = [*answers, *said], [*warnings, *more]
    said = [_with_folds(answer, evidence) for answer in corrected(answers, {})]
    every = dict.fromkeys((*warnings, *(text for sweep in sweeps for text in warnings_of(sweep))))
    return Answers(question, tuple(said), tuple(every))


def _with_folds(answer: Answer, evidence: Evidence) -> Answer:
    folds = evidence.header.get("folds")
    return answer if folds is None else replace(answer, detail={**answer.detail, "folds": folds})


def _in_context(answer: Answer, part: Evidence, parts: Sequence[Evidence]) -> Answer:
    """Put what tells this context from the others before the sentence."""
    telling = telling_context(part, parts)
    sentence = f"[{context_words(telling)}] {answer.sentence}"
    return replace(answer, sentence=sentence, detail={**answer.detail, "context": telling})
