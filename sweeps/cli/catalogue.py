"""Commands that describe: methods, data."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .app import app
from .running import Json, Set, Source, _load

if TYPE_CHECKING:
    from synaug.classifiers import Classifier
    from synaug.methods import Method


@app.command()
def methods(
    classifiers: Annotated[
        bool, typer.Option("--classifiers", help="The classifiers instead, with their ladders.")
    ] = False,
    as_json: Json = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="As the table of the README.")] = False,
) -> None:
    """List the arms with their knobs, defaults, domains and papers.

    A sweep that names no arms runs the core ones; the others run where ``arms`` of the spec names them.

    \b
    Examples:
      synaug methods
      synaug methods --classifiers
      synaug methods --json
    """
    from synaug.classifiers import CLASSIFIERS
    from synaug.methods import METHODS

    from ..methods_table import classifiers_markdown, methods_markdown
    from .showing import describe_classifiers, describe_methods

    if markdown:
        typer.echo(classifiers_markdown() if classifiers else methods_markdown())
        return
    if not as_json:
        (describe_classifiers if classifiers else describe_methods)()
        return
    rows = [{"method": name, "core": METHODS[name].core, **_facts(METHODS[name])} for name in METHODS]
    if classifiers:
        kinds = ((name, CLASSIFIERS[name]) for name in CLASSIFIERS)
        rows = [
            {"classifier": name, "ladder": kind.ladder, "rung": kind.rung, **_facts(kind)}
            for name, kind in kinds
        ]
    typer.echo(json.dumps(rows))


def _facts(kind: type[Method] | type[Classifier]) -> dict[str, Any]:
    """What a registered class says of itself."""
    knobs = [
        {"name": k.name, "default": k.default, "domain": str(k.domain), "levels": k.levels, "help": k.help}
        for k in kind.knobs()
    ]
    return {"says": (kind.__doc__ or "").strip(), "paper": kind.paper, "knobs": knobs}


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
