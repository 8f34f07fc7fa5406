"""How far a sweep is, and whether ledger, Optuna and MLflow agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tracking import summary as mlflow_summary

from .ledger import Line
from .ledger_state import State, state
from .places import Places
from .storage import summary as optuna_summary
from .studies import STATES

MLFLOW_STATUS = {"ok": "FINISHED", "not_applicable": "FINISHED", "raced": "FINISHED", "failed": "FAILED"}


def standing(out: Path, lines: Sequence[Line]) -> dict[str, Any]:
    """Count cells by how they ended, results by their host, and what MLflow has not acknowledged."""
    found = state(lines)
    planned = out / "plan.jsonl"
    cells = len(planned.read_text().splitlines()) if planned.exists() else len(found.configs)
    proposed = sum(config_key not in found.cells for config_key in found.configs)
    hosts = Counter(str(line["host"]) for line in found.results.values() if "host" in line)
    return {
        "sweep": out.absolute().name,
        "planned_cells": max(cells, len(found.configs)),
        "finished": dict(Counter(str(line["status"]) for line in found.cells.values())),
        "started_not_finished": proposed,
        "results": len(found.results),
        **({"hosts": dict(hosts)} if hosts else {}),
        "test_results": len(found.tests),
        "not_in_mlflow": len(found.unsent),
        "last_line": str(lines[-1].get("at", "")) if lines else "",
    }


def disagreements(places: Places, sweep: str, lines: Sequence[Line]) -> list[str]:
    """Compare the ledger's cells with Optuna's trials and MLflow's runs, each as sets of trial keys.

    Returns:
        What differs, in sentences; empty when all three hold every cell once with the same ending
        and nothing is RUNNING.
    """
    found = state(lines)
    optuna = optuna_summary(places.storage, sweep)
    mlflow = {key: [s for _, s in runs] for key, runs in mlflow_summary(places.tracking_uri, sweep).items()}
    return [
        *_compare("Optuna", found, optuna, STATES),
        *_compare("MLflow", found, mlflow, MLFLOW_STATUS),
        *(f"ledger: {key} was started and not finished" for key in _open(found)),
    ]


def _open(found: State) -> Iterable[str]:
    return (key for key in found.configs if key not in found.cells)


def _compare(
    where: str, found: State, there: Mapping[str, Sequence[str]], words: Mapping[str, str]
) -> Iterable[str]:
    for key, line in found.cells.items():
        states, expected = there.get(key, ()), words[line["status"]]
        if not states:
            yield f"{where}: {key} is missing"
        elif len(states) > 1:
            yield f"{where}: {key} is there {len(states)} times"
        elif states[0] != expected:
            yield f"{where}: {key} is {states[0]}, expected {expected}"
    for key in there.keys() - found.cells.keys():
        yield f"{where}: {key or 'a trial without key'} is not in the ledger ({', '.join(there[key])})"
