"""Every wrong field of a spec: its place, the expectation, the value, the nearest name, the line."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from sweeps.spec import load_spec
from synaug.errors import Exit, SynaugError

BASE: dict[str, Any] = {"name": "t", "arms": ["none", "smote"], "space": {"k": [1, 5]}}
DRAWN = {"kind": "minority", "minority": ["a"], "n_majority": 100, "n_minority": 10}


def with_fields(**fields: Any) -> dict[str, Any]:
    return {**copy.deepcopy(BASE), **fields}


BAD: list[tuple[dict[str, Any], str]] = [
    ({"fold": 5}, r"spec: fold: unknown field \(did you mean 'folds'\?\)"),
    ({"data": {"sourc": "x"}}, r"data\.sourc: unknown field \(did you mean 'source'\?\)"),
    ({"data": {"encoding": "utf-9"}}, r"data\.encoding: expected an encoding .*, got 'utf-9'"),
    ({"data": {"classes": ["a"]}}, r"data\.classes: expected a list of 2 or more"),
    ({"data": 5}, r"data: expected a mapping, got 5"),
    ({"encoder": {"pooling": "max"}}, r"encoder\.pooling: expected one of 'mean' or 'cls', got 'max'"),
    ({"encoder": {"normalize": 1}}, r"encoder\.normalize: expected true or false, got 1"),
    ({"encoder": {"max_length": 0}}, r"encoder\.max_length: expected a number >= 2, got 0"),
    ({"folds": "10"}, r"folds: expected a whole number, got '10'"),
    ({"folds": True}, r"folds: expected a whole number, got True"),
    ({"replicates": 0}, r"replicates: expected a number >= 1, got 0"),
    ({"replicates": 2.5}, r"replicates: expected a whole number, got 2\.5"),
    ({"seed": -1}, r"seed: expected a number >= 0, got -1"),
    ({"schema": 2}, r"schema: expected one of 1, got 2"),
    ({"name": "../x"}, r"name: expected lower-case letters"),
    ({"name": "a..b"}, r"name: expected a name without '\.\.', got 'a\.\.b'"),
    ({"name": "A"}, r"name: expected lower-case letters"),
    ({"name": 7}, r"name: expected text, got 7"),
    ({"precision": "float16"}, r"precision: expected one of 'auto', 'float32' or 'bfloat16'"),
    ({"design": "grid"}, r"design: expected one of"),
    ({"classifier": {"ladder": [1, 1]}}, r"classifier\.ladder: expected step counts that increase"),
    ({"classifier": {"ladder": [2, 1]}}, r"classifier\.ladder: expected step counts that increase"),
    ({"classifier": {"ladder": []}}, r"classifier\.ladder: expected a list of 1 or more"),
    ({"classifier": {"ladder": [0, 1]}}, r"classifier\.ladder\[0\]: expected a number >= 1, got 0"),
    ({"classifier": {"steps": 5}}, r"classifier\.steps: expected 'folds' or a rung of the ladder .*, got 5"),
    ({"classifier": {"steps": "fold"}}, r"classifier\.steps: expected 'folds' or a rung"),
    ({"classifier": {"learning_rate": 0}}, r"classifier\.learning_rate: expected a number >= 1e-06, got 0"),
    ({"classifier": {"learning_rate": float("nan")}}, r"classifier\.learning_rate: expected"),
    ({"search": {"trials": -1}}, r"search\.trials: expected a number >= 0, got -1"),
    ({"limits": {"max_time": "5 parsecs"}}, r"limits\.max_time: expected seconds .* 2h30m, got '5 parsecs'"),
    ({"limits": {"max_time": ""}}, r"limits\.max_time: expected seconds"),
    ({"limits": {"max_time": 0}}, r"limits\.max_time: expected a number > 0, got 0"),
    ({"limits": {"max_failed": 1.5}}, r"limits\.max_failed: expected a share up to 1, or a whole number"),
    ({"test": {"cells": "some"}}, r"test\.cells: expected one of 'all', got 'some'"),
    ({"test": {}}, r"test\.cells: is required"),
    ({"log_examples": -1}, r"log_examples: expected a number >= 0"),
    ({"imbalance": {"kind": "minorty"}}, r"imbalance\.kind: expected .* \(did you mean 'minority'\?\)"),
    ({"imbalance": {"n_majority": 5}}, r"imbalance\.kind: expected one of natural, .*, got None"),
    ({"imbalance": {**DRAWN, "ratio": 10}}, r"imbalance: expected one of n_minority and ratio"),
    ({"imbalance": {**DRAWN, "n_minority": None}}, r"imbalance: expected one of n_minority and ratio"),
    ({"imbalance": {**DRAWN, "n_minority": 200}}, r"imbalance: expected 2 to n_majority rows"),
    ({"imbalance": {**DRAWN, "minority": []}}, r"imbalance\.minority: expected a list of 1 or more"),
    ({"imbalance": {**DRAWN, "minority": [1]}}, r"imbalance\.minority\[0\]: expected text, got 1"),
    ({"imbalance": {**DRAWN, "minority_share": 0.5}}, r"unknown field of imbalance of kind minority"),
    ({"imbalance": {"kind": "step", "n_majority": 9, "ratio": 3}}, r"imbalance\.minority_share: is required"),
    ({"imbalance": {"kind": "long_tail", "n_majority": 9, "ratio": 9}}, r"imbalance: expected a ratio"),
    ({"imbalance": {"kind": "natural", "test_share": 1.0}}, r"imbalance\.test_share: expected a number < 1"),
    ({"arms": ["smot"]}, r"arms\[0\]: unknown arm 'smot' \(did you mean 'smote'\?\)"),
    ({"arms": ["none", "none"]}, r"arms\[1\]: 'none' is given twice"),
    ({"arms": []}, r"arms: expected a list of arms, got \[\]"),
    ({"arms": "smote"}, r"arms: expected a list of arms, got 'smote'"),
    ({"arms": [5]}, r"arms\[0\]: unknown arm 5"),
    ({"space": {"k": [0]}}, r"space\.k\[0\]: expected integers .*, got 0"),
    ({"space": {"k": [5, -1]}}, r"space\.k\[1\]: expected integers .*, got -1"),
    ({"space": {"k": [2.5]}}, r"space\.k\[0\]: expected integers .*, got 2\.5"),
    ({"space": {"k": [None]}}, r"space\.k\[0\]: expected integers .*, got None"),
    ({"space": {"k": 5}}, r"space\.k: expected a list of levels, got 5"),
    ({"space": {"k": []}}, r"space\.k: expected a list of levels, got \[\]"),
    ({"space": {"k": [5, 5]}}, r"space\.k\[1\]: level 5 is given twice"),
    ({"space": {"ratio": [201]}}, r"space\.ratio\[0\]: expected numbers 0 to 200, got 201"),
    ({"space": {"ratio": [-1]}}, r"space\.ratio\[0\]: expected numbers 0 to 200, got -1"),
    ({"space": {"ratio": [float("inf")]}}, r"space\.ratio\[0\]: expected numbers 0 to 200, got inf"),
    ({"space": {"metric": ["cosin"]}}, r"space\.metric\[0\]: .* got 'cosin' \(did you mean 'cosine'\?\)"),
    ({"space": {"ratios": [1]}}, r"space\.ratios: unknown knob 'ratios' \(did you mean 'ratio'\?\)"),
    ({"space": {"smot.k": [1]}}, r"space\.smot\.k: unknown arm 'smot' \(did you mean 'smote'\?\)"),
    ({"space": {"smote.latent": [1]}}, r"space\.smote\.latent: unknown knob 'latent'"),
    ({"space": [1]}, r"space: expected knobs with lists of levels, got \[1\]"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "pattern"), BAD, ids=[str(fields)[:60] for fields, _ in BAD])
def test_one_wrong_field(fields: dict[str, Any], pattern: str) -> None:
    with pytest.raises(SynaugError, match=pattern) as caught:
        load_spec(with_fields(**fields))
    assert len(caught.value.problems) == 1
    assert caught.value.exit is Exit.SPEC


def test_too_few_folds_are_a_matter_of_the_data() -> None:
    with pytest.raises(SynaugError, match="spec: folds: expected a number >= 2, got 1") as caught:
        load_spec(with_fields(folds=1))
    assert caught.value.exit is Exit.DATA
    with pytest.raises(SynaugError) as caught:
        load_spec(with_fields(folds=1, seed=-1))
    assert caught.value.exit is Exit.SPEC


ALL_WRONG = """\
folds: ten
arms: [none, smot]
space:
  k: [0, 5]
  latnt: [4]
clasifier: {name: mlp}
imbalance:
  kind: minority
  minority: [a]
  n_majorty: 100
"""


def test_all_problems_of_a_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text(ALL_WRONG)
    with pytest.raises(SynaugError) as caught:
        load_spec(path)
    found = [(str(p.where).removeprefix(f"{path}, "), p.message) for p in caught.value.problems]
    starts = [(where, message.split(": ")[1]) for where, message in found]
    assert starts == [
        ("line 1", "folds"),
        ("line 2", "arms[1]"),
        ("line 4", "space.k[0]"),
        ("line 5", "space.latnt"),
        ("line 6", "clasifier"),
        ("line 7", "imbalance.n_majority"),
        ("line 10", "imbalance.n_majorty"),
    ]
    assert all(message.startswith("sweep.yaml: ") for _, message in found)
