"""Sweeps as processes of their own, with real Ray, whose cells misbehave as a test asks for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

# Runs before the command line. ``run_cell`` becomes a function of the main module, which Ray carries to its
# workers by value; there it wraps what evaluates a replicate.
MISBEHAVE = """
import json, os, time
import sweeps.tune_run

FAULTS, FOLDER = json.loads({faults!r}), {folder!r}
run_cell = sweeps.tune_run.run_cell

def misbehave(kind, work):
    import pathlib, signal
    path = pathlib.Path(FOLDER) / f"{{work.key}}.attempts"
    with path.open("a") as file:
        file.write(f"{{work.attempt}}\\n")
    first = len(path.read_text().splitlines()) == 1
    if kind == "kill" or (kind == "kill once" and first):
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "hang":
        hang_in_this_function()
    if kind == "raise":
        raise ValueError("a mistake of the code")
    if kind.startswith("allocate"):
        held = []
        while len(held) < int(kind.split()[1]) // 64:
            held.append(bytearray(b"x" * (64 << 20)))
            time.sleep(0.1)
        raise MemoryError(f"nobody minded {{len(held)}} pieces")

def hang_in_this_function():
    time.sleep(1e4)

def wrapped(config, shared, job):
    import scipy.stats, sklearn.metrics  # what the first cell of a process would spend its time on
    from sweeps import trial

    honest = trial.__dict__.setdefault("honest", trial._evaluated)

    def _evaluated(work, replicate, data, job):
        mine = {{"arm": work.arm, **work.settings}}
        for settings, kind in FAULTS:
            if settings.items() <= mine.items():
                misbehave(kind, work)
        return honest(work, replicate, data, job)

    trial._evaluated = _evaluated
    return run_cell(config, shared, job)

sweeps.tune_run.run_cell = wrapped
from sweeps.cli.app import main
main()
"""


def misbehaving(faults: list[tuple[Mapping[str, Any], str]], folder: Path) -> str:
    """Code that runs a sweep in which cells of some settings misbehave.

    Args:
        faults: settings, the arm among them, and what happens: ``kill``, ``kill once``, ``hang``,
            ``raise`` or ``allocate MIB``.
        folder: takes a file of attempts for each such cell.
    """
    return MISBEHAVE.format(faults=json.dumps(faults), folder=str(folder))


def attempts_at(folder: Path, key: str) -> list[int]:
    """The attempts at a cell that misbehaves, in the order in which they began."""
    return [int(line) for line in (folder / f"{key}.attempts").read_text().split()]


def count(out: Path, kind: str) -> int:
    """Lines of a kind in a ledger that is being written."""
    path = out / "ledger.jsonl"
    return path.read_text().count(f'"kind":"{kind}"') if path.exists() else 0


def at_work(process: Any) -> list[psutil.Process]:
    """Ray's worker processes that hold a cell, of a sweep on this machine."""
    found = []
    for child in psutil.Process(process.process.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # it ended meanwhile
            if "ImplicitFunc" in "".join(child.cmdline()[:1]):
                found.append(child)
    return found
