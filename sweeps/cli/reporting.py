"""The command that writes a sweep's report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from synaug.errors import Exit, Problem, SynaugError

from .app import app
from .running import Json, Out, Tracking

FOLDER = "report"  # below the sweep's
SHOWN = ("report.html", "claims.json")  # of the files, what the parent run takes


@app.command()
def report(
    out: Out,
    against: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder of a sweep of another data set, for the section over data sets; may be given again.",
            show_default=False,
        ),
    ] = None,
    tracking_uri: Tracking = None,
    as_json: Json = False,
) -> None:
    """Write the report: one HTML page, and claims, figures and tables for a paper.

    The page and the claims are logged on the sweep's MLflow run too, where there is one; a server
    that is away is a warning.

    \b
    Examples:
      synaug report runs/quickstart
      synaug report runs/quickstart --json
    """
    from .upkeep import lines_of

    lines = lines_of(out)
    from ..places import SKETCHES, WAITING_SKETCHES
    from ..report import PAGE, make, save
    from ..report.sketches import read_sketches

    sketches, spoilt = read_sketches([out / WAITING_SKETCHES, out / SKETCHES])
    for path in spoilt:
        typer.echo(f"note: {path} holds no picture of rows, so the report has none of that cell", err=True)
    made = make(lines, out.absolute().name, [lines_of(folder) for folder in against or ()], sketches)
    folder = out / FOLDER
    save(made, folder)
    run, note = _log(out, lines, tracking_uri, {name: made.files[name] for name in SHOWN})
    if note:
        typer.echo(f"note: {note}", err=True)
    page = folder / PAGE
    found = {
        "report": str(page),
        "bytes": len(made.files[PAGE]),
        "claims": made.claims,
        "files": sorted(made.files),
        "checks": [{"name": c.name, "found": c.found, "wrong": list(c.wrong)} for c in made.checks],
        "mlflow_run": run,
    }
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
    else:
        _say(found, run)
    if made.wrong:
        raise SynaugError(
            [
                Problem(text, str(page), "compare the ledger with a backup, or report this")
                for text in made.wrong
            ],
            Exit.INTEGRITY,
        )


def _say(found: dict[str, Any], run: str | None) -> None:
    typer.echo(f"{found['report']}  ({found['bytes'] / 1e6:.1f} MB, {found['claims']} claims)")
    folders = [name.partition("/")[0] for name in found["files"] if "/" in name]
    counts = {name: folders.count(name) for name in sorted(set(folders))}
    plain = [name for name in found["files"] if "/" not in name and not name.endswith(".html")]
    typer.echo(f"beside it: {', '.join([*plain, *(f'{n}/ ({c} files)' for n, c in counts.items())])}")
    good = sum(not check["wrong"] for check in found["checks"])
    typer.echo(f"self-check: {good} of {len(found['checks'])} checks hold")
    if run:
        typer.echo(f"logged on MLflow run {run}")


def _log(
    out: Path, lines: Any, tracking_uri: str | None, files: dict[str, bytes]
) -> tuple[str | None, str | None]:
    """Log files on the parent run; return its id, and what the user should know when there is none."""
    from tracking import Retry, TrackingError, attach

    from ..ledger_state import state
    from ..places import places

    header = state(lines).header
    where = places(out, tracking_uri, header=header)
    try:
        run = attach(where.tracking_uri, out.absolute().name, files, Retry(attempts=2, seconds=20))
    except TrackingError as error:
        return None, f"the report is not in MLflow: {error}; run this again when it answers"
    return run, None if run else "MLflow has no run of this sweep, so the report is in the folder alone"
