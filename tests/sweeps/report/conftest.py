"""Hand-made ledgers, and reports made of them once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from sweeps.report import Report, make

LADDER = (1, 4, 16, 64)
HOSTILE = "<script>alert(1)</script>"
Lines = list[dict[str, Any]]
BAND = {"variance_ratio": (0.62, 0.9, 1.1), "island_rate": (0.2, 0.0, 0.05), "recall": (0.5, 0.4, 0.8)}


def line(
    arm: str,
    scores: tuple[float, ...],
    replicate: int,
    stage: str = "design",
    rare: str = "rare",
    **knobs: Any,
) -> dict[str, Any]:
    """One result: true scores in per cent along the ladder plus the draw's noise and the cell's own."""
    key = "/".join([arm, stage, *(f"{name}={value}" for name, value in knobs.items())])
    draw = np.random.default_rng(replicate).normal(0, 2)
    own = np.random.default_rng([replicate, *key.encode()])
    values = [float((score + draw + own.normal(0, 0.3)) / 100) for score in scores]
    rungs = [
        {
            "steps": steps,
            "cv_balanced_accuracy": value - 0.02,
            "dev_balanced_accuracy": value,
            "dev_adjusted_balanced_accuracy": value + 0.01,
        }
        for steps, value in zip(LADDER, values, strict=True)
    ]
    chosen = rungs[int(np.argmax(scores))]
    made = 80 if "ratio" in knobs else 0
    diagnostics: dict[str, float] = {}
    for name, (value, low, high) in BAND.items() if made else ():
        diagnostics |= {name: value + 0.01 * replicate, f"{name}_null": (low + high) / 2}
        diagnostics |= {f"{name}_null_low": low, f"{name}_null_high": high}
    return {
        "schema": 1,
        "kind": "result",
        "sweep": "made",
        "at": "2026-11-21T03:00:00Z",
        "stage": stage,
        "trial_key": key,
        "attempt": 1,
        "config": {"data": "d", "encoder": "e", "classifier": "mlp", "steps": "folds", "arm": arm, **knobs},
        "replicate": replicate,
        "status": "ok",
        "reason": None,
        "scored_on": "dev",
        "chosen_steps": chosen["steps"],
        "scores": {name: v for name, v in chosen.items() if name != "steps"} | {"dev_auc": values[0] + 0.05},
        "curve": rungs,
        "folds": [{"fold": 0, "cv_balanced_accuracy": values[0]}],
        "per_class": {
            rare: {"recall": values[0] - 0.1, "train_recall": 0.95},
            "usual": {"recall": 0.9, "train_recall": 0.97},
        },
        "confusion": [[5, 1], [2, 9]],
        "counts": {
            "real": {rare: 20, "usual": 100},
            "requested": {rare: made},
            "achieved": {rare: made - (5 if arm == "smote" and replicate == 0 else 0)},
        },
        "diagnostics": diagnostics,
        "seconds": {"total": 1.0},
    }


def cells(rare: str = "rare", replicates: int = 4) -> Lines:
    """Every kind of cell that a section reads."""
    plans: list[tuple[str, tuple[float, ...], Mapping[str, Any]]] = [
        ("none", (50, 55, 62, 64), {}),
        ("logit_adjust", (52, 66, 72, 68), {}),
        ("class_weight", (70, 73, 70, 65), {}),
        *(("ros", (70, 73 - abs(r - 100) / 50, 70, 65), {"ratio": r}) for r in (100.0, 50.0, 200.0)),
        *(
            ("smote", (68, 74 - abs(k - 5) / 5, 71, 66), {"ratio": 100.0, "k": k, "metric": metric})
            for k in (5, 1, 15)
            for metric in ("euclidean", "manhattan")
        ),
        *(("vae", (66, 70 + latent / 8, 70, 66), {"ratio": 100.0, "latent": latent}) for latent in (16, 4)),
    ]
    lines = [
        line(arm, scores, replicate, rare=rare, **knobs)
        for arm, scores, knobs in plans
        for replicate in range(replicates)
    ]
    clones = [
        line("none", (50, 55, 62, 64), replicate, "control", rare, nuisance=seed)
        for seed in (1, 2)
        for replicate in range(replicates)
    ]
    return [*lines, *clones]


def header(**more: Any) -> dict[str, Any]:
    return {
        "schema": 1, "kind": "sweep", "sweep": "made", "at": "2026-11-21T02:00:00Z", "seed": 7, "folds": 10,
        "spec_hash": "ab" * 32, "data_digest": "cd" * 32, "encoder_digest": "ef" * 32,
        "versions": {"numpy": "2.4"}, "classes": ["rare", "usual"], "overlap": {"rare": 0.0}, **more,
    }  # fmt: skip


@pytest.fixture(scope="session")
def hostile() -> str:
    return HOSTILE


@pytest.fixture(scope="session")
def full_lines() -> Lines:
    """A ledger with cells for every section, hostile names in it, and a cell that did not apply."""
    lines = [header(classes=[HOSTILE, "usual"], inference="replicates"), *cells(HOSTILE)]
    away = {"kind": "cell", "trial_key": "adasyn", "config": {"arm": "adasyn"}, "status": "not_applicable"}
    odd = [line(HOSTILE, (60, 61, 62, 60), replicate) for replicate in range(4)]
    odd += [line("$x^2_{", (60, 61, 62, 60), replicate) for replicate in range(4)]
    return [*lines, *odd, {**away, "reason": f"no neighbour of {HOSTILE}"}]


@pytest.fixture(scope="session")
def full(full_lines: Lines) -> Report:
    return make(full_lines, "made")


@pytest.fixture(scope="session")
def bare_lines() -> Lines:
    """Nothing but the scores of two arms on two draws."""
    return [
        {
            "kind": "result",
            "trial_key": arm,
            "config": {"arm": arm},
            "replicate": replicate,
            "scores": {"dev_balanced_accuracy": score + replicate / 100},
        }
        for arm, score in (("none", 0.6), ("ros", 0.7))
        for replicate in (0, 1)
    ]


@pytest.fixture(scope="session")
def bare(bare_lines: Lines) -> Report:
    return make(bare_lines, "bare")


@pytest.fixture(scope="session")
def repeated() -> Report:
    """A report on repetitions of cross-validation on one data set."""
    arms = {"none": (50.0, 55.0, 62.0, 64.0), "ros": (70.0, 73.0, 70.0, 65.0)}
    lines = [line(arm, scores, replicate) for arm, scores in arms.items() for replicate in range(3)]
    for each in lines:
        score = each["scores"]["cv_balanced_accuracy"]
        each["scored_on"] = "cv"
        each["folds"] = [{"fold": f, "cv_balanced_accuracy": score + f / 200} for f in range(3)]
    return make([header(inference="repetitions", test_fraction_nb=1 / 3), *lines], "repeated")


@pytest.fixture(scope="session")
def two_contexts() -> Report:
    """A report on two classifiers."""
    arms = {"none": (50.0, 55.0, 62.0, 64.0), "ros": (70.0, 73.0, 70.0, 65.0)}
    lines = [line(arm, scores, replicate) for arm, scores in arms.items() for replicate in range(3)]
    others = [
        {**each, "trial_key": f"{each['trial_key']}/knn", "config": {**each["config"], "classifier": "knn"}}
        for each in lines
    ]
    return make([*lines, *others], "contexts")


@pytest.fixture(scope="session")
def made_cells() -> Lines:
    return cells()


@pytest.fixture(scope="session")
def made_header() -> dict[str, Any]:
    return header(inference="replicates")
