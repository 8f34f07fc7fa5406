"""Commands that keep records in order and show them: verify, sync, rebuild-study, ui."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from synaug.errors import Exit, Problem, SynaugError, did_you_mean

from .app import app
from .running import Json, Out, Storage, Tracking


def require_sweep(out: Path) -> None:
    """Refuse a folder without a ledger.

    Raises:
        SynaugError: there is no sweep (exit 2).
    """
    if not (out / "ledger.jsonl").is_file():
        beside = [p.name for p in out.parent.iterdir() if p.is_dir()] if out.parent.is_dir() else []
        raise SynaugError(
            Problem(
                f"{out} holds no sweep: there is no ledger.jsonl{did_you_mean(out.name, beside)}",
                where=str(out.absolute()),
                fix="run one with `synaug sweep`",
                code="D64",
            ),
            Exit.USAGE,
        )


def lines_of(out: Path) -> Sequence[Any]:
    """Read a sweep's ledger, also one that was made by hand or is being written; ``out`` may be the file.

    Raises:
        SynaugError: there is none (exit 2), or it cannot be relied on (exit 9).
    """
    from ..ledger import read
    from ..places import ledger_of

    if not out.is_file():
        require_sweep(out)
    return read(ledger_of(out), strict=False).lines


def _places(out: Path, tracking_uri: str | None = None, storage: str | None = None) -> Any:
    from ..ledger_state import state
    from ..places import places

    return places(out, tracking_uri, storage, header=state(lines_of(out)).header)


@app.command()
def verify(
    out: Out,
    strict: Annotated[bool, typer.Option("--strict", help="End with exit code 9 where they differ.")] = False,
    ui: Annotated[
        bool, typer.Option("--ui", help="Also compare the runs with what MLflow's pages bear; exit code 9.")
    ] = False,
    tracking_uri: Tracking = None,
    storage: Storage = None,
    as_json: Json = False,
) -> None:
    """Compare ledger, Optuna and MLflow: every cell once in each, with the same ending.

    \b
    Examples:
      synaug verify runs/quickstart --strict --ui
      synaug verify runs/quickstart --json
    """
    from tracking import page_problems

    from ..ledger_state import state
    from ..standing import disagreements
    from .showing import tracking_errors

    lines, where, name = lines_of(out), _places(out, tracking_uri, storage), out.absolute().name
    with tracking_errors():
        found = disagreements(where, name, lines)
        heavy = page_problems(where.tracking_uri, name) if ui else []
    if as_json:
        told = {"sweep": name, "agree": not found, "differences": found}
        typer.echo(json.dumps(told | ({"pages": heavy} if ui else {})))
    else:
        cells = len(state(lines).cells)
        good = [f"ledger = Optuna = MLflow: {cells} cells, each once, nothing RUNNING"]
        typer.echo("\n".join([*(found or good), *heavy]))
    if (found and strict) or heavy:
        raise typer.Exit(int(Exit.INTEGRITY))


@app.command()
def sync(out: Out, tracking_uri: Tracking = None) -> None:
    """Bring MLflow up to date with the ledger; a second call adds nothing.

    \b
    Examples:
      synaug sync runs/quickstart
      synaug sync runs/quickstart --tracking-uri sqlite:///runs/mlflow.db
    """
    from rich.console import Console

    from ..resend import resend
    from .showing import tracking_errors

    require_sweep(out)
    where = _places(out, tracking_uri)
    trouble = where.check_tracking()
    if trouble:
        raise SynaugError(Problem(trouble, fix="start the server, then run this again"), Exit.SERVICE)
    with tracking_errors():
        sent, notes = resend(where, Console(stderr=True, highlight=False))
    if notes:
        raise SynaugError([Problem(note) for note in notes], Exit.SERVICE)
    typer.echo(f"sent {sent} cells; MLflow has them all")


@app.command(name="rebuild-study")
def rebuild_study(out: Out, storage: Storage = None) -> None:
    """Make the sweep's Optuna studies anew from the ledger.

    \b
    Examples:
      synaug rebuild-study runs/quickstart
      synaug rebuild-study runs/quickstart --storage sqlite:///runs/optuna.db
    """
    from tracking.address import SQLITE, sqlite_file

    from ..ledger_state import state
    from ..spec import load_spec
    from ..studies import StudyProjection, study_cells

    where = _places(out, storage=storage)
    spec = load_spec(where.spec)
    cells = study_cells(state(lines_of(out)).cells, spec.other_encoders)
    projection = StudyProjection(where.storage, out.absolute().name, spec.classifier.name)
    if not projection.rebuild(cells, patience=60.0):
        fix = "end what holds it, then run this again"
        if where.storage.startswith(SQLITE) and "locked" not in str(projection.problem):
            fix = f"move {sqlite_file(where.storage)} away, then run this again for each of its sweeps"
        raise SynaugError(Problem(str(projection.problem), fix=fix), Exit.SERVICE)
    projection.close()
    typer.echo(f"{len(cells)} trials in the studies of {out.absolute().name}")


@app.command()
def ui(
    out: Out,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 5000,
    allowed_hosts: Annotated[
        list[str] | None, typer.Option(help="Names that browsers may use; repeatable.")
    ] = None,
    basic_auth: Annotated[
        bool, typer.Option("--basic-auth", help="Ask for a user name and password.")
    ] = False,
    optuna: Annotated[
        bool, typer.Option("--optuna", help="Open optuna-dashboard instead of MLflow.")
    ] = False,
    tracking_uri: Tracking = None,
    storage: Storage = None,
    show: Annotated[bool, typer.Option("--show", help="Print the command instead of running it.")] = False,
) -> None:
    """Serve the MLflow UI (or optuna-dashboard) on a sweep and its neighbours.

    \b
    Examples:
      synaug ui runs/quickstart --show
      synaug ui runs/quickstart --optuna --port 8080 --show
    """
    import shlex

    from tracking import ui_command, ui_environment

    from .showing import tracking_errors

    where = _places(out, tracking_uri, storage)
    with tracking_errors(Exit.INTEGRITY):
        if optuna:
            ui_command("sqlite://", None, host, port)  # refuses an address that others could reach
            command = _dashboard(where.storage, host, port)
        else:
            hosts = tuple(allowed_hosts or ())
            command = ui_command(
                where.tracking_uri,
                where.artifact_root,
                host,
                port,
                basic_auth=basic_auth,
                allowed_hosts=hosts,
            )
    if show:
        typer.echo(shlex.join(command))
        return
    page = "" if optuna else _page(where.tracking_uri, out.absolute().name)
    typer.echo(f"http://{host}:{port}{page}\nend with Ctrl-C", err=True)
    more = {"SYNAUG_STORAGE": where.storage} if optuna else ui_environment(where.tracking_uri)
    environment = os.environ | more
    os.execvpe(command[0], command, environment)


def _dashboard(storage: str, host: str, port: int) -> list[str]:
    """The command that serves optuna-dashboard; an address with a password travels in the environment."""
    from tracking import holds_secret

    if not holds_secret(storage):
        program = str(Path(sys.executable).with_name("optuna-dashboard"))
        return [program, storage, "--host", host, "--port", str(port)]
    code = "import os, optuna_dashboard; optuna_dashboard.run_server(os.environ['SYNAUG_STORAGE']"
    return [sys.executable, "-c", f"{code}, host={host!r}, port={port})"]


def _page(tracking_uri: str, sweep: str) -> str:
    """The page of the sweep's cells, best first, where MLflow has them."""
    from tracking import find_experiment, runs_page

    from .showing import tracking_errors

    with tracking_errors():
        experiment = find_experiment(tracking_uri, sweep)
    return "" if experiment is None else runs_page(experiment)
