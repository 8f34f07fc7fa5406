"""Commands that answer: ask, status."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .app import app
from .running import Json, Out

if TYPE_CHECKING:  # takes seconds to import
    from ..answers import Answers


@app.command()
def ask(
    out: Annotated[
        Path,
        typer.Argument(help="Folder of the sweep, such as runs/quickstart, or a ledger.", show_default=False),
    ],
    question: Annotated[
        str,
        typer.Argument(
            help="method, k, metric, ratio, latent, vae, budget, classifier, encoder, imbalance, size, "
            "data_sets, robustness, winner, noise, signatures, all, another knob, or the first characters "
            "of a cell's trial key."
        ),
    ] = "method",
    second: Annotated[
        str | None,
        typer.Argument(metavar="[KEY]", help="A second cell to compare the first with.", show_default=False),
    ] = None,
    against: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder of a second sweep: the same arms or cell there. Given several times, the arms are "
            "compared over the data sets of all of them too.",
            show_default=False,
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Also each pair of arms at common budgets.")] = False,
    as_json: Json = False,
) -> None:
    """Answer a question from the records, with intervals and the number of replicates.

    \b
    Examples:
      synaug ask runs/quickstart method
      synaug ask runs/quickstart ratio --json
      synaug ask runs/quickstart all
    """
    from .upkeep import lines_of

    lines = lines_of(out)
    others = [lines_of(folder) for folder in against or ()]
    from ..answers import ask as answer
    from .showing import show_answers

    first = others[0] if others else None
    answers = answer(lines, question, second=second, against=first, further=others[1:])
    if as_json:
        typer.echo(json.dumps(answers.to_json(), ensure_ascii=False))
    else:
        show_answers(answers, every)
        _show_data_sets(answers)


def _show_data_sets(answers: Answers) -> None:
    """Print what each arm gains on each data set, where answers are over several."""
    from .showing import out, say, table

    found = [answer for answer in answers.answers if answer.detail["kind"] == "pooled" and answer.n]
    if not found:
        return
    data_sets = list(dict.fromkeys(row["data"] for answer in found for row in answer.detail["effects"]))
    rows = table("points [95 %]", *data_sets)
    for answer in found:
        effects = {row["data"]: row for row in answer.detail["effects"]}
        label = f"{answer.detail['arm']} over {answer.detail['base']}"
        rows.add_row(label, *(_gain(effects.get(name)) for name in data_sets))
    say("")
    out.print(rows)


def _gain(row: dict[str, Any] | None) -> str:
    if row is None or row["estimate"] is None:
        return "-"
    ends = "" if row["low"] is None else f" [{row['low']:+.1f}, {row['high']:+.1f}]"
    return f"{row['estimate']:+.1f}{ends}"


@app.command()
def status(out: Out, as_json: Json = False) -> None:
    """Say how far a sweep is.

    \b
    Examples:
      synaug status runs/quickstart
      synaug status runs/quickstart --json
    """
    from .upkeep import lines_of

    lines = lines_of(out)
    from ..standing import standing

    found = standing(out, lines)
    if as_json:
        typer.echo(json.dumps(found))
        return
    for name, value in found.items():
        text = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
        typer.echo(f"{name.replace('_', ' '):<18}{text}")
