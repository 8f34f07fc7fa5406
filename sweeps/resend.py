"""Sends to MLflow what the ledger has and MLflow has not."""

from __future__ import annotations

from dataclasses import replace

from rich.console import Console

from synaug.errors import Exit
from tracking import summary

from .ledger import Ledger
from .ledger_state import State, state
from .mirror import Mirror
from .places import Places
from .prepare import prepare
from .resume import entries_of
from .spec import load_spec

SECONDS = 600.0


def resend(places: Places, console: Console) -> tuple[int, list[str]]:
    """Bring MLflow up to date.

    Returns:
        The number of cells that were sent, and what the user should know.

    Raises:
        SynaugError: another process writes the sweep (exit 7), or its data has gone (exit 4).
    """
    spec = load_spec(places.spec)
    prepared = prepare(spec)
    with Ledger(places.out, spec.name) as ledger:
        before = _lacking(state(ledger.reading.lines), places.tracking_uri, spec.name)
        entries = entries_of(spec, prepared, before)
        mirror = Mirror(prepared, places, ledger, entries, before, console)
        failed = any(line["status"] == "failed" for line in before.cells.values())
        done = all(entry.closed is not None for entry in entries)
        notes = mirror.close((Exit.SOME_FAILED if failed else Exit.OK) if done else Exit.INTERRUPTED, SECONDS)
    return len(before.unsent), notes


def _lacking(before: State, tracking_uri: str, sweep: str) -> State:
    """Count also cells as unsent of which MLflow has no run, whatever it acknowledged once."""
    there = summary(tracking_uri, sweep)
    lost = [key for key in before.cells if key not in there]
    return replace(before, unsent=tuple(dict.fromkeys((*before.unsent, *lost))))
