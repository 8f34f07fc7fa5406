"""Measures the rows of the table of benchmarks and writes them as JSON and Markdown.

    python benchmarks/run.py [--only NAME ...] [--json FILE] [--markdown FILE] [--quick]

A FILE of an earlier run on the same machine keeps the rows that are not measured again.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = str(Path(__file__).resolve().parents[1])
sys.path[0] = ROOT  # instead of this folder, whose modules are called by their package
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [ROOT, os.environ.get("PYTHONPATH")]))  # for workers

from benchmarks.machine import load, machine  # noqa: E402
from benchmarks.measure import Options  # noqa: E402
from benchmarks.registry import ROWS, row  # noqa: E402
from benchmarks.table import markdown  # noqa: E402
from sweeps.reach import QUIET  # noqa: E402


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the page, write the files; return the exit code."""
    given = parser().parse_args(arguments)
    quiet = {**QUIET, "MLFLOW_DISABLE_TELEMETRY": "true", "HF_HUB_OFFLINE": "1"}
    quiet["RAY_AUTH_MODE"] = "disabled"  # the nodes that rows start listen on loopback alone
    for name, value in quiet.items():
        os.environ.setdefault(name, value)
    os.environ.pop("MLFLOW_TRACKING_URI", None)  # the sweeps measured here stay on this machine
    report = earlier(given.json)
    for name in given.only or ROWS:
        print(f"{name}: {ROWS[name]}", file=sys.stderr, flush=True)
        report[name] = measured(name, options(given), given.note)
        if given.json:
            given.json.write_text(json.dumps(report, indent=1) + "\n")
    page = markdown(report)
    if given.markdown:
        given.markdown.write_text(page)
    print(page)
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    default = Options()
    found = argparse.ArgumentParser(description="Measures speed and memory as ratios.")
    add = found.add_argument
    add("--only", nargs="+", choices=list(ROWS), metavar="NAME", help=", ".join(ROWS))
    add("--json", type=Path, help="file for the numbers")
    add("--markdown", type=Path, help="file for the page")
    add("--quick", action="store_true", help="a smoke test: small, once, says nothing about speed")
    add("--repetitions", type=int, default=default.repetitions, help="how often each thing is timed")
    add("--sweeps", type=int, default=default.sweeps, help="throughput: sets of folds")
    add("--data", type=Path, help="throughput: folder with train.*; default: the built-in corpus")
    add("--arms", nargs="+", default=default.arms, help="throughput: arms")
    add("--ratios", nargs="+", type=float, default=default.ratios, help="throughput: ratios")
    add("--cells", type=int, default=default.cells, help="overhead: cells of the sweep")
    add("--note", default="", help="a remark on this run that the page shows")
    return found


def options(given: argparse.Namespace) -> Options:
    """What the rows are told."""
    return Options(
        quick=given.quick,
        repetitions=1 if given.quick else given.repetitions,
        sweeps=given.sweeps,
        data=given.data,
        arms=tuple(given.arms),
        ratios=tuple(given.ratios),
        cells=given.cells,
    )


def measured(name: str, told: Options, note: str) -> dict[str, Any]:
    """One row with when it was measured and how busy the machine was."""
    at, before = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"), load()
    found = row(name)(told).as_json()
    run = {"at": at, "quick": told.quick, "load": [before, load()], "note": note}
    return {**found, "run": run}


def earlier(file: Path | None) -> dict[str, Any]:
    """The report to add to: what FILE has, where it is of this machine."""
    here = {"machine": machine()}
    if file is None or not file.exists():
        return here
    found: dict[str, Any] = json.loads(file.read_text())
    if found["machine"] != here["machine"]:
        sys.exit(f"{file}: measured on another machine or with other versions; choose another --json FILE")
    return found


if __name__ == "__main__":
    sys.exit(main())
