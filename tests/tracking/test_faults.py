"""Servers that are away, refuse, are overloaded, hang, or lose an answer."""

from __future__ import annotations

import logging
import resource
import socket
from pathlib import Path
from typing import Any

import pytest

from tracking import (
    DataUsed,
    ParentRun,
    Retry,
    TrackingUnavailable,
    ensure_experiment,
    open_client,
    probe,
    summary,
    write_cell,
    write_parent,
)


@pytest.fixture(autouse=True)
def _short_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "2")


@pytest.fixture
def opened(relay: Any, sweep: str) -> tuple[Any, str, str]:
    client = open_client(relay.uri)
    experiment_id = ensure_experiment(client, sweep, None)
    return client, experiment_id, write_parent(client, experiment_id, ParentRun(sweep))


def test_new_cell_takes_four_calls_and_one_upload_an_artifact(
    relay: Any, opened: tuple[Any, str, str], make_cell: Any
) -> None:
    relay.requests.clear()
    write_cell(*opened, make_cell(), maybe_there=False)
    calls = [request for request in relay.requests if "mlflow-artifacts" not in request]
    uploads = [request for request in relay.requests if "mlflow-artifacts" in request]
    assert [call.rsplit("/", 1)[1] for call in calls] == ["create", "log-batch", "log-inputs", "update"]
    assert [upload.split()[0] for upload in uploads] == ["PUT", "PUT"]
    relay.requests.clear()
    write_cell(*opened, make_cell(artifacts={}))
    assert [call.rsplit("/", 1)[1] for call in relay.requests] == ["search", "log-batch", "update"]


@pytest.mark.parametrize(
    ("fault", "call"),
    [*((fault, call) for fault in ("500", "lose") for call in range(6)), ("503", 0), ("429", 0), ("hang", 0)],
)
def test_a_fault_in_any_call_is_tried_again_and_leaves_one_run(
    relay: Any, opened: tuple[Any, str, str], make_cell: Any, sweep: str, quick: Retry, fault: str, call: int
) -> None:
    client, experiment_id, parent_id = opened
    relay.fault_after(call, fault)
    run_id = write_cell(client, experiment_id, parent_id, make_cell(), maybe_there=False, retry=quick)
    assert relay.faults_done == [fault]
    assert summary(relay.uri, sweep) == {"0f3a": [(run_id, "FINISHED")]}
    assert len(client.get_metric_history(run_id, "replicate.balanced_accuracy")) == 3
    assert len(client.get_run(run_id).inputs.dataset_inputs) == 1
    assert {item.path for item in client.list_artifacts(run_id)} == {"plots", "tables.json"}


@pytest.mark.parametrize("status", ["401", "403", "404"])
def test_a_refusal_is_not_tried_again(
    relay: Any, opened: tuple[Any, str, str], make_cell: Any, quick: Retry, status: str
) -> None:
    relay.always = status
    relay.requests.clear()
    with pytest.raises(TrackingUnavailable) as caught:
        write_cell(*opened, make_cell(), maybe_there=False, retry=quick)
    assert not caught.value.retryable
    assert caught.value.fix
    assert len(relay.requests) == 1


def test_tries_are_used_up(relay: Any, opened: tuple[Any, str, str], make_cell: Any, quick: Retry) -> None:
    relay.always = "500"
    relay.requests.clear()
    with pytest.raises(TrackingUnavailable) as caught:
        write_cell(*opened, make_cell(), maybe_there=False, retry=quick)
    assert caught.value.retryable
    assert len(relay.requests) == quick.attempts


@pytest.mark.parametrize(
    ("fault", "retryable", "text"),
    [
        ("500", True, "500"),
        ("503", True, "503"),
        ("429", True, "429"),
        ("hang", True, "time"),
        ("401", False, "MLFLOW_TRACKING_USERNAME"),
        ("403", False, "--allowed-hosts 127.0.0.1"),
        ("404", False, "is it an MLflow tracking server"),
    ],
)
def test_probe_says_whether_waiting_helps(relay: Any, fault: str, retryable: bool, text: str) -> None:
    relay.always = fault
    with pytest.raises(TrackingUnavailable, match=text) as caught:
        probe(relay.uri, seconds=0.5)
    assert caught.value.retryable is retryable


def test_probe_notices_a_password_that_health_does_not_ask_for(relay: Any) -> None:
    probe(relay.uri)
    relay.faults.append("401")  # /health is never at fault here, as with MLflow's basic-auth
    with pytest.raises(TrackingUnavailable, match="PASSWORD") as caught:
        probe(relay.uri)
    assert not caught.value.retryable


@pytest.mark.parametrize("scheme", ["http", "postgresql", "mysql+pymysql"])
def test_nobody_listens(idle_relay: Any, scheme: str) -> None:
    with pytest.raises(TrackingUnavailable) as caught:
        probe(f"{scheme}://u:s3cret@127.0.0.1:{idle_relay.port}/x")
    assert caught.value.retryable
    assert "s3cret" not in str(caught.value)


def test_a_database_server_that_listens_is_enough() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        probe(f"postgresql://u@127.0.0.1:{port}/db")
    with pytest.raises(TrackingUnavailable):
        probe(f"postgresql://u@127.0.0.1:{port}/db")


def test_sqlite_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("not a database, but long enough to have a header" * 20)
    with pytest.raises(TrackingUnavailable, match="not a database") as caught:
        probe(f"sqlite:///{tmp_path}/text.db")
    assert not caught.value.retryable
    with pytest.raises(TrackingUnavailable, match="cannot write"):
        probe(f"sqlite:///{tmp_path}/text.db/deeper/mlflow.db")
    probe(f"sqlite:///{tmp_path}/new/folder/mlflow.db")
    assert [path.name for path in tmp_path.iterdir()] == ["text.db"]


def test_a_new_sqlite_store_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    """A disk that fills while MLflow makes its tables: a file of half of them could never be opened."""
    uri = f"sqlite:///{tmp_path}/new/mlflow.db"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, limits[1]))
    try:
        with pytest.raises(TrackingUnavailable, match="disk"):
            open_client(uri)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list((tmp_path / "new").iterdir()) == []
    assert ensure_experiment(open_client(uri), "tiny", None)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["mlflow.db"]


def test_no_password_in_messages_logs_or_runs(
    relay: Any, sweep: str, make_cell: Any, quick: Retry, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    uri = relay.uri.replace("://", "://u:s3cret@")
    client = open_client(uri)
    experiment_id = ensure_experiment(client, sweep, None)
    parent_id = write_parent(client, experiment_id, ParentRun(sweep))
    source = DataUsed("d", "ab", "https://u:s3cret@host/rows.csv", 2, ("a", "b"))
    run_id = write_cell(client, experiment_id, parent_id, make_cell(dataset=source))
    relay.always = "500"
    with pytest.raises(TrackingUnavailable) as caught:
        write_cell(client, experiment_id, parent_id, make_cell(), retry=quick)
    relay.stop()
    with pytest.raises(TrackingUnavailable) as gone:
        write_cell(client, experiment_id, parent_id, make_cell(), retry=quick)
    relay.always = None
    relay.start()
    shown = [str(caught.value), str(gone.value), str(gone.value.__cause__), caplog.text]
    run = client.get_run(run_id)
    assert run.data.tags
    shown += [str(run.to_dictionary()), run.info.artifact_uri]
    assert not [text for text in shown if "s3cret" in text]
