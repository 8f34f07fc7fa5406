"""A whole sweep on real Ray, SQLite and MLflow: what it leaves behind, and what going on with it adds."""

from __future__ import annotations

import json
import platform
import re
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from sweeps import ledger
from sweeps.ledger import Line, read
from sweeps.ledger_state import state
from sweeps.places import Places, places
from sweeps.report.sketches import read_sketches
from sweeps.standing import disagreements, standing
from sweeps.storage import summary as optuna_summary
from tracking import PARENT, find_run, open_client
from tracking import summary as mlflow_summary
from tracking.schema import MAX_METRICS, MAX_PARAMS

pytestmark = pytest.mark.slow

CELLS = 11  # none, logit_adjust, class_weight, 2 ros, 4 smote, and one proposal each for ros and smote
SCHEMA = Path(ledger.__file__).with_name("ledger_schema.json")
KEY = re.compile(r"[0-9a-f]{16}")


def where(out: Path) -> Places:
    return places(out, environment={})


def kinds(lines: Any) -> Counter[str]:
    return Counter(line["kind"] for line in lines)


def runs(finished: Any) -> list[Any]:
    """Every MLflow run of the sweep, as MLflow has it."""
    client = open_client(finished.tracking_uri)
    experiment = client.get_experiment_by_name("tiny").experiment_id
    return list(client.search_runs([experiment], max_results=1000))


def folder_of(run: Any) -> Path:
    return Path(run.info.artifact_uri.removeprefix("file://"))


def test_the_ledger_has_every_cell_once_and_keeps_to_its_schema(finished: Any) -> None:
    assert finished.code == 0, finished.text
    schema = json.loads(SCHEMA.read_text())
    for line in finished.lines:
        jsonschema.validate(line, schema)
    counts = kinds(finished.lines)
    assert (counts["sweep"], counts["start"], counts["result"], counts["cell"]) == (
        1,
        CELLS,
        2 * CELLS,
        CELLS,
    )
    cells = state(finished.lines).cells
    assert len(cells) == CELLS
    assert {line["status"] for line in cells.values()} == {"ok"}
    assert Counter(line["stage"] for line in cells.values()) == {"design": CELLS - 2, "exploit": 2}
    found = standing(finished.out, finished.lines)
    assert found["finished"] == {"ok": CELLS}
    assert found["hosts"] == {platform.node(): 2 * CELLS}


def test_the_value_of_a_cell_is_the_mean_over_its_replicates(finished: Any) -> None:
    found = state(finished.lines)
    for key, cell in found.cells.items():
        scores = [found.results[key, r]["scores"]["dev_balanced_accuracy"] for r in (0, 1)]
        assert cell["value"] == pytest.approx(sum(scores) / 2, abs=1e-12)


def test_something_was_learned(finished: Any) -> None:
    best = max(line["value"] for line in state(finished.lines).cells.values())
    assert best > 0.75


def test_optuna_and_mlflow_agree_with_the_ledger(finished: Any) -> None:
    keys = set(state(finished.lines).cells)
    assert optuna_summary(where(finished.out).storage, "tiny") == {key: ["COMPLETE"] for key in keys}
    children = mlflow_summary(finished.tracking_uri, "tiny")
    assert {key: [status for _, status in found] for key, found in children.items()} == {
        key: ["FINISHED"] for key in keys
    }
    assert disagreements(where(finished.out), "tiny", finished.lines) == []


def test_every_child_hangs_on_the_one_finished_parent(finished: Any) -> None:
    by_key = {run.data.tags["trial_key"]: run for run in runs(finished)}
    parent = by_key.pop(PARENT)
    assert len(by_key) == CELLS
    assert parent.info.status == "FINISHED"
    assert parent.data.metrics["cells_ok"] == CELLS
    assert {run.data.tags["mlflow.parentRunId"] for run in by_key.values()} == {parent.info.run_id}


def test_a_child_says_what_the_ledger_says_within_the_limits(finished: Any) -> None:
    found = state(finished.lines)
    for run in runs(finished):
        key = run.data.tags["trial_key"]
        assert len(run.data.params) <= MAX_PARAMS
        assert len(run.data.metrics) <= MAX_METRICS
        if key != PARENT:
            assert run.data.metrics["balanced_accuracy"] == pytest.approx(found.cells[key]["value"])
            assert run.data.params["arm"] == found.configs[key]["arm"] == run.data.tags["method"]
            assert found.acknowledged[key] == run.info.run_id


def test_the_artifacts_of_a_smote_cell(finished: Any) -> None:
    run = next(r for r in runs(finished) if r.data.tags.get("method") == "smote")
    folder = folder_of(run)
    assert sorted(p.name for p in folder.iterdir()) == ["confusion.png", "points.png", "tables.json"]
    for picture in ("confusion.png", "points.png"):
        assert (folder / picture).read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    tables = json.loads((folder / "tables.json").read_text())
    assert tables["config"] == state(finished.lines).configs[run.data.tags["trial_key"]]
    assert [r["replicate"] for r in tables["replicates"]] == [0, 1]
    assert 0 < tables["replicates"][0]["diagnostics"]["variance_ratio"] < 1
    assert not list((finished.out / "outbox").iterdir())  # MLflow has all pictures
    kept, spoilt = read_sketches([finished.out / "sketches"])
    made = {key for key, config in state(finished.lines).configs.items() if config["arm"] in ("ros", "smote")}
    assert (set(kept), spoilt) == (made, [])


def test_no_text_of_the_data_is_in_any_record(finished: Any, canary: str) -> None:
    files = [path for path in finished.out.parent.rglob("*") if path.is_file()]
    names = {path.name for path in files}
    assert {"mlflow.db", "optuna.db", "ledger.jsonl", "tables.json", "spec.yaml", "points.png"} <= names
    assert [path for path in files if canary.encode() in path.read_bytes()] == []


def test_the_same_command_again_runs_nothing(finished: Any, workshop: Any, tmp_path: Path) -> None:
    out = shutil.copytree(finished.out.parent, tmp_path / "moved") / "tiny"
    code, text = workshop.run("sweep", out, "--workers", 2)
    assert code == 0, text
    after = read(out / "ledger.jsonl").lines
    assert set(kinds(after[len(finished.lines) :])) <= {"mlflow"}
    assert disagreements(where(out), "tiny", after) == []
    there = runs(replace(finished, out=out))
    assert next(r for r in there if r.data.tags["trial_key"] == PARENT).info.status == "FINISHED"


@pytest.mark.parametrize(
    ("option", "field"),
    [
        (["--seed", 1], "seed"),
        (["--set", "classifier.hidden=8"], "classifier.hidden"),
        (["--replicates", 4], "replicates"),
    ],
)
def test_another_spec_is_refused_by_its_field(
    finished: Any, workshop: Any, tmp_path: Path, option: list[Any], field: str
) -> None:
    out = shutil.copytree(finished.out, tmp_path / "tiny")
    code, text = workshop.run("sweep", out, *option)
    assert code == 7
    assert f"error[D46]: {field}:" in text
    assert read(out / "ledger.jsonl").lines == read(finished.out / "ledger.jsonl").lines


def test_other_data_under_the_same_name_are_refused(
    finished: Any, workshop: Any, tmp_path: Path, change_data: Callable[[Path], None]
) -> None:
    out, moved = shutil.copytree(finished.out, tmp_path / "tiny"), tmp_path / "workshop"
    data = shutil.copytree(workshop.folder, moved) / "data.csv"
    change_data(data)
    for spec in (out / "spec.yaml", moved / "spec.yaml"):
        spec.write_text(spec.read_text().replace(str(workshop.folder), str(moved)))
    code, text = type(workshop)(moved).run("sweep", out)
    assert code == 7
    assert "data_digest" in text
    assert kinds(read(out / "ledger.jsonl").lines)["start"] == CELLS


def test_extending_a_sweep_that_is_not_there_is_refused(workshop: Any, tmp_path: Path) -> None:
    code, text = workshop.run("sweep", tmp_path / "new", "--extend", "replicates=3")
    assert code == 7
    assert "no sweep" in text
    assert not (tmp_path / "new").exists()


@pytest.fixture(scope="module")
def twins(
    workshop: Any, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[Any], tuple[Line, ...]]:
    """Two processes started at once on one folder, with one worker; their folder, themselves, the ledger."""
    out = tmp_path_factory.mktemp("twins") / "tiny"
    pair = [workshop.start("sweep", out, "--workers", 1) for _ in range(2)]
    for process in pair:
        process.wait()
    return out, pair, read(out / "ledger.jsonl").lines


def test_of_two_sweeps_at_once_one_runs_and_one_is_refused(twins: Any) -> None:
    _, pair, lines = twins
    winner, loser = sorted(pair, key=lambda process: process.process.returncode)
    assert [winner.process.returncode, loser.process.returncode] == [0, 7], winner.text + loser.text
    assert "is being written by" in loser.text
    assert kinds(lines)["start"] == kinds(lines)["cell"] == CELLS


def test_the_number_of_workers_changes_no_number(twins: Any, finished: Any, design_scores: Any) -> None:
    alone, together = design_scores(twins[2]), design_scores(finished.lines)
    assert len(alone) == 2 * (CELLS - 2)
    assert alone == together


def test_extending_adds_one_replicate_to_every_cell(twins: Any, workshop: Any, finished: Any) -> None:
    out, _, before = twins
    uri = where(out).tracking_uri
    ids = {key: found[0][0] for key, found in mlflow_summary(uri, "tiny").items()}
    code, text = workshop.run("sweep", out, "--workers", 2, "--extend", "replicates=3")
    assert code == 0, text
    after = read(out / "ledger.jsonl").lines
    added = Counter(
        (line["trial_key"], line["replicate"]) for line in after[len(before) :] if line["kind"] == "result"
    )
    assert added == {(key, 2): 1 for key in state(before).cells}
    assert {line["replicates"] for line in state(after).cells.values()} == {3}
    assert {key: found[0][0] for key, found in mlflow_summary(uri, "tiny").items()} == ids
    assert disagreements(where(out), "tiny", after) == []
    client = open_client(uri)
    for key, run_id in ids.items():
        values = client.get_run(run_id).data.metrics
        assert values["replicates"] == 3
        assert values["balanced_accuracy"] == pytest.approx(state(after).cells[key]["value"])
        steps = [m.step for m in client.get_metric_history(run_id, "replicate.balanced_accuracy")]
        assert sorted(steps) == [0, 1, 2]


def test_a_parent_is_found_by_its_key(finished: Any) -> None:
    client = open_client(finished.tracking_uri)
    run = find_run(client, client.get_experiment_by_name("tiny").experiment_id, PARENT)
    assert run is not None
    notes = run.data.tags["mlflow.note.content"]
    assert all(
        KEY.fullmatch(row.split("|")[3].strip()) for row in notes.splitlines() if row.startswith("| `")
    )
    assert f"{CELLS} of {CELLS} cells finished" in notes
