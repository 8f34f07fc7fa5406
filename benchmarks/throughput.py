"""Finished cells an hour of ``synaug sweep`` against two scripts made of the same packages."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from benchmarks.contenders import Scored, Watched, run_script, run_synaug
from benchmarks.measure import Figure, Found, Options, ratio
from benchmarks.sentences import write_sentences
from sweeps.plan import design_cells
from sweeps.prepare import prepare, share
from sweeps.spec import Spec, load_spec
from synaug.classifiers.options import DEFAULT_LADDER
from synaug.classifiers.precision import fastest_precision

# First weights as in scikit-learn; rate, decay and length were chosen on folds of other seeds, so that
# the network is as good as scikit-learn's (docs/LOG.md).
CLASSIFIER = {"init": "glorot", "learning_rate": 0.03, "weight_decay": 3e-4}
LADDER = tuple(steps for steps in DEFAULT_LADDER if steps <= 32)
SEED = 100  # of the first repetition
SCRIPTS = {"baseline": "benchmarks.baseline_stack", "dataloader": "benchmarks.dataloader_stack"}


def measure(options: Options) -> Found:
    """Run the three sweeps in turns, each in a process of its own, on the same rows and cells.

    Every repetition has folds of its own, so that their accuracies tell more than one draw does.
    """
    runs = []
    with tempfile.TemporaryDirectory(prefix="synaug-bench-") as name, own_cache(name) as cache:
        for number in range(1 if options.quick else options.sweeps):
            folder = Path(name, str(number))
            folder.mkdir()
            spec = load_spec(fields(options, folder) | {"seed": SEED + number})
            rows = _write_inputs(spec, folder)
            works: dict[str, Callable[[Path], Watched]] = {
                "synaug": partial(_synaug, folder, cache),
                **{key: partial(_script, module, folder) for key, module in SCRIPTS.items()},
            }
            runs.append({key: work(folder / key) for key, work in works.items()})
    cells = len(runs[0]["synaug"].cells)
    assert all(len(run.cells) == cells for repetition in runs for run in repetition.values())
    return Found(tuple(_figures(runs)), {"cells": cells, **_detail(runs, spec, rows)})


@contextmanager
def own_cache(folder: str) -> Iterator[Path]:
    """Give synaug a cache of its own for a while, so that nothing of earlier runs is used again."""
    before, cache = os.environ.get("SYNAUG_CACHE"), Path(folder) / "cache"
    os.environ["SYNAUG_CACHE"] = str(cache)
    try:
        yield cache
    finally:
        os.environ.pop("SYNAUG_CACHE")
        if before is not None:
            os.environ["SYNAUG_CACHE"] = before


def fields(options: Options, folder: Path) -> dict[str, Any]:
    """The fields of the sweep's spec: one replicate, so that a cell is one 10-fold cross-validation."""
    arms, ratios = (("ros", "smote"), (100.0,)) if options.quick else (options.arms, options.ratios)
    source, drawn = "builtin", {"kind": "natural"}
    if options.data is not None:  # 8,000 rows of AG News
        source = str(options.data.absolute())
        drawn = {"kind": "step", "minority_share": 0.25, "n_majority": 2600, "n_minority": 200}
    if options.quick:
        source = str(write_sentences(folder / "sentences.csv"))
        drawn = {"kind": "step", "minority_share": 0.5, "n_majority": 60, "n_minority": 20}
    return {
        "name": "throughput",
        "data": {"source": source},
        "imbalance": drawn,
        "folds": 3 if options.quick else 10,
        "replicates": 1,
        "precision": fastest_precision(),  # what a sweep takes here by itself
        "classifier": {"ladder": [1, 4, 16] if options.quick else [*LADDER], **CLASSIFIER},
        "arms": list(arms),
        "controls": 0,
        "diagnostics": False,  # the scripts look at no synthetic rows either
        "design": "factorial",
        "space": {
            "ratio": list(ratios), "k": [5], "metric": ["euclidean"],
            "borderline_smote.kind": [1], "borderline_smote.m": [10],
            "vae.latent": [16], "vae.beta": [1.0], "vae.epochs": [300],
        },
    }  # fmt: skip


def _write_inputs(spec: Spec, folder: Path) -> list[int]:
    """Cache the embeddings, write what the three processes read; return the rows of each class."""
    prepared = prepare(spec)
    shared = share(prepared)
    drawn = shared.draws[0].rows
    X, y = np.ascontiguousarray(shared.X[drawn]), shared.y[drawn]
    np.savez(folder / "data.npz", X=X, y=y, folds=shared.draws[0].folds)
    cells = [{"arm": cell.arm, "ratio": dict(cell.settings)["ratio"]} for cell in design_cells(spec)]
    (folder / "cells.json").write_text(json.dumps(cells))
    (folder / "spec.yaml").write_text(yaml.safe_dump(yaml.safe_load(spec.to_yaml())))
    return [int(n) for n in np.bincount(y)]


def _synaug(folder: Path, cache: Path, out: Path) -> Watched:
    """Only the embeddings are there before, as for the scripts: each sweep trains its own VAEs."""
    for name in ("pools", "graphs"):
        shutil.rmtree(cache / name, ignore_errors=True)
    return run_synaug(folder / "spec.yaml", out / "sweep")


def _script(module: str, folder: Path, out: Path) -> Watched:
    return run_script(module, folder / "data.npz", folder / "cells.json", out)


def _figures(runs: Sequence[Mapping[str, Watched]]) -> list[Figure]:
    found = []
    for suffix, what in (("", "from the first cell's work to the last result"), ("_whole", "whole process")):
        for key in SCRIPTS:
            ours, theirs = (
                [run[name].whole if suffix else run[name].steady for run in runs] for name in ("synaug", key)
            )
            text = f"cells an hour, {what}: synaug / {key} stack"
            found.append(ratio(f"ratio_to_{key}{suffix}", text, ours, theirs))
    return found


def _detail(runs: Sequence[Mapping[str, Watched]], spec: Spec, rows: Sequence[int]) -> dict[str, Any]:
    times = ("steady", "whole", "start_up", "closing")
    return {
        "rows": list(rows),
        "folds": spec.folds,
        "data": spec.data.source if spec.data.source == "builtin" else Path(spec.data.source).name,
        "arms": list(spec.arms),
        "ratios": list(spec.space["ratio"]),
        "precision": spec.precision,
        "steps": spec.classifier.ladder[-1],
        "runs": {
            name: {time: [getattr(run[name], time) for run in runs] for time in times} for name in runs[0]
        },
        "balanced_accuracy": {
            key: compare([(run["synaug"].cells, run[key].cells) for run in runs]) for key in SCRIPTS
        },
    }


def compare(runs: Sequence[tuple[Sequence[Scored], Sequence[Scored]]]) -> dict[str, Any]:
    """Differences of balanced accuracy on held-out folds, cell by cell, in percentage points.

    Rows and folds are the same in a pair. ``same_passes`` is our budget with at least as many passes over
    the rows as theirs, or the last there is; ``longest`` is our last, which takes less time than theirs;
    ``chosen`` is what the other folds choose. ``standard_error`` is that of the mean over the repetitions,
    where there are several.

    Args:
        runs: our cells and theirs, a pair a repetition.
    """
    epochs = statistics.median(cell.epochs for _, theirs in runs for cell in theirs)
    rungs = sorted(int(name) for name in runs[0][0][0].scores if name != "chosen")
    rung = next((steps for steps in rungs if steps >= epochs), rungs[-1])
    budgets = {"same_passes": str(rung), "longest": str(rungs[-1]), "chosen": "chosen"}
    return {
        "theirs": statistics.mean(cell.scores["chosen"] for _, theirs in runs for cell in theirs),
        "their_epochs": epochs,
        "same_passes_steps": rung,
        "longest_steps": rungs[-1],
        "points_ours_less_theirs": {
            name: _summary([_gains(ours, theirs, budget) for ours, theirs in runs])
            for name, budget in budgets.items()
        },
    }


def _gains(ours: Sequence[Scored], theirs: Sequence[Scored], budget: str) -> list[tuple[str, float]]:
    """Arm and difference of each cell in percentage points."""
    matched = {(cell.arm, cell.ratio): cell.scores["chosen"] for cell in theirs}
    return [(cell.arm, 100 * (cell.scores[budget] - matched[cell.arm, cell.ratio])) for cell in ours]


def _summary(runs: Sequence[Sequence[tuple[str, float]]]) -> dict[str, Any]:
    """Mean over cells and repetitions, its standard error, the arms' means."""
    means = [statistics.mean(gain for _, gain in run) for run in runs]
    error = {"standard_error": statistics.stdev(means) / len(means) ** 0.5} if len(means) > 1 else {}
    arms = sorted({arm for arm, _ in runs[0]})
    by_arm = {arm: statistics.mean(gain for run in runs for name, gain in run if name == arm) for arm in arms}
    return {"mean": statistics.mean(means), **error, "by_arm": by_arm}
