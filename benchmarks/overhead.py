"""What a cell costs beside its numerical work: a real sweep whose cells do nothing.

Ledger, Optuna, MLflow and Ray are real. What Ray runs is replaced, in this process only: a function
that reads the shared data and reports a result that was made before. One cell runs at a time, so
the time between the starts of two cells is what a cell costs.
"""

from __future__ import annotations

import dataclasses
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psutil
from rich.console import Console

from benchmarks.blobs import blobs
from benchmarks.measure import Figure, Found, Options, one_thread
from benchmarks.sentences import CLASSES, write_sentences
from sweeps import launch
from sweeps.ledger import read
from sweeps.places import places
from sweeps.spec import Spec, load_spec
from synaug.classifiers.options import MlpOptions
from synaug.errors import Exit
from synaug.evaluate import evaluate
from synaug.methods import METHODS
from synaug.sketch import sketch

HALF = 5  # cells on each side of the one that is told
SAMPLE_SECONDS = 0.25
WARM = 200  # cells after which all is imported and every picture drawn

Memory = tuple[float, float]  # time, resident megabytes of the driver


def measure(options: Options) -> Found:
    """Run a sweep of so many empty cells; compare what the tenth and the last ones cost."""
    cells = 20 if options.quick else options.cells
    with tempfile.TemporaryDirectory(prefix="synaug-bench-") as name:
        folder = Path(name)
        spec = load_spec(fields(cells, write_sentences(folder / "sentences.csv")))
        with patch.object(launch, "CLOSE_SECONDS", 3600.0), sampled() as memory:  # until MLflow has all
            began, ended, notes = run_empty(spec, folder / "sweep")
    gaps = [b - a for a, b in pairwise(began)]
    early, late = gaps[10 - HALF : 10 + HALF], gaps[-2 * HALF :]
    figure = Figure("ratio", "seconds around an empty cell: the last / the tenth", _ratios(early, late))
    first, last = spans(gaps)
    growth = Figure(
        "growth", "the same: the last tenth / the first tenth after 200 cells", _ratios(first, last)
    )
    detail = {
        "cells": len(began),
        "seconds": {"tenth": statistics.median(early), "last": statistics.median(late)},
        "seconds_a_cell_with_mlflow": (ended - began[0]) / len(began),
        "resident_megabytes": resident(memory, began, ended),
        "notes": list(notes),
    }
    return Found((figure, growth), detail)


def spans(gaps: Sequence[float]) -> tuple[list[float], list[float]]:
    """Medians of ten parts each of the first and the last tenth, once all is imported and drawn.

    Ten gaps alone vary more than the growth that is looked for, and MLflow's tables are still being made
    when the tenth cell runs.
    """
    steady = gaps[min(WARM, len(gaps) // 3) :]
    size = max(1, len(steady) // 100)
    parts = [statistics.median(steady[start : start + size]) for start in range(0, len(steady), size)]
    count = min(10, len(parts) // 2)
    return parts[:count], parts[-count:]


@contextmanager
def sampled() -> Iterator[list[Memory]]:
    """Write down four times a second how much memory this process holds."""
    found: list[Memory] = []
    done, process = threading.Event(), psutil.Process()

    def sample() -> None:
        while not done.wait(SAMPLE_SECONDS):
            found.append((time.time(), process.memory_info().rss / 1e6))

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        done.set()
        thread.join()


def resident(memory: Sequence[Memory], began: Sequence[float], ended: float) -> dict[str, float]:
    """The driver's memory when a cell began, at five of them, when MLflow had all, and at most."""
    cells = sorted({min(WARM, len(began)), *(len(began) * quarter // 4 for quarter in (1, 2, 3, 4))})
    moments = {f"cell {cell}": began[cell - 1] for cell in cells} | {"all in MLflow": ended}
    at = {name: min(memory, key=lambda one: abs(one[0] - moment))[1] for name, moment in moments.items()}
    return at | {"most": max(megabytes for _, megabytes in memory)}


def _ratios(early: Sequence[float], late: Sequence[float]) -> tuple[float, ...]:
    """The late cells' times over the median of the early ones; their median is the figure."""
    return tuple(gap / statistics.median(early) for gap in late)


def fields(cells: int, data: Path) -> dict[str, Any]:
    """The fields of a spec with at least so many cells of SMOTE: ratios times numbers of neighbours."""
    ks = range(1, 21)
    ratios = [100 + i / 100 for i in range(-(-cells // len(ks)))]
    return {
        "name": "overhead",
        "data": {"source": str(data)},
        "imbalance": {"kind": "minority", "minority": [CLASSES[0]], "n_majority": 60, "n_minority": 30},
        "replicates": 1,
        "arms": ["smote"],
        "controls": 0,
        "design": "factorial",
        "space": {"ratio": ratios, "k": list(ks), "metric": ["euclidean"]},
    }


def run_empty(
    spec: Spec, out: Path, seconds: float = 0.0, address: str = "local", workers: int | None = 1
) -> tuple[list[float], float, Sequence[str]]:
    """Run a sweep of cells that only wait; return when each began, when all was written, what was not.

    Args:
        spec: the sweep, one replicate a cell.
        out: its folder.
        seconds: that a cell waits.
        address: of the Ray cluster.
        workers: cells at a time.
    """
    from sweeps import tune_run

    options = launch.RunOptions(address=address, workers=workers)
    with patch.object(tune_run, "run_cell", empty_cell(canned_line(), seconds)):
        ended = launch.run(spec, places(out, environment={}), options, Console(stderr=True, quiet=True))
    if ended.exit != Exit.OK:
        raise RuntimeError(f"the sweep ended with {ended.exit!r}: {ended.notes}")
    results = [line for line in read(out / "ledger.jsonl").lines if line["kind"] == "result"]
    return [line["diagnostics"]["began"] for line in results], time.time(), ended.notes


def canned_line() -> dict[str, Any]:
    """The result of a real cell, of the size that results have, with what its picture is drawn from."""
    data, method = blobs((30, 60), dev_per_class=30, classes=CLASSES), METHODS["smote"]()
    with one_thread():
        outcome = dataclasses.asdict(evaluate(method, data, MlpOptions(hidden=4)))
    picture: Mapping[str, Any] = sketch(method, data)
    return {"replicate": 0, **outcome, "sketch": picture}


def empty_cell(line: Mapping[str, Any], seconds: float) -> Callable[..., None]:
    """Return what Ray runs instead of a cell; it travels by value, as it is defined in a function."""

    def cell(config: Mapping[str, Any], shared: Sequence[Any], job: Any) -> None:
        import ray
        from ray import tune

        began = time.time()
        ray.get(shared[0])
        time.sleep(seconds)
        sent = {name: value for name, value in line.items() if name != "sketch" or config["sketch"]}
        tune.report({"line": json.dumps({**sent, "diagnostics": {"began": began}})})

    return cell
