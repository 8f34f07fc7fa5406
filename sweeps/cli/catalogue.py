"""Commands that describe: methods, data."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from .app import app
from .asking import Json
from .running import Set, Source, _load


@app.command()
def methods(
    as_json: Json = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="As the table of the README.")] = False,
) -> None:
    """List the arms with their knobs, defaults, domains and papers.

    A sweep that names no arms runs the core ones; the others run where ``arms`` of the spec names them.

    \b
    Examples:
      synaug methods
      synaug methods --json
    """
    from synaug.methods import METHODS

    from ..methods_table import methods_markdown
    from .showing import describe_methods

    if markdown:
        typer.echo(methods_markdown())
        return
    if not as_json:
        describe_methods()
        return
    rows = [
        {
            "method": name,
            "says": (METHODS[name].__doc__ or "").strip(),
            "paper": METHODS[name].paper,
            "core": METHODS[name].core,
            "knobs": [
                {
                    "name": k.name,
                    "default": k.default,
                    "domain": str(k.domain),
                    "levels": k.levels,
                    "help": k.help,
                }
                for k in METHODS[name].knobs()
            ],
        }
        for name in METHODS
    ]
    typer.echo(json.dumps(rows))


@app.command()
def data(
    spec: Source = None,
    source: Annotated[str | None, typer.Option("--data", help="File, folder, hf://name, or builtin.")] = None,
    settings: Set = None,
    as_json: Json = False,
) -> None:
    """Say what a data set holds and what would go wrong with it; encodes nothing.

    \b
    Examples:
      synaug data
      synaug data quickstart --data texts.csv --set imbalance.kind=natural --json
    """
    from ..prepare import prepare
    from .showing import describe_prepared, prepared_facts

    prepared = prepare(_load(spec, list(settings or ()), source, None))
    if as_json:
        typer.echo(json.dumps(prepared_facts(prepared)))
    else:
        describe_prepared(prepared)
