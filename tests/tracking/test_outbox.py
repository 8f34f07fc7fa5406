"""The outbox never blocks, waits for its server, and leaves one run a key."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tracking import PARENT, Outbox, ParentRun, Retry, find_run, open_client, summary
from tracking.runs import find_experiment

Acknowledged = list[tuple[str, str]]
OpenOutbox = Callable[..., Outbox]


@pytest.fixture
def acknowledged() -> Acknowledged:
    return []


@pytest.fixture
def open_outbox(
    sweep: str, acknowledged: Acknowledged, quick: Retry, monkeypatch: pytest.MonkeyPatch
) -> Iterator[OpenOutbox]:
    """Return a function that opens an outbox; every one is closed at the end."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "2")
    opened: list[Outbox] = []

    def make(uri: str, artifact_root: str | None = None, quiet_seconds: float = 0.0) -> Outbox:
        box = Outbox(
            uri,
            sweep,
            artifact_root,
            lambda key, run_id: acknowledged.append((key, run_id)),
            retry=quick,
            probe_seconds=0.05,
            quiet_seconds=quiet_seconds,
        )
        opened.append(box)
        box.open_parent(ParentRun(sweep))
        return box

    yield make
    for box in opened:
        box.close(0)
        box._thread.join(30)


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def assert_one_run_each(uri: str, sweep: str, acknowledged: Acknowledged, keys: list[str]) -> None:
    assert [key for key, _ in acknowledged] == [PARENT, *keys]
    runs = summary(uri, sweep)
    assert {key: [(run_id, "FINISHED")] for key, run_id in acknowledged[1:]} == runs


def test_all_is_sent_in_order(
    sqlite_store: tuple[str, Path],
    open_outbox: OpenOutbox,
    acknowledged: Acknowledged,
    sweep: str,
    make_cell: Any,
) -> None:
    uri, artifacts = sqlite_store
    box = open_outbox(uri, str(artifacts))
    box.put(make_cell("a"))
    box.put(make_cell("b"))
    assert box.close(60) == []
    assert_one_run_each(uri, sweep, acknowledged, ["a", "b"])
    assert (box.problem, box.stopped) == (None, False)


def test_cells_and_last_parent_may_be_made_on_the_thread(
    sqlite_store: tuple[str, Path], open_outbox: OpenOutbox, sweep: str, make_cell: Any
) -> None:
    makers: list[str] = []

    def make_later() -> Any:
        makers.append(threading.current_thread().name)
        return make_cell("late")

    uri, artifacts = sqlite_store
    box = open_outbox(uri, str(artifacts))
    box.put(make_later, "late")
    box.finish_parent(lambda: ParentRun(sweep, metrics={"cells": 1.0}, status="FINISHED"))
    assert box.close(60) == []
    assert makers == ["mlflow-outbox"]
    [(run_id, _)] = summary(uri, sweep)["late"]
    client = open_client(uri)
    parent = client.get_run(client.get_run(run_id).data.tags["mlflow.parentRunId"])
    assert (parent.info.status, parent.data.metrics) == ("FINISHED", {"cells": 1.0})


def test_a_quiet_start_ends_with_the_first_cell(
    sqlite_store: tuple[str, Path],
    open_outbox: OpenOutbox,
    acknowledged: Acknowledged,
    sweep: str,
    make_cell: Any,
) -> None:
    uri, artifacts = sqlite_store
    box = open_outbox(uri, str(artifacts), quiet_seconds=300)
    time.sleep(2)
    assert find_experiment(uri, sweep) is None
    box.put(make_cell("a"))
    wait_until(lambda: len(acknowledged) == 2)
    assert box.close(60) == []
    assert_one_run_each(uri, sweep, acknowledged, ["a"])


def test_a_quiet_start_ends_when_it_is_closed(
    sqlite_store: tuple[str, Path], open_outbox: OpenOutbox, acknowledged: Acknowledged
) -> None:
    box = open_outbox(sqlite_store[0], str(sqlite_store[1]), quiet_seconds=300)
    assert box.close(60) == []
    assert [key for key, _ in acknowledged] == [PARENT]


def test_a_second_start_goes_on_with_the_same_runs(
    sqlite_store: tuple[str, Path],
    open_outbox: OpenOutbox,
    acknowledged: Acknowledged,
    sweep: str,
    make_cell: Any,
) -> None:
    uri, artifacts = sqlite_store
    for _ in range(2):
        box = open_outbox(uri, str(artifacts))
        box.put(make_cell("a"))
        assert box.close(60) == []
    assert acknowledged[:2] == acknowledged[2:]
    assert len(summary(uri, sweep)["a"]) == 1


def test_server_that_comes_later_gets_exactly_one_run_a_key(
    idle_relay: Any, open_outbox: OpenOutbox, acknowledged: Acknowledged, sweep: str, make_cell: Any
) -> None:
    box = open_outbox(idle_relay.uri)
    keys = [f"key{number}" for number in range(5)]
    for key in keys:
        box.put(make_cell(key))
    wait_until(lambda: box.problem)
    assert acknowledged == []
    idle_relay.start()
    assert box.close(60) == []
    assert_one_run_each(idle_relay.uri, sweep, acknowledged, keys)
    assert box.problem is None


@pytest.mark.parametrize("fault", ["gone", "500", "429", "hang"])
def test_outage_in_the_middle_is_overcome(
    relay: Any, open_outbox: OpenOutbox, acknowledged: Acknowledged, sweep: str, make_cell: Any, fault: str
) -> None:
    box = open_outbox(relay.uri)
    box.put(make_cell("before"))
    wait_until(lambda: len(acknowledged) == 2)
    if fault == "gone":
        relay.stop()
    else:
        relay.always = fault
    box.put(make_cell("during"))
    wait_until(lambda: box.problem)
    assert len(acknowledged) == 2
    if fault == "gone":
        relay.start()
    else:
        relay.always = None
        relay.free.set()
    box.put(make_cell("after"))
    assert box.close(60) == []
    assert_one_run_each(relay.uri, sweep, acknowledged, ["before", "during", "after"])


def test_close_returns_what_was_not_sent_and_nothing_is_acknowledged_after(
    idle_relay: Any, open_outbox: OpenOutbox, acknowledged: Acknowledged, make_cell: Any
) -> None:
    box = open_outbox(idle_relay.uri)
    box.put(make_cell("a"))
    box.put(make_cell("b"))
    wait_until(lambda: box.problem)
    assert box.close(0.05) == [PARENT, "a", "b"]
    assert not box.stopped
    idle_relay.start()
    box._thread.join(30)
    assert not box._thread.is_alive()
    assert acknowledged == []


@pytest.mark.parametrize("status", ["401", "403", "404"])
def test_refusal_stops_it_at_once(
    relay: Any, open_outbox: OpenOutbox, acknowledged: Acknowledged, make_cell: Any, status: str
) -> None:
    relay.always = status
    box = open_outbox(relay.uri.replace("://", "://u:s3cret@"))
    box.put(make_cell("a"))
    box._thread.join(60)
    assert box.stopped
    assert box.problem
    assert status in box.problem
    assert "s3cret" not in box.problem
    assert box.close(60) == [PARENT, "a"]
    assert acknowledged == []


def test_kind_of_store_that_we_refuse_stops_it(
    open_outbox: OpenOutbox, make_cell: Any, tmp_path: Path
) -> None:
    box = open_outbox(f"file://{tmp_path}/mlruns")
    box.put(make_cell("a"))
    assert box.close(60) == [PARENT, "a"]
    assert box.stopped
    assert "use sqlite:///" in str(box.problem)
    assert list(tmp_path.iterdir()) == []


def test_run_that_cannot_be_made_is_reported_not_hidden(
    sqlite_store: tuple[str, Path],
    open_outbox: OpenOutbox,
    make_cell: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail() -> Any:
        raise ZeroDivisionError("of a figure")

    box = open_outbox(sqlite_store[0], str(sqlite_store[1]))
    box.put(fail, "broken")
    box.put(make_cell("next"))
    assert box.close(60) == ["broken", "next"]
    assert box.stopped
    assert "of a figure" in str(box.problem)
    assert "please report" in caplog.text


def test_a_run_lost_between_create_and_answer_is_found_again(
    relay: Any, open_outbox: OpenOutbox, acknowledged: Acknowledged, sweep: str, make_cell: Any
) -> None:
    box = open_outbox(relay.uri)
    wait_until(lambda: acknowledged)
    relay.faults.extend(["lose", "500", "500", "500", "500"])  # created, then away for a while
    box.put(make_cell("a"))
    assert box.close(60) == []
    assert relay.faults_done[0] == "lose"
    assert_one_run_each(relay.uri, sweep, acknowledged, ["a"])


def test_parent_left_running_by_a_killed_sweep_is_taken_over(
    sqlite_store: tuple[str, Path], open_outbox: OpenOutbox, acknowledged: Acknowledged, sweep: str
) -> None:
    uri, artifacts = sqlite_store
    assert open_outbox(uri, str(artifacts)).close(60) == []
    client = open_client(uri)
    experiment = client.get_experiment_by_name(sweep)
    assert experiment is not None
    found = find_run(client, experiment.experiment_id, PARENT)
    assert found is not None
    assert found.info.status == "RUNNING"
    box = open_outbox(uri, str(artifacts))
    box.finish_parent(ParentRun(sweep, status="KILLED"))
    assert box.close(60) == []
    assert {run_id for _, run_id in acknowledged} == {found.info.run_id}
    assert client.get_run(found.info.run_id).info.status == "KILLED"
