"""Commands that put a sweep to work or away: export, archive."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from synaug.errors import Exit, Problem, SynaugError

from .app import app
from .running import Json, Out, Storage, Tracking, _stderr
from .upkeep import _places, require_sweep


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

    require_sweep(out)
    where = _places(out, tracking_uri)
    done = export_cell(where, key, _stderr(), name, pack_encoder)
    if as_json:
        typer.echo(json.dumps(_facts(done), ensure_ascii=False))
        return
    for line in _sentences(done, where):
        typer.echo(line)


@app.command()
def archive(
    out: Out,
    file: Annotated[Path | None, typer.Option(help="The archive.  [default: OUT.tar.gz]")] = None,
    remove: Annotated[
        bool, typer.Option("--remove", help="Then remove the sweep from disk, Optuna and MLflow.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Remove without asking.")] = False,
    restore: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Put the sweep of an archive back into OUT.")
    ] = None,
    tracking_uri: Tracking = None,
    storage: Storage = None,
) -> None:
    """Pack a sweep's records into one file with a manifest of sha256, and remove or restore the sweep.

    \b
    Examples:
      synaug archive runs/quickstart
      synaug archive runs/mine --remove --yes
    """
    if restore is not None:
        _restore(out, restore, remove or file is not None)
        return
    from ..places import refused_as
    from ..progress import counted
    from ..putting_away import put_away, sweep_up

    if remove and sweep_up(out):
        typer.echo(f"{out} is removed")
        return
    require_sweep(out)
    if remove and not yes:
        _ask_first(out)
    where = _places(out, tracking_uri, storage)
    if trouble := where.check_tracking():
        raise SynaugError(Problem(trouble, fix="start the server, then run this again"), Exit.SERVICE)
    with refused_as(Exit.CONFLICT), counted(_stderr(), "packing", "runs") as told:
        done, manifest = put_away(
            where, file or out.absolute().with_name(f"{out.absolute().name}.tar.gz"), remove, told
        )
    typer.echo(
        f"{done}: {len(manifest.files)} files, {manifest.runs} MLflow runs, {manifest.trials} Optuna trials; "
        "read back and as in its manifest"
    )
    if remove:
        typer.echo(f"{out} is removed; `synaug archive {out} --restore {done}` brings it back")
        if manifest.experiment_id is not None:
            typer.echo(
                "MLflow keeps deleted runs until `mlflow gc --experiment-ids "
                f"{manifest.experiment_id}` frees their space (which empties all of its trash)"
            )


def _ask_first(out: Path) -> None:
    """Ask at a terminal; elsewhere only --yes will do."""
    if not sys.stdin.isatty():
        raise SynaugError(Problem(f"--remove: {out} would be removed", str(out), "confirm with --yes", "D63"))
    typer.confirm(f"Pack {out}, then remove it from disk, Optuna and MLflow?", abort=True, err=True)


def _restore(out: Path, file: Path, more: bool) -> None:
    from ..archive import restore as put_back

    if more:
        text = "--restore goes with neither --file nor --remove"
        raise SynaugError(Problem(text, "--restore", "run one after the other", "D63"), Exit.USAGE)
    manifest = put_back(file, out)
    typer.echo(f"{out}: the sweep {manifest.sweep} as it was at {manifest.at}")
    typer.echo(f"Optuna and MLflow: synaug rebuild-study {out} && synaug sync {out}")


def _facts(done: Any) -> dict[str, Any]:
    """What was exported, for ``--json``."""
    choice, final, registered = done.choice, done.final, done.registered
    return {
        "trial_key": choice.key,
        "config": dict(choice.config),
        "chosen": "on the folds" if choice.among > 1 else "by name",
        "candidates": choice.among,
        "cv_score": choice.folds,
        "score": asdict(choice.score),
        "confirmed": None if choice.confirmed is None else asdict(choice.confirmed),
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

    from ..export import rung_of

    choice, final = done.choice, done.final
    rows, made = sum(final.real.values()), sum(final.synthetic.values())
    chosen = (
        f"the best of {choice.among} cells on the folds ({100 * choice.folds:.1f} % there; the best of many "
        "looks better than it is)"
        if choice.among > 1
        else "as named"
    )
    again = [] if choice.confirmed is None else [f"         {choice.confirmed}: on draws that chose nothing"]
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
        *again,
        f"trained  on all {rows} training rows ({_counts(final.real)}) and {made} synthetic ones, "
        f"{rung_of(choice)}, the median of what the folds chose",
        f"checked  on {done.texts} texts: within {done.apart:.1g} of the trained model's probabilities",
        f"model    {done.registered.uri}, version {done.registered.version}; encoder: {encoder}",
        f"use      MLFLOW_TRACKING_URI={shlex.quote(redact(where.tracking_uri))} {shlex.join(command)} "
        "-i texts.csv   (a column named text)",
    ]


def _counts(rows: Any) -> str:
    return ", ".join(f"{name} {count}" for name, count in rows.items())
