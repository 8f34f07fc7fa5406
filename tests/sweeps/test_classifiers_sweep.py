"""A real sweep over several classifiers: ledger, Optuna's studies, MLflow's runs, gate, answers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import optuna
import pytest

from sweeps import ledger
from sweeps.ledger import read
from sweeps.ledger_state import state
from sweeps.places import places
from sweeps.standing import disagreements
from sweeps.storage import close_storage, open_storage
from tracking import PARENT, open_client

pytestmark = pytest.mark.slow

ARMS = ("none", "class_weight", "smote")
CLASSIFIERS = ("mlp", "logistic", "knn", "transformer")
SHORT = "{name: transformer, ladder: [1, 2, 4], layers: 1, batch_size: 16}"
SCHEMA = Path(ledger.__file__).with_name("ledger_schema.json")


@pytest.fixture(scope="module")
def several(workshop: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished sweep of three arms and four classifiers, with one proposal of the search."""
    out = tmp_path_factory.mktemp("several") / "tiny"
    fields = (
        f"arms=[{','.join(ARMS)}]",
        f"classifiers=[{','.join([*CLASSIFIERS[:-1], SHORT])}]",
        "design=defaults",
    )
    code, text = workshop.run(
        "sweep", out, "--workers", 2, *(part for field in fields for part in ("--set", field))
    )
    assert code == 0, text
    return out


def test_the_ledger_has_every_cell_for_every_classifier(several: Path) -> None:
    lines = read(several / "ledger.jsonl").lines
    schema = json.loads(SCHEMA.read_text())
    for line in lines:
        jsonschema.validate(line, schema)
    found = state(lines)
    ended = {
        (line["config"]["classifier"], line["config"]["arm"]): line["status"]
        for line in found.cells.values()
        if line["stage"] == "design"
    }
    expected = {(classifier, arm): "ok" for classifier in CLASSIFIERS for arm in ARMS}
    assert ended == expected | {("knn", "class_weight"): "not_applicable"}
    ladders = {
        line["config"]["classifier"]: tuple(rung["steps"] for rung in line["curve"])
        for line in found.results.values()
        if line["status"] == "ok"
    }
    assert ladders == {
        "mlp": (1, 4, 16),
        "logistic": (1, 10, 100, 1000, 10000, 100000),
        "knn": (1, 3, 5, 9, 15, 31),
        "transformer": (1, 2, 4),
    }
    reasons = [line["reason"] for line in found.cells.values() if line["status"] == "not_applicable"]
    assert reasons == ["replicate 0: knn has no loss weights, of which class_weight consists"]


def test_the_network_s_cells_are_those_of_a_sweep_of_its_own(
    several: Path, finished: Any, design_scores: Callable[[Any], dict[Any, Any]]
) -> None:
    lines = read(several / "ledger.jsonl").lines
    mine = {k for k, config in state(lines).configs.items() if config["classifier"] == "mlp"}
    here = {pair: found for pair, found in design_scores(lines).items() if pair[0] in mine}
    alone = design_scores(finished.lines)
    assert len(here) == 2 * len(ARMS)
    assert here == {pair: alone[pair] for pair in here}


def test_the_search_is_for_the_first_classifier(several: Path) -> None:
    cells = state(read(several / "ledger.jsonl").lines).cells.values()
    proposed = [line["config"] for line in cells if line["stage"] == "exploit"]
    assert [(config["classifier"], config["arm"]) for config in proposed] == [("mlp", "smote")]


def trials_of(out: Path) -> dict[str, int]:
    """Trials of every study in a sweep's storage."""
    storage = open_storage(places(out, environment={}).storage)
    found = {s.study_name: s.n_trials for s in optuna.get_all_study_summaries(storage)}
    close_storage(storage)
    return found


STUDIES = {"tiny/none": 1, "tiny/class_weight": 1, "tiny/smote": 2} | {
    f"tiny/{arm}.{name}": 1 for arm in ARMS for name in CLASSIFIERS[1:]
}


def test_optuna_has_a_study_of_its_own_for_each_other_classifier(several: Path) -> None:
    assert trials_of(several) == STUDIES


def test_ledger_optuna_and_mlflow_agree_also_when_the_studies_are_made_anew(
    several: Path, workshop: Any
) -> None:
    lines, where = read(several / "ledger.jsonl").lines, places(several, environment={})
    assert disagreements(where, "tiny", lines) == []
    code, text = workshop.run("rebuild-study", several)
    assert code == 0, text
    assert disagreements(where, "tiny", lines) == []
    assert trials_of(several) == STUDIES


def test_mlflow_names_the_classifier_of_each_run(several: Path) -> None:
    client = open_client(places(several, environment={}).tracking_uri)
    experiment = client.get_experiment_by_name("tiny").experiment_id
    runs = {run.data.tags["trial_key"]: run for run in client.search_runs([experiment], max_results=100)}
    parent = runs.pop(PARENT)
    assert parent.data.params["classifier"] == "mlp, logistic, knn, transformer"
    assert Counter(run.data.params["classifier"] for run in runs.values()) == {
        "mlp": 4,
        "logistic": 3,
        "knn": 3,
        "transformer": 3,
    }
    assert "knn: smote" in " ".join(run.info.run_name for run in runs.values())


def test_the_gate_reads_the_test_rows_for_each_classifier(several: Path, workshop: Any) -> None:
    code, text = workshop.run("test", several, "--all")
    assert code == 0, text
    tests = state(read(several / "ledger.jsonl").lines).tests.values()
    scored = Counter(line["config"]["classifier"] for line in tests if line["status"] == "ok")
    assert scored == {"mlp": 8, "logistic": 6, "knn": 4, "transformer": 6}
    assert all("test_balanced_accuracy" in line["scores"] for line in tests)


def test_answers_are_given_for_each_classifier(several: Path, workshop: Any) -> None:
    code, text = workshop.run("ask", several, "method", "--json")
    assert code == 0, text
    document = json.loads(text[text.index("{") :])
    assert set(CLASSIFIERS) <= {
        word for answer in document["answers"] for word in json.dumps(answer).replace('"', " ").split()
    }


def test_whether_a_gain_transfers_to_fine_tuning_says_where_synthetic_rows_enter(
    several: Path, workshop: Any
) -> None:
    code, text = workshop.run("ask", several, "classifier", "--json")
    assert code == 0, text
    document = json.loads(text[text.index("{") :])
    moved = [a for a in document["answers"] if a["detail"].get("second") == "transformer"]
    assert {(a["detail"]["base"], a["detail"]["arm"]) for a in moved} == {
        ("none", "class_weight"),
        ("none", "smote"),
    }
    assert all("the gain with transformer differs by" in a["sentence"] for a in moved)
    assert any("behind the pooling of an encoder" in warning for warning in document["warnings"])
