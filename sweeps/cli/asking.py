"""Commands that answer: ask, status."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from .app import app
from .running import Json, Out


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
            "winner, noise, signatures, all, another knob, or the first characters of a cell's trial key."
        ),
    ] = "method",
    second: Annotated[
        str | None,
        typer.Argument(metavar="[KEY]", help="A second cell to compare the first with.", show_default=False),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(help="Folder of a second sweep: the same arms or cell there.", show_default=False),
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
    other = None if against is None else lines_of(against)
    from ..answers import ask as answer
    from .showing import show_answers

    answers = answer(lines, question, second=second, against=other)
    if as_json:
        typer.echo(json.dumps(answers.to_json(), ensure_ascii=False))
    else:
        show_answers(answers, every)


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
