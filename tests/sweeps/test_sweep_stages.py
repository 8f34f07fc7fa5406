"""A sweep with all its stages on real Ray: A/A clones, a size, a Sobol block, a search and a confirmation."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from sweeps import ledger
from sweeps.ledger import read
from sweeps.ledger_state import state
from sweeps.places import places
from sweeps.plan import CONFIRM
from sweeps.standing import disagreements

pytestmark = pytest.mark.slow

SCHEMA = json.loads(Path(ledger.__file__).with_name("ledger_schema.json").read_text())

OPTIONS = (
    "--set", "arms=[none, smote]",
    "--set", "space={k: [1, 3], ratio: [100], metric: [euclidean]}",
    "--set", "controls=1",
    "--set", "sizes=[[60, 10]]",
    "--set", "robustness.points=1",
    "--set", "search={trials: 1, race: true}",
    "--set", "confirm.replicates=1",
)  # fmt: skip


@pytest.fixture(scope="module")
def staged(workshop: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "tiny"
    code, text = workshop.run("sweep", out, *OPTIONS)
    assert code == 0, text
    return out


def test_every_stage_has_its_cells(staged: Path) -> None:
    lines = read(staged / "ledger.jsonl").lines
    for line in lines:
        jsonschema.validate(line, SCHEMA)
    found = state(lines)
    stages = Counter(line["stage"] for line in found.cells.values())
    confirmed = stages.pop("confirm")
    assert stages == {"design": 4 + 2, "control": 2, "robustness": 2, "exploit": 1}
    assert 4 <= confirmed <= 5  # two defaults, two clones, and a winner that is no default
    assert {line["status"] for line in found.cells.values()} <= {"ok", "raced"}
    assert disagreements(places(staged, environment={}), "tiny", lines) == []


def test_a_clone_differs_in_random_numbers_and_trains_on_the_same_rows(staged: Path) -> None:
    results = state(read(staged / "ledger.jsonl").lines).results.values()
    none = {
        line["config"].get("nuisance", 0): line
        for line in results
        if line["config"]["arm"] == "none"
        and line["replicate"] == 0
        and line["stage"] in ("design", "control")
        and "imbalance" not in line["config"]
    }
    assert none[0]["counts"] == none[1]["counts"]
    assert none[0]["curve"] != none[1]["curve"]


def test_a_size_has_so_many_rows_and_a_confirmation_one_replicate(staged: Path) -> None:
    results = state(read(staged / "ledger.jsonl").lines).results.values()
    sizes = {tuple(r["counts"]["real"].values()) for r in results if r["config"].get("imbalance") == "60:10"}
    assert sizes == {(60, 10)}
    fresh = [line for line in results if line["config"].get("draws") == CONFIRM]
    assert {line["replicate"] for line in fresh} == {0}
    base = next(r for r in results if r["config"]["arm"] == "none" and r["stage"] == "design")
    assert fresh[0]["counts"]["real"] == base["counts"]["real"]


def test_settings_of_the_classifier_change_what_is_trained(staged: Path) -> None:
    results = state(read(staged / "ledger.jsonl").lines).results.values()
    block = [line for line in results if line["stage"] == "robustness" and line["config"]["arm"] == "none"]
    base = next(r for r in results if r["config"]["arm"] == "none" and r["stage"] == "design")
    assert {name for name in block[0]["config"] if "." in name} == {
        "mlp.hidden", "mlp.learning_rate", "mlp.weight_decay",
    }  # fmt: skip
    losses = [[rung["dev_log_loss"] for rung in line["curve"]] for line in (block[0], base)]
    assert not np.allclose(*losses)


def test_the_same_command_finds_nothing_left(staged: Path, workshop: Any) -> None:
    before = work(staged)
    code, text = workshop.run("sweep", staged, *OPTIONS)
    assert code == 0, text
    assert work(staged) == before


def work(out: Path) -> list[Any]:
    """The lines of a ledger but those of MLflow's answers."""
    return [line for line in read(out / "ledger.jsonl").lines if line["kind"] != "mlflow"]
