"""The JSON Schema of ledger lines: every kind passes, everyday mistakes do not."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import sweeps.ledger
from sweeps.ledger import KINDS, Ledger, read

SCHEMA = json.loads((Path(sweeps.ledger.__file__).parent / "ledger_schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

KEY, DIGEST = "0123456789abcdef", "0" * 64
CONFIG = {
    "data": "sst2", "encoder": "minilm", "classifier": "mlp", "steps": "folds", "arm": "smote",
    "k": 5, "metric": "euclidean", "ratio": 100.0,
}  # fmt: skip
NAME = {"trial_key": KEY, "config": CONFIG, "stage": "design", "attempt": 1, "number": 3}
OUTCOME = {
    "replicate": 0, "status": "ok", "reason": None, "scored_on": "dev", "chosen_steps": 45,
    "scores": {"dev_balanced_accuracy": 0.7012, "cv_balanced_accuracy": 0.66, "dev_log_loss": 1.2},
    "curve": [{"steps": 8, "cv_balanced_accuracy": 0.61, "train_recall": {"negative": 0.7}}],
    "folds": [{"fold": 0, "cv_balanced_accuracy": 0.67}],
    "per_class": {"negative": {"precision": 0.8, "recall": 0.5}}, "confusion": [[1, 2], [3, 4]],
    "counts": {"real": {"negative": 100}, "requested": {"negative": 1900}},
    "diagnostics": {"variance_ratio": 0.71}, "seconds": {"total": 2.1},
}  # fmt: skip
TEST = {**OUTCOME, "scored_on": "test", "scores": {"test_balanced_accuracy": 0.7}}
NOT_APPLICABLE = {"replicate": 0, "status": "not_applicable", "reason": "too few points", "seconds": {}}
CELL = {**NAME, "status": "ok", "reason": None, "replicates": 5, "value": 0.71, "seconds": 10.2}
HEADER = {
    "spec_hash": DIGEST, "versions": {"numpy": "2.4.0"}, "data_digest": DIGEST, "encoder_digest": DIGEST,
    "classes": ["negative", "positive"], "overlap": {"negative": 0.0, "positive": 0.3},
    "inference": "replicates", "folds": 10, "test_fraction_nb": None, "seed": 0,
}  # fmt: skip

GOOD: list[tuple[str, dict[str, Any]]] = [
    ("sweep", HEADER),
    ("start", NAME),
    ("result", {**NAME, **OUTCOME}),
    ("result", {**NAME, **NOT_APPLICABLE}),
    ("cell", CELL),
    ("cell", {**CELL, "status": "failed", "reason": "boom", "value": None}),
    ("test", {"stage": "plan", "cells": [KEY]}),
    ("test", {**NAME, **TEST}),
    ("mlflow", {"trial_key": KEY, "run_id": "r"}),
    ("mlflow", {"trial_key": "parent", "run_id": "r"}),
]


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert {kind for kind, _ in GOOD} == set(KINDS) == set(SCHEMA["properties"]["kind"]["enum"])


def test_written_lines_of_every_kind_pass(tmp_path: Path) -> None:
    with Ledger(tmp_path, "sst2") as ledger:
        for kind, fields in GOOD:
            ledger.append(kind, fields)
    lines = read(tmp_path / "ledger.jsonl").lines
    assert len(lines) == len(GOOD)
    for found in lines:
        VALIDATOR.validate(found)


BAD: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("start", NAME, {"trial_key": "short"}),
    ("start", NAME, {"attempt": 0}),
    ("start", NAME, {"config": {"arm": "smote"}}),
    ("start", NAME, {"at": "yesterday"}),
    ("result", {**NAME, **OUTCOME}, {"scores": {"x": None}}),
    ("result", {**NAME, **OUTCOME}, {"replicate": -1}),
    ("result", {**NAME, **OUTCOME}, {"diagnostics": {"variance_ratio": None}}),
    ("result", {**NAME, **OUTCOME}, {"scored_on": "test"}),
    ("cell", CELL, {"value": None}),
    ("cell", CELL, {"status": "done"}),
    ("test", {**NAME, **TEST}, {"scored_on": "dev"}),
    ("mlflow", {"trial_key": KEY, "run_id": "r"}, {"run_id": ""}),
    ("sweep", HEADER, {"classes": ["one"]}),
]


@pytest.mark.parametrize(("kind", "fields", "change"), BAD)
def test_mistakes_do_not_pass(kind: str, fields: dict[str, Any], change: dict[str, Any]) -> None:
    base = {"schema": 1, "sweep": "t", "at": "2026-11-21T03:00:00Z", "kind": kind, **copy.deepcopy(fields)}
    VALIDATOR.validate(base)
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate({**base, **change})
