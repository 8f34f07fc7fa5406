"""The command that shows the log of a sweep or of a cell: logs."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from synaug.errors import Problem, SynaugError, did_you_mean

from .app import app
from .running import Out
from .upkeep import lines_of

POLL_SECONDS = 1.0
ENDED = re.compile(r"Z (INFO|WARNING) +sweep \S+ ended: ")  # in the last line of a start's log
READ_AGAIN = 5_000  # lines, at most as many as come in a poll


@app.command()
def logs(
    out: Out,
    key: Annotated[
        str | None, typer.Argument(help="trial_key of a cell, or its first characters.", show_default=False)
    ] = None,
    lines: Annotated[int, typer.Option(min=1, help="Lines of the sweep's log.")] = 40,
    follow: Annotated[bool, typer.Option("--follow", help="Go on until the sweep ends.")] = False,
    output: Annotated[
        bool, typer.Option("--output", help="Also what the cell printed in its worker.")
    ] = False,
) -> None:
    """Show the end of a sweep's log, or all that is known of a cell.

    \b
    Examples:
      synaug logs runs/quickstart --lines 5
      synaug logs runs/quickstart 0f3ac1d2e4b59687
      synaug logs runs/mine 0f3ac1d2e4b59687 --output
    """
    records = lines_of(out)
    if key is not None:
        _show_cell(out, records, _whole(out, records, key), output)
        return
    from ..journal import tail

    said = tail(out / "logs", lines)
    if not said:
        raise SynaugError(
            Problem(f"{out} has no log yet", str(out / "logs"), "name a cell, or run the sweep")
        )
    typer.echo("\n".join(said))
    if follow:
        _follow(out / "logs", said[-1])


def _follow(folder: Path, last: str) -> None:
    """Show lines as they are written, until one says that the sweep ended."""
    from ..journal import tail

    while not ENDED.search(last):
        time.sleep(POLL_SECONDS)
        said = tail(folder, READ_AGAIN)
        new = said[len(said) - said[::-1].index(last) :] if last in said else said
        if new:
            typer.echo("\n".join(new))
            last = new[-1]


def _whole(out: Path, records: Sequence[Any], key: str) -> str:
    """The key that begins so."""
    keys = dict.fromkeys(str(line["trial_key"]) for line in records if line.get("trial_key"))
    found = [known for known in keys if known.startswith(key)]
    if len(found) == 1:
        return found[0]
    if found:
        raise SynaugError(Problem(f"{out} has {len(found)} cells {key}…", fix="give more characters"))
    fix = "take one of the keys that stand in the ledger and in MLflow"
    text = f"{out} has no cell {key}{did_you_mean(key, list(keys))}"
    raise SynaugError(Problem(text, str(out), fix, "D64"))


def _show_cell(out: Path, records: Sequence[Any], key: str, output: bool) -> None:
    for line in records:
        if line.get("trial_key") != key:
            continue
        words = [line.get("at", ""), line["kind"], line.get("status") or "", line.get("reason") or ""]
        if line["kind"] == "result":
            words.insert(2, f"replicate {line['replicate']}")
            words.insert(4, str(line.get("host") or ""))
        typer.echo(" ".join(str(word) for word in words if word))
    trace = out / "logs" / f"{key}.txt"
    if trace.is_file():
        typer.echo(trace.read_text())
    said = out / "logs" / f"{key}.output.txt"
    if output:
        typer.echo(said.read_text() if said.is_file() else "the cell printed nothing")
