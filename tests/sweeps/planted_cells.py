"""Planted ledgers: result lines of cells whose true scores are known, drawn all at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

LADDER = (1, 8, 64)
SHAPE = {1: -12.0, 8: 0.0, 64: -4.0}  # of the curve over the ladder, in points about its highest rung
Lines = list[dict[str, Any]]


@dataclass(frozen=True)
class Plant:
    """A cell with its true scores in per cent.

    Attributes:
        arm: the arm.
        score: balanced accuracy at its own best rung.
        knobs: the arm's knobs.
        adjusted: adjusted score; as ``score`` when None.
        auc: area under the curve.
        gap: training less held-out recall of the minority.
        stage: of the cell.
        context: fields of the configuration that stand before the arm.
        diagnostics: as in a result line, without noise.
        test: true score on the test rows; None when it does not read them.
        nuisance: number of an A/A clone.
    """

    arm: str
    score: float
    knobs: Mapping[str, Any] = field(default_factory=dict)
    adjusted: float | None = None
    auc: float = 80.0
    gap: float = 10.0
    stage: str = "design"
    context: Mapping[str, Any] = field(default_factory=dict)
    diagnostics: Mapping[str, float] = field(default_factory=dict)
    test: float | None = None
    nuisance: int = 0

    @property
    def config(self) -> dict[str, Any]:
        """The configuration as records show it."""
        base = {"data": "d", "encoder": "e", "classifier": "mlp", "steps": "folds", **self.context}
        marks: dict[str, Any] = {"nuisance": self.nuisance} if self.nuisance else {}
        if self.stage == "confirm":
            marks["draws"] = "confirm"
        return {**base, "arm": self.arm, **self.knobs, **marks}

    @property
    def key(self) -> str:
        """A readable trial key."""
        return "/".join(f"{name}={value}" for name, value in self.config.items())


def ledger(
    plants: Sequence[Plant], replicates: int = 10, sd: float = 0.3, seed: int = 0, **header: Any
) -> Lines:
    """Lines of planted cells: a replicate shares its draw, noise of ``sd`` points is each cell's own."""
    random = np.random.default_rng(seed)
    head = {
        "kind": "sweep",
        "sweep": "planted",
        "folds": 10,
        "seed": seed,
        "inference": "replicates",
        **header,
    }
    draws = random.normal(0, 2, size=(2, replicates))  # of the design, and the fresh ones
    noise = random.normal(0, sd, size=(len(plants), replicates, 8)) / 100
    lines = [head]
    for plant, own in zip(plants, noise, strict=True):
        shared = draws[int(plant.stage == "confirm")] / 100
        for replicate in range(replicates):
            lines += _lines(plant, replicate, shared[replicate], own[replicate])
    return lines


def _lines(plant: Plant, replicate: int, draw: float, own: Any) -> Lines:
    moved = plant.score if plant.adjusted is None else plant.adjusted
    rungs = []
    for i, steps in enumerate(LADDER):
        # the noise of a cell is the same at its rungs: what it learns later it has learned before
        score = (plant.score + SHAPE[steps]) / 100 + draw + own[0]
        rungs.append(
            {
                "steps": steps,
                "cv_balanced_accuracy": (plant.score + SHAPE[steps] - 2) / 100 + draw + own[1 + i],
                "dev_balanced_accuracy": score,
                "dev_adjusted_balanced_accuracy": (moved + SHAPE[steps]) / 100 + draw + own[4],
            }
        )
    chosen = rungs[LADDER.index(8)]
    recall = {"recall": 0.5, "train_recall": 0.5 + plant.gap / 100 + own[5]}
    name = {"trial_key": plant.key, "config": plant.config, "stage": plant.stage, "replicate": replicate}
    result = {
        "kind": "result",
        **name,
        "status": "ok",
        "scored_on": "dev",
        "chosen_steps": 8,
        "scores": {k: v for k, v in chosen.items() if k != "steps"}
        | {"dev_auc": plant.auc / 100 + draw + own[6]},
        "curve": rungs,
        "counts": {"real": {"neg": 10, "pos": 90}},
        "per_class": {"neg": recall, "pos": {"recall": 0.9, "train_recall": 0.9}},
        "diagnostics": dict(plant.diagnostics),
    }
    if plant.test is None:
        return [result]
    scores = {"test_balanced_accuracy": plant.test / 100 + draw + own[7]}
    return [result, {"kind": "test", **name, "status": "ok", "scored_on": "test", "scores": scores}]
