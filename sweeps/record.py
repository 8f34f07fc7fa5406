"""What MLflow is told: a child run of a cell and the parent run, read from ledger lines."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from tracking import ADJUSTED, HEADLINE, CellRun, DataUsed, ParentRun

from .entry import Entry
from .spec import Spec
from .standing import MLFLOW_STATUS

Line = Mapping[str, Any]
PACKAGES = (
    "synaug", "ray", "optuna", "mlflow", "torch", "transformers", "imbalanced-learn", "scikit-learn", "numpy",
)  # fmt: skip
MEANS = {"macro_f1": "macro_f1", "auc": "auc", "log_loss": "log_loss"}  # of what the cell is scored on
EXAMPLE_LENGTH = 300


@dataclass(frozen=True)
class About:
    """What the runs of a sweep say of its data.

    Attributes:
        data: the data set as MLflow shows it.
        encoder: name of the encoder, or names of all.
        texts: the texts of the rows of X where examples may be logged, else None.
    """

    data: DataUsed
    encoder: str
    texts: Sequence[str] | None = None


def versions() -> dict[str, str]:
    """Versions of the packages that numbers depend on."""
    return {name: importlib.metadata.version(name) for name in PACKAGES}


def milliseconds(at: str) -> int:
    """Milliseconds since 1970 of a ledger's time stamp."""
    return round(datetime.fromisoformat(at).timestamp() * 1000)


def interval(values: Sequence[float]) -> tuple[float, float] | None:
    """95 % t interval of a mean over replicates; None for fewer than two."""
    if len(values) < 2:
        return None
    from scipy import stats  # half a second, in the middle of a sweep's start

    half = stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / len(values) ** 0.5
    return float(np.mean(values) - half), float(np.mean(values) + half)


def cell_run(
    spec: Spec,
    about: About,
    entry: Entry,
    varying: Iterable[str],
    sketch: Line | None,
    confusion: bool = True,
    trace: bytes | None = None,
) -> CellRun:
    """Return a finished cell as MLflow's child run.

    Args:
        spec: the sweep.
        about: its data.
        entry: the cell with its ``cell`` line and results.
        varying: names of the configuration that differ between cells; these become params.
        sketch: the picture of replicate 0, where a worker sent one.
        confusion: draw the confusion matrix; the tables have its numbers anyway.
        trace: where a cell that failed stood.
    """
    closed = entry.closed
    assert closed is not None
    results = [entry.results[r] for r in sorted(entry.results) if entry.results[r]["status"] == "ok"]
    ended = milliseconds(closed["at"])
    return CellRun(
        trial_key=entry.key,
        sweep=spec.name,
        name=entry.label,
        params={name: str(entry.config[name]) for name in varying if name in entry.config},
        tags={
            "method": entry.cell.arm,
            "dataset": about.data.name,
            "encoder": str(entry.config["encoder"]),
            "fold_scheme": f"{spec.folds}-fold stratified",
            "stage": entry.cell.stage,
            "status_reason": closed["reason"] or "",
            "scored_on": results[0]["scored_on"] if results else "",
        },
        metrics=_metrics(entry, results) if results else {},
        replicate_metrics=_by_replicate(results),
        budget_metrics=_by_budget(results),
        dataset=about.data,
        artifacts=_artifacts(about, entry, results, sketch, spec.log_examples, confusion, trace),
        status=MLFLOW_STATUS[closed["status"]],  # type: ignore[arg-type]
        started_ms=ended - round(1000 * closed["seconds"]),
        ended_ms=ended,
    )


def _score(result: Line, name: str) -> float:
    return float(result["scores"][f"{result['scored_on']}_{name}"])


def _metrics(entry: Entry, results: Sequence[Line]) -> dict[str, float]:
    values = [_score(r, HEADLINE) for r in results]
    found = {
        HEADLINE: float(np.mean(values)),
        ADJUSTED: float(np.mean([_score(r, ADJUSTED) for r in results])),
        "chosen_steps": float(np.mean([r["chosen_steps"] for r in results])),
        "replicates": float(len(results)),
    }
    if (ends := interval(values)) is not None:
        found |= {f"{HEADLINE}_low": ends[0], f"{HEADLINE}_high": ends[1]}
    for name in ("cv_balanced_accuracy", "cv_adjusted_balanced_accuracy"):
        found[name] = float(np.mean([r["scores"][name] for r in results]))
    for name, score in MEANS.items():
        found[name] = float(np.mean([_score(r, score) for r in results]))
    rare = min(results[0]["counts"]["real"], key=results[0]["counts"]["real"].get)
    found["minority_recall"] = float(np.mean([r["per_class"][rare]["recall"] for r in results]))
    for kind in ("requested", "achieved"):
        rows = [sum(r["counts"].get(kind, {}).values()) for r in results]
        found[f"synthetic_{kind}"] = float(np.mean(rows))
    knobs = {name: value for name, value in entry.config.items() if name in ("k", "ratio", "latent")}
    found |= {name: float(value) for name, value in knobs.items()}
    for metric, part in (
        ("seconds", "total"),
        ("synthesis_seconds", "synthesis"),
        ("training_seconds", "training"),
    ):
        found[metric] = float(np.mean([r["seconds"][part] for r in results]))
    return found


def _by_replicate(results: Sequence[Line]) -> dict[str, list[tuple[int, float]]]:
    return {
        name: [(int(r["replicate"]), _score(r, name)) for r in results]
        for name in (HEADLINE, ADJUSTED)
        if results
    }


def _by_budget(results: Sequence[Line]) -> dict[str, list[tuple[int, float]]]:
    if not results:
        return {}
    part, rungs = results[0]["scored_on"], results[0]["curve"]
    return {
        name: [
            (int(rung["steps"]), float(np.mean([r["curve"][i][f"{part}_{name}"] for r in results])))
            for i, rung in enumerate(rungs)
        ]
        for name in (HEADLINE, ADJUSTED)
    }


def _artifacts(
    about: About, entry: Entry, results: Sequence[Line], sketch: Line | None, examples: int, confusion: bool,
    trace: bytes | None,
) -> dict[str, bytes]:  # fmt: skip
    tables = {
        "config": entry.config,
        "replicates": [
            {key: r[key] for key in ("replicate", "chosen_steps", "scores", "per_class", "folds", "confusion",
                                     "counts", "curve", "diagnostics") if key in r}
            for r in results
        ],
    }  # fmt: skip
    from .pictures import confusion_picture, points_picture  # matplotlib takes half a second to import

    found = {"tables.json": json.dumps(tables).encode()}
    if trace is not None:
        return found | {"stack.txt": trace}
    if results and confusion:
        matrix = np.sum([r["confusion"] for r in results], axis=0)
        title = f"{entry.label}\n{results[0]['scored_on']} rows, {len(results)} replicates"
        found["confusion.png"] = confusion_picture(matrix.tolist(), about.data.classes, title)
    if sketch:
        found["points.png"] = points_picture(
            sketch, about.data.classes, f"{entry.label}\nreplicate 0, fold 0"
        )
        if about.texts is not None and sketch["parents"]:
            found["examples.json"] = _examples(about, sketch["parents"][:examples])
    return found


def _examples(about: About, parents: Sequence[Sequence[float]]) -> bytes:
    """Texts of the parents of some synthetic rows, cut; only where the user asked for them."""
    assert about.texts is not None
    rows = [
        {
            "class": about.data.classes[int(code)],
            "parents": [about.texts[int(row)][:EXAMPLE_LENGTH] for row in (first, second)],
            "share_of_second": round(share, 4),
        }
        for code, first, second, share in parents
    ]
    return json.dumps(rows, indent=1, ensure_ascii=False).encode()


def parent_run(
    spec: Spec,
    about: About,
    entries: Sequence[Entry],
    note: str,
    status: str,
    started_ms: int,
    artifacts: Mapping[str, bytes],
) -> ParentRun:
    """Return the sweep as MLflow's parent run, with what it holds so far.

    Args:
        spec: the sweep.
        about: its data.
        entries: all cells known.
        note: markdown for people.
        status: RUNNING, FINISHED, FAILED or KILLED.
        started_ms: start of the sweep, milliseconds since 1970.
        artifacts: files by name.
    """
    ends = [e.closed["status"] for e in entries if e.closed is not None]
    return ParentRun(
        sweep=spec.name,
        note=note,
        params={
            "data": about.data.name,
            "encoder": about.encoder,
            "classifier": ", ".join(classifier.name for classifier in spec.every_classifier),
            "imbalance": spec.imbalance.kind,
            "folds": str(spec.folds),
            "seed": str(spec.seed),
            "design": spec.design,
        },
        tags={"spec_hash": spec.hash, "replicates": str(spec.replicates), "dataset": about.data.name},
        metrics={f"cells_{name}": float(ends.count(name)) for name in ("ok", "not_applicable", "failed")},
        artifacts=artifacts,
        status=status,  # type: ignore[arg-type]
        started_ms=started_ms,
    )
