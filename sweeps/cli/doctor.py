"""The command that looks for trouble before a sweep does: doctor."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .app import app
from .running import Address, Json, Tracking

if TYPE_CHECKING:
    from ..doctor import Examination, Seen

STYLES = {"ok": "green", "warning": "yellow", "problem": "bold red"}


@app.command()
def doctor(
    address: Address = "local",
    tracking_uri: Tracking = None,
    seconds: Annotated[float, typer.Option(min=1.0, help="That the nodes have to answer.")] = 180.0,
    as_json: Json = False,
) -> None:
    """Look for what would trouble a sweep: on this machine, or on every node of a cluster.

    Versions, room, clocks, MLflow, open ports, Ray's token, encoders; each line ok, warning or problem.

    \b
    Examples:
      synaug doctor
      synaug doctor --tracking-uri sqlite:///runs/mlflow.db --json
    """
    from ..doctor import examine

    found = examine(address, tracking_uri or os.environ.get("MLFLOW_TRACKING_URI"), seconds)
    if as_json:
        typer.echo(json.dumps(_facts(found)))
    else:
        _show(found)
    raise typer.Exit(int(found.exit))


def _facts(found: Examination) -> dict[str, Any]:
    findings = [asdict(finding) | {"exit": int(finding.exit)} for finding in found.findings]
    for finding in findings:
        if finding["level"] != "problem":
            del finding["exit"]
    return {
        "address": found.address,
        "exit": int(found.exit),
        "nodes": [_node(seen) for seen in found.seen],
        "findings": findings,
    }


def _node(seen: Seen) -> dict[str, Any]:
    runs = seen.identity
    return {
        "name": seen.name,
        "identity": None if runs is None else asdict(runs) | {"lock": runs.lock},
        "facts": None if seen.facts is None else asdict(seen.facts),
    }


def _show(found: Examination) -> None:
    """Print a table a node, and below it what to do."""
    from rich.table import Table
    from rich.text import Text

    from .showing import out, say

    for node in dict.fromkeys(finding.node for finding in found.findings):
        mine = [finding for finding in found.findings if finding.node == node]
        rows = Table(box=None, pad_edge=False, header_style="bold", title=Text(node), title_justify="left")
        rows.add_column("", no_wrap=True)
        rows.add_column("check", no_wrap=True)
        rows.add_column("found", overflow="fold")
        for finding in mine:
            rows.add_row(Text(finding.level, STYLES[finding.level]), finding.check, Text(finding.message))
        out.print(rows)
        for fix in dict.fromkeys(f"{finding.check}: {finding.fix}" for finding in mine if finding.fix):
            say(f"  fix: {fix}")
    levels = [finding.level for finding in found.findings]
    say(f"{levels.count('problem')} problems, {levels.count('warning')} warnings")
