"""Runs as MLflow shows them, on an SQLite file and through a real server."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlflow
import pytest
from mlflow import MlflowClient

import tracking
from tracking import (
    PARENT,
    ParentRun,
    TrackingRefused,
    ensure_experiment,
    find_run,
    open_client,
    summary,
    write_cell,
    write_parent,
)
from tracking.schema import CHILD_TAGS, CURVE_NAMES, MAX_POINTS


@pytest.fixture(params=["sqlite", "server"])
def store(request: pytest.FixtureRequest) -> tuple[str, str | None]:
    """The address of a store and its artifact root."""
    if request.param == "server":
        return f"http://127.0.0.1:{request.getfixturevalue('server')}", None
    uri, artifacts = request.getfixturevalue("sqlite_store")
    return uri, str(artifacts)


@pytest.fixture
def opened(store: tuple[str, str | None], sweep: str) -> tuple[MlflowClient, str, str]:
    """Client, experiment id and parent run id of a new sweep."""
    uri, artifact_root = store
    client = open_client(uri)
    experiment_id = ensure_experiment(client, sweep, artifact_root)
    parent = ParentRun(sweep, note="# goal", params={"folds": "10"}, artifacts={"config.json": b"{}"})
    return client, experiment_id, write_parent(client, experiment_id, parent)


def history(client: MlflowClient, run_id: str, name: str) -> list[tuple[int, float]]:
    return sorted((point.step, point.value) for point in client.get_metric_history(run_id, name))


def test_cell_is_a_child_with_all_that_was_given(
    opened: tuple[MlflowClient, str, str], make_cell: Any, sweep: str, tmp_path: Path
) -> None:
    client, experiment_id, parent_id = opened
    cell = make_cell()
    run = client.get_run(write_cell(client, experiment_id, parent_id, cell, maybe_there=False))
    assert run.data.tags["mlflow.parentRunId"] == parent_id
    assert set(CHILD_TAGS) <= set(run.data.tags)
    assert (run.info.run_name, run.info.status) == ("smote k=5", "FINISHED")
    assert (run.info.start_time, run.info.end_time) == (cell.started_ms, cell.ended_ms)
    assert run.data.params == {"arm": "smote", "k": "5"}
    assert run.data.metrics["balanced_accuracy"] == pytest.approx(0.73)
    assert history(client, run.info.run_id, "replicate.balanced_accuracy") == [(0, 0.7), (1, 0.72), (2, 0.74)]
    assert history(client, run.info.run_id, "budget.balanced_accuracy") == [(8, 0.6), (16, 0.65)]
    assert run.inputs is not None
    [data] = run.inputs.dataset_inputs
    assert (data.dataset.name, data.dataset.digest) == ("sst2", "ab" * 18)
    assert [(tag.key, tag.value) for tag in data.tags] == [("mlflow.data.context", "training")]
    [by_data] = client.search_runs([experiment_id], "datasets.name = 'sst2'")
    assert by_data.info.run_id == run.info.run_id
    for path, content in cell.artifacts.items():
        local = mlflow.artifacts.download_artifacts(
            run_id=run.info.run_id,
            artifact_path=path,
            dst_path=str(tmp_path),
            tracking_uri=client.tracking_uri,
        )
        assert Path(local).read_bytes() == content


def test_cell_written_twice_is_one_run_with_the_same_points(
    opened: tuple[MlflowClient, str, str], store: tuple[str, Any], make_cell: Any, sweep: str
) -> None:
    client, experiment_id, parent_id = opened
    first = write_cell(client, experiment_id, parent_id, make_cell(), maybe_there=False)
    before = {name: client.get_metric_history(first, name) for name in client.get_run(first).data.metrics}
    assert write_cell(client, experiment_id, parent_id, make_cell()) == first
    after = {name: client.get_metric_history(first, name) for name in before}
    assert {name: [dict(point) for point in points] for name, points in before.items()} == {
        name: [dict(point) for point in points] for name, points in after.items()
    }
    inputs = client.get_run(first).inputs
    assert inputs is not None
    assert len(inputs.dataset_inputs) == 1
    assert summary(store[0], sweep) == {"0f3a": [(first, "FINISHED")]}


def test_added_replicates_go_into_the_same_run(opened: tuple[MlflowClient, str, str], make_cell: Any) -> None:
    client, experiment_id, parent_id = opened
    first = write_cell(client, experiment_id, parent_id, make_cell(replicates=3), maybe_there=False)
    more = make_cell(replicates=5, started_ms=1_800_000_000_000, ended_ms=1_800_000_000_001)
    more = replace(more, tags=dict(more.tags) | {"status_reason": "extended"})
    assert write_cell(client, experiment_id, parent_id, more) == first
    run = client.get_run(first)
    assert run.data.metrics["balanced_accuracy"] == pytest.approx(0.75)
    assert [step for step, _ in history(client, first, "replicate.balanced_accuracy")] == [0, 1, 2, 3, 4]
    assert run.data.tags["status_reason"] == "extended"
    assert (run.info.start_time, run.info.end_time) == (1_700_000_000_000, 1_800_000_000_001)


def test_the_longest_curves_fit_into_one_batch(opened: tuple[MlflowClient, str, str], make_cell: Any) -> None:
    client, experiment_id, parent_id = opened
    curves = {name: [(step, step / 2000) for step in range(1500)] for name in CURVE_NAMES}
    cell = make_cell(replicate_metrics=curves, budget_metrics=curves)
    assert len(cell.points()) < 1000  # MLflow's limit for one call
    run_id = write_cell(client, experiment_id, parent_id, cell, maybe_there=False)
    assert len(history(client, run_id, "budget.balanced_accuracy")) == MAX_POINTS


def test_failed_cell_keeps_its_reason(opened: tuple[MlflowClient, str, str], make_cell: Any) -> None:
    client, experiment_id, parent_id = opened
    cell = make_cell(metrics={}, replicate_metrics={}, budget_metrics={}, artifacts={}, status="FAILED")
    cell = replace(cell, tags=dict(cell.tags) | {"status_reason": "non_finite"})
    run = client.get_run(write_cell(client, experiment_id, parent_id, cell, maybe_there=False))
    assert (run.info.status, run.data.tags["status_reason"]) == ("FAILED", "non_finite")
    assert run.data.metrics == {}


def test_parent_is_opened_finished_and_opened_again(
    opened: tuple[MlflowClient, str, str], sweep: str
) -> None:
    client, experiment_id, parent_id = opened
    run = client.get_run(parent_id)
    assert (run.info.run_name, run.info.status) == (sweep, "RUNNING")
    assert run.data.tags["mlflow.note.content"] == "# goal"
    done = ParentRun(sweep, "# done", {"folds": "12"}, metrics={"cells": 4.0}, status="FINISHED")
    assert write_parent(client, experiment_id, done) == parent_id
    run = client.get_run(parent_id)
    assert (run.info.status, run.data.metrics) == ("FINISHED", {"cells": 4.0})
    assert (run.data.tags["mlflow.note.content"], run.data.params) == ("# done", {"folds": "10"})
    assert write_parent(client, experiment_id, ParentRun(sweep)) == parent_id
    assert client.get_run(parent_id).info.status == "RUNNING"


def test_summary_lists_children_only_and_over_pages(
    opened: tuple[MlflowClient, str, str],
    store: tuple[str, Any],
    make_cell: Any,
    sweep: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client, experiment_id, parent_id = opened
    keys = [f"key{number}" for number in range(5)]
    for key in keys:
        write_cell(client, experiment_id, parent_id, make_cell(key, artifacts={}), maybe_there=False)
    monkeypatch.setattr("tracking.runs._PAGE", 2)
    assert sorted(summary(store[0], sweep)) == keys
    assert summary(store[0], "no-such-sweep") == {}
    found = find_run(client, experiment_id, PARENT)
    assert found is not None
    assert found.info.run_id == parent_id


def test_deleted_experiment_is_refused(opened: tuple[MlflowClient, str, str], sweep: str) -> None:
    client, experiment_id, _ = opened
    assert ensure_experiment(client, sweep, None) == experiment_id
    client.delete_experiment(experiment_id)
    with pytest.raises(TrackingRefused, match="restore"):
        ensure_experiment(client, sweep, None)


def test_summary_does_not_make_a_missing_store(tmp_path: Path) -> None:
    assert summary(f"sqlite:///{tmp_path}/none.db", "s") == {}
    assert list(tmp_path.iterdir()) == []


def test_a_new_store_is_made_without_a_word(tmp_path: Path) -> None:
    script = (
        "import sys, tracking; c = tracking.open_client(sys.argv[1]);"
        "e = tracking.ensure_experiment(c, 's', sys.argv[2]);"
        "r = tracking.ParentRun('s', status='FINISHED', artifacts={'a.json': b'{}'});"
        "tracking.write_parent(c, e, r)"
    )
    command = [
        sys.executable,
        "-c",
        script,
        f"sqlite:///{tmp_path}/deep/mlflow.db",
        str(tmp_path / "artifacts"),
    ]
    environment = os.environ | {"PYTHONPATH": str(Path(tracking.__file__).parents[1])}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)
    assert (done.stdout, done.stderr) == ("", "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["artifacts", "deep"]
    assert len(list(tmp_path.glob("artifacts/s/*/artifacts/a.json"))) == 1
