"""What the commands print on stdout: data, methods, answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from synaug.classifiers import CLASSIFIERS, Classifier
from synaug.errors import Exit, Problem, SynaugError
from synaug.methods import METHODS, Method

if TYPE_CHECKING:  # these take seconds to import, and a plan needs none of them
    from ..answers import Answers
    from ..prepare import Prepared

WIDTH = 200  # of a table where there is no terminal
MAX_CLASSES = 60  # in a table


out = Console(highlight=False)
if not out.is_terminal:
    out.width = WIDTH

DETAILED_KINDS, DETAILED_BUDGETS = ("pair", "decomposition"), ("common", "averaged")  # shown with --all


def say(text: str, style: str = "") -> None:
    """Print prose on stdout; it is for the terminal to break its lines."""
    out.print(Text(text, style), soft_wrap=True)


@contextmanager
def tracking_errors(exit: Exit = Exit.SERVICE) -> Iterator[None]:
    """Turn MLflow's troubles into errors of the command line."""
    from tracking import TrackingError

    try:
        yield
    except TrackingError as error:
        raise SynaugError(Problem(error.message, error.where, error.fix, "D32"), exit) from error


def table(*columns: str) -> Table:
    """An empty table; the first column left, the others right."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for index, column in enumerate(columns):
        made.add_column(column, justify="right" if index else "left", no_wrap=not index)
    return made


def prepared_facts(prepared: Prepared) -> dict[str, Any]:
    """What a data set holds, for ``--json``."""
    from ..feasible import check_neighbors

    corpus, division = prepared.corpus, prepared.split
    labels = corpus.labels
    rows = {"pool": division.pool, "search_dev": division.search_dev, "confirm_dev": division.confirm_dev,
            "test": division.test}  # fmt: skip
    return {
        "data": corpus.name,
        "source": corpus.source,
        "digest": corpus.digest,
        "encoder": next(iter(prepared.encoders)),
        "dimensions": prepared.encoder.dimensions,
        "encoders": {name: encoder.dimensions for name, encoder in prepared.encoders.items()},
        "scored_on": division.scored_on,
        "dev_rows_per_replicate": len(prepared.draws[0].dev),
        "classes": {
            name: {"all": int((labels == code).sum()), "draw": int(division.sizes[code])}
            | {part: int((labels[numbers] == code).sum()) for part, numbers in rows.items()}
            for code, name in enumerate(corpus.classes)
        },
        "overlap": prepared.overlap,
        "warnings": [*corpus.warnings, *check_neighbors(prepared)],
    }


def describe_prepared(prepared: Prepared) -> None:
    """Print classes, draws, dev and test rows, overlap and warnings."""
    facts = prepared_facts(prepared)
    say(f"{facts['data']}: {facts['source']}")
    parts = ("all", "draw", "pool", "search_dev", "confirm_dev", "test")
    rows = table("class", *(part.replace("_", " ") for part in parts), "shared by two replicates")
    classes = list(facts["classes"].items())
    for name, counts in classes[:MAX_CLASSES]:
        rows.add_row(
            Text(name), *(str(counts[part]) for part in parts), f"{100 * facts['overlap'][name]:.0f} %"
        )
    out.print(rows)
    if len(classes) > MAX_CLASSES:
        say(f"and {len(classes) - MAX_CLASSES} classes more: see --json")
    dev = facts["dev_rows_per_replicate"]
    where = f"{dev} dev rows a replicate" if dev else "the held-out folds (no dev rows are left)"
    encoders = "; ".join(f"encoder {name}, {size} dimensions" for name, size in facts["encoders"].items())
    say(f"scored on {where}; {encoders}")
    for warning in facts["warnings"]:
        say(f"note: {warning}")


def describe_methods() -> None:
    """Print the arms and their knobs."""
    for name in METHODS:
        _describe(METHODS[name], "" if METHODS[name].core else "  (only where a spec names it)")


def describe_classifiers() -> None:
    """Print the classifiers, their ladders and their knobs."""
    for name in CLASSIFIERS:
        kind = CLASSIFIERS[name]
        _describe(kind, "", f"ladder = {list(kind.ladder)}  ({kind.rung}) the folds choose a rung")


def _describe(kind: type[Method] | type[Classifier], note: str, *more: str) -> None:
    says = (kind.__doc__ or "").strip().splitlines()[0]
    out.print(Text.assemble((kind.name, "bold"), f"  {says}", (note, "dim")), soft_wrap=True)
    if kind.paper:
        say(f"    {kind.paper}", "dim")
    for line in more:
        say(f"    {line}")
    for knob in kind.knobs():
        say(f"    {knob.name} = {knob.default}  ({knob.domain}) {knob.help}")


def show_answers(answers: Answers, every: bool) -> None:
    """Print the sentences of an answer, then its warnings; pairs at common budgets only where asked for."""
    shown = [
        a
        for a in answers.answers
        if every or a.budget not in DETAILED_BUDGETS or a.detail["kind"] not in DETAILED_KINDS
    ]
    for answer in shown:
        judged = answer.verdict != "not_applicable" or (answer.estimate is None and not answer.n)
        verdict = f"[{answer.verdict}] " if judged else ""
        out.print(Text.assemble((verdict, "bold"), answer.sentence), soft_wrap=True)
    if hidden := len(answers.answers) - len(shown):
        out.print(Text(f"{hidden} more at common budgets or averaged over them with --all", style="dim"))
    for warning in answers.warnings:
        out.print(Text(f"note: {warning}", style="dim"), soft_wrap=True)
