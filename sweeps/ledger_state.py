"""What the lines of a ledger add up to: results, cells, attempts, what MLflow has, the gate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from .ledger import Line

Key = tuple[str, int]  # trial key and replicate


@dataclass(frozen=True)
class State:
    """A frozen view of a ledger.

    Attributes:
        header: the last ``sweep`` line, or None.
        results: result lines by trial key and replicate; the first wins, a late duplicate is dropped.
        replicates: the replicates of each trial key that have a result.
        cells: the last ``cell`` line of each trial key.
        configs: the configuration of each trial key that was started, reported or finished.
        attempts: starts of each trial key after its last ``cell`` line.
        acknowledged: MLflow run id of each trial key, and of ``parent``.
        unsent: trial keys whose last ``cell`` line MLflow has not acknowledged, in ledger order.
        gate: trial keys that the test gate was opened for, or None while it is shut.
        tests: test lines by trial key and replicate; the first wins.
    """

    header: Line | None
    results: Mapping[Key, Line]
    replicates: Mapping[str, frozenset[int]]
    cells: Mapping[str, Line]
    configs: Mapping[str, Line]
    attempts: Mapping[str, int]
    acknowledged: Mapping[str, str]
    unsent: tuple[str, ...]
    gate: tuple[str, ...] | None
    tests: Mapping[Key, Line]


def is_model(line: Line) -> bool:
    """Whether a line records an exported model, not the run of a cell."""
    return line.get("kind") == "mlflow" and "model" in line


def state(lines: Iterable[Line]) -> State:
    """Read the lines once, in order. Kinds that are not known are passed over."""
    header: Line | None = None
    results: dict[Key, Line] = {}
    cells: dict[str, Line] = {}
    configs: dict[str, Line] = {}
    attempts: dict[str, int] = {}
    acknowledged: dict[str, str] = {}
    unsent: dict[str, None] = {}
    gate: tuple[str, ...] | None = None
    tests: dict[Key, Line] = {}
    for line in lines:
        kind, key = line.get("kind"), str(line.get("trial_key"))
        if kind in ("start", "result", "cell") and "config" in line:
            configs.setdefault(key, line["config"])
        if kind == "sweep":
            header = line
        elif kind == "start":
            attempts[key] = attempts.get(key, 0) + 1
        elif kind == "result":
            results.setdefault((key, int(line["replicate"])), line)
        elif kind == "cell":
            cells[key] = line
            attempts.pop(key, None)
            unsent.pop(key, None)
            unsent[key] = None
        elif kind == "mlflow" and not is_model(line):
            acknowledged[key] = str(line["run_id"])
            unsent.pop(key, None)
        elif kind == "test" and line.get("stage") == "plan":
            gate = tuple(line["cells"]) if gate is None else gate
        elif kind == "test":
            tests.setdefault((key, int(line["replicate"])), line)
    replicates: dict[str, frozenset[int]] = {}
    for key, replicate in results:
        replicates[key] = replicates.get(key, frozenset()) | {replicate}
    return State(
        header,
        MappingProxyType(results),
        MappingProxyType(replicates),
        MappingProxyType(cells),
        MappingProxyType(configs),
        MappingProxyType(attempts),
        MappingProxyType(acknowledged),
        tuple(unsent),
        gate,
        MappingProxyType(tests),
    )
