"""Sends to MLflow what the ledger has and MLflow has not acknowledged."""

from __future__ import annotations

from rich.console import Console

from synaug.errors import Exit

from .ledger import Ledger
from .ledger_state import state
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
        before = state(ledger.reading.lines)
        entries = entries_of(spec, prepared, before)
        mirror = Mirror(prepared, places, ledger, entries, before, console)
        failed = any(line["status"] == "failed" for line in before.cells.values())
        done = all(entry.closed is not None for entry in entries)
        notes = mirror.close((Exit.SOME_FAILED if failed else Exit.OK) if done else Exit.INTERRUPTED, SECONDS)
    return len(before.unsent), notes
