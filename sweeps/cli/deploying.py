"""Commands that put a sweep to work or away: export, archive."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from .app import app
from .asking import Json
from .running import Out, Tracking, _stderr
from .upkeep import _places


@app.command()
def export(
    out: Out,
    key: Annotated[
        str | None, typer.Argument(help="trial_key of a cell.  [default: the best on the folds]")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the registered model.  [default: the sweep's]")
    ] = None,
    pack_encoder: Annotated[
        bool,
        typer.Option(
            "--pack-encoder/--name-encoder",
            help="Put the encoder's files into the model (up to 1 GiB), or name them by place and digest.",
        ),
    ] = True,
    tracking_uri: Tracking = None,
    as_json: Json = False,
) -> None:
    """Train a cell on all training rows and register it in MLflow: raw text to label and probabilities.

    \b
    Examples:
      synaug export runs/quickstart
      synaug export runs/quickstart 0f3ac1d2e4b59687 --json
    """
    from ..export import export as export_cell

    where = _places(out, tracking_uri)
    done = export_cell(where, key, _stderr(), name, pack_encoder)
    if as_json:
        typer.echo(json.dumps(_facts(done), ensure_ascii=False))
        return
    for line in _sentences(done, where):
        typer.echo(line)


def _facts(done: Any) -> dict[str, Any]:
    """What was exported, for ``--json``."""
    choice, final, registered = done.choice, done.final, done.registered
    return {
        "trial_key": choice.key,
        "config": dict(choice.config),
        "chosen": "on the folds" if choice.among > 1 else "by name",
        "candidates": choice.among,
        "cv_score": choice.folds,
        "score": {
            "name": choice.score.name,
            "mean": choice.score.mean,
            "low": choice.score.low,
            "high": choice.score.high,
            "n": choice.score.n,
        },
        "steps": choice.steps,
        "rows": dict(final.real),
        "synthetic_rows": dict(final.synthetic),
        "model": {"name": registered.name, "version": registered.version, "uri": registered.uri},
        "encoder_packed": done.packed,
        "largest_difference": done.apart,
    }


def _sentences(done: Any, where: Any) -> list[str]:
    """What was exported, for people."""
    import shlex

    from tracking import redact

    choice, final = done.choice, done.final
    rows, made = sum(final.real.values()), sum(final.synthetic.values())
    chosen = (
        f"the best of {choice.among} cells on the folds ({100 * choice.folds:.1f} % there; the best of many "
        "looks better than it is)"
        if choice.among > 1
        else "as named"
    )
    encoder = "its files are in the model" if done.packed else "named by place and digest"
    command = [
        "mlflow",
        "models",
        "predict",
        "-m",
        done.registered.uri,
        "--env-manager",
        "local",
        "-t",
        "csv",
    ]
    return [
        f"cell     {choice.key} {done.label}: {chosen}",
        f"score    {choice.score}: of models that were trained on the sweep's draws",
        f"trained  on all {rows} training rows ({_counts(final.real)}) and {made} synthetic ones, "
        f"{choice.steps} steps, the median of what the folds chose",
        f"checked  on {done.texts} texts: within {done.apart:.1g} of the trained network's probabilities",
        f"model    {done.registered.uri}, version {done.registered.version}; encoder: {encoder}",
        f"use      MLFLOW_TRACKING_URI={shlex.quote(redact(where.tracking_uri))} {shlex.join(command)} "
        "-i texts.csv   (a column named text)",
    ]


def _counts(rows: Any) -> str:
    return ", ".join(f"{name} {count}" for name, count in rows.items())
