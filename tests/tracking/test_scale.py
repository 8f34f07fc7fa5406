"""Thousands of runs: how many requests they take, and whether MLflow's pages can bear them."""

from __future__ import annotations

import math
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from mlflow.entities import Metric, Param, RunTag

from tests.servers import Relay, free_port, running
from tracking import (
    ALL_CELLS,
    FAILED_CELLS,
    Outbox,
    ParentRun,
    cells_of,
    ensure_experiment,
    find_experiment,
    open_client,
    page_problems,
    runs_page,
    summary,
    ui_command,
    ui_environment,
    write_cell,
    write_parent,
)
from tracking.schema import MAX_METRICS, MAX_PARAMS, MAX_POINTS

MakeCell = Callable[..., Any]


def fill(uri: str, artifacts: str | None, cells: list[Any], sweep: str) -> tuple[Any, str, str]:
    """Write a sweep's runs; return the client, the experiment's and the parent's id."""
    client = open_client(uri)
    experiment_id = ensure_experiment(client, sweep, artifacts)
    parent_id = write_parent(client, experiment_id, ParentRun(sweep))
    for cell in cells:
        write_cell(client, experiment_id, parent_id, cell, maybe_there=False)
    return client, experiment_id, parent_id


def calls(relay: Relay) -> Counter[str]:
    """How often each kind of request was made."""
    return Counter(request.rsplit("/", 1)[1] for request in relay.requests)


def multiply(file: Path, copies: int) -> None:
    """Copy the child runs of a store so often, each under a key and an id of its own."""
    children = "SELECT run_uuid FROM tags WHERE key = 'mlflow.parentRunId'"
    ids = {"runs": "run_uuid", "tags": "run_uuid", "params": "run_uuid", "metrics": "run_uuid",
           "latest_metrics": "run_uuid", "inputs": "destination_id"}  # fmt: skip
    with closing(sqlite3.connect(file)) as database, database:
        database.execute(f"CREATE TEMP TABLE old AS {children}")
        for number in range(copies):
            new = {name: f"substr({name}, 1, 28) || '{number:04}'" for name in (*ids.values(), "input_uuid")}
            key = f"CASE key WHEN 'trial_key' THEN value || '-{number}' ELSE value END"
            for table, column in ids.items():
                names = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
                more = {"value": key} if table == "tags" else {}
                chosen = ", ".join((new | more).get(name, f'"{name}"') for name in names)
                rows = f"SELECT {chosen} FROM {table} WHERE {column} IN (SELECT run_uuid FROM old)"
                database.execute(f"INSERT INTO {table} {rows}")


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("copies", "page"), [(2, 25), pytest.param(99, 1000, marks=pytest.mark.slow)])
def test_requests_do_not_grow_with_the_runs(
    tmp_path: Path, sweep: str, make_cell: MakeCell, monkeypatch: pytest.MonkeyPatch, copies: int, page: int
) -> None:
    monkeypatch.setattr("tracking.runs._PAGE", page)
    monkeypatch.setattr("tracking.dumping._PAGE", page)
    uri, port, cells = f"sqlite:///{tmp_path}/mlflow.db", free_port(), 20 * (1 + copies)
    first = [f"{number:016x}" for number in range(20)]
    fill(uri, "mlflow-artifacts://", [make_cell(key, artifacts={}) for key in first], sweep)
    multiply(tmp_path / "mlflow.db", copies)
    keys = sorted([*first, *(f"{key}-{number}" for number in range(copies) for key in first)])
    searches = math.ceil((cells + 1) / page) + 1
    with running(
        ui_command(uri, str(tmp_path / "artifacts"), port=port), ui_environment(uri), port, tmp_path
    ):
        relay = Relay(port, free_port())
        relay.start()
        try:
            assert sorted(summary(relay.uri, sweep)) == keys  # what verify and sync ask
            assert calls(relay)["search"] <= searches
            assert len(relay.requests) <= searches + 1
            relay.requests.clear()
            assert page_problems(relay.uri, sweep) == []  # verify --ui
            assert len(relay.requests) <= searches + 1 + 2 * math.ceil(cells / 100)
            relay.requests.clear()
            assert find_experiment(relay.uri, sweep) is not None  # the link of ui
            assert len(relay.requests) == 1
            relay.requests.clear()
            one_more(relay, sweep, make_cell)
        finally:
            relay.stop()
    assert len(summary(uri, sweep)) == cells + 1


def one_more(relay: Relay, sweep: str, make_cell: MakeCell) -> None:
    """What a resumed sweep asks for: its runs once, then four calls a cell and one an artifact."""
    box = Outbox(relay.uri, sweep, None, lambda key, run_id: None)
    box.open_parent(ParentRun(sweep))
    box.put(make_cell("more"))
    assert box.close(120) == []
    found = calls(relay)
    assert found["create"] == found["log-inputs"] == 1
    assert found["update"] == 2  # the parent runs again, the cell has ended
    puts = [request for request in relay.requests if request.startswith("PUT")]
    assert len(puts) == len(make_cell().artifacts)


@pytest.fixture(params=["sqlite", "server"])
def store(request: pytest.FixtureRequest) -> tuple[str, str | None]:
    """The address of a store and its artifact root."""
    if request.param == "server":
        return f"http://127.0.0.1:{request.getfixturevalue('server')}", None
    uri, artifacts = request.getfixturevalue("sqlite_store")
    return uri, str(artifacts)


def test_a_run_over_any_limit_is_named(
    store: tuple[str, str | None], sweep: str, make_cell: MakeCell
) -> None:
    names = ("params", "metrics", "tags", "nested", "points", "inputs")
    cells = [make_cell(name, artifacts={}) for name in names]
    client, _, parent_id = fill(*store, cells, sweep)
    assert page_problems(store[0], sweep) == []
    runs = {key: found[0][0] for key, found in summary(store[0], sweep).items()}
    client.log_batch(runs["params"], params=[Param(f"p{i}", "1") for i in range(MAX_PARAMS)])
    client.log_batch(runs["metrics"], [Metric(f"m{i}", 1.0, 0, 0) for i in range(MAX_METRICS)])
    client.delete_tag(runs["tags"], "method")
    client.set_tag(runs["nested"], "mlflow.parentRunId", runs["params"])
    curve = [Metric("replicate.balanced_accuracy", 0.5, 0, step) for step in range(MAX_POINTS + 1)]
    client.log_batch(runs["points"], curve)
    client.log_batch(parent_id, tags=[RunTag("mlflow.note.content", "x" * 8000)])
    found = "\n".join(page_problems(store[0], sweep))
    for text in (
        "params: 27 params, at most 25",
        "metrics: 35 metric names, at most 30",
        "tags: without the tags method",
        "nested: its parent is not the sweep's run",
        "points: replicate.balanced_accuracy has 201 points, at most 200",
        "parent: its note has 8000 characters",
    ):
        assert text in found
    assert found.count("\n") == 5
    assert page_problems(store[0], "no-such-sweep") == ["MLflow has no experiment 'no-such-sweep'"]


def test_links_of_the_note_show_the_cells_they_name(
    store: tuple[str, str | None], sweep: str, make_cell: MakeCell
) -> None:
    tags = dict(make_cell().tags)
    failed = make_cell("failed", artifacts={}, metrics={}, replicate_metrics={}, budget_metrics={})
    cells = [
        make_cell("low", 1, artifacts={}),
        make_cell("high", 9, artifacts={}),
        make_cell("other", 5, artifacts={}, tags=tags | {"method": "ros"}),
        replace(failed, status="FAILED"),
    ]
    client, experiment_id, _ = fill(*store, cells, sweep)

    def shown(wanted: str) -> list[str]:
        page = urlsplit(runs_page(experiment_id, wanted, chart=False).removeprefix("/#"))
        query = parse_qs(page.query)
        order = f"{query['orderByKey'][0]} {'ASC' if query['orderByAsc'] == ['true'] else 'DESC'}"
        runs = client.search_runs([experiment_id], query["searchFilter"][0], order_by=[order])
        return [run.data.tags["trial_key"] for run in runs]

    assert shown(ALL_CELLS) == ["high", "other", "low", "failed"]
    assert shown(FAILED_CELLS) == ["failed"]
    assert shown(cells_of("ros")) == ["other"]
    assert shown(cells_of("smote")) == ["high", "low", "failed"]


def test_long_curves_are_thinned_and_added_replicates_keep_the_first(make_cell: MakeCell) -> None:
    steps = {"balanced_accuracy": [(step, step / 1000) for step in range(1000)]}
    cell = make_cell(replicate_metrics=steps, budget_metrics=steps)
    replicates = [p.step for p in cell.points() if p.name == "replicate.balanced_accuracy"]
    budget = [p.step for p in cell.points() if p.name == "budget.balanced_accuracy"]
    assert replicates == list(range(MAX_POINTS))
    assert (len(budget), budget[0], budget[-1]) == (MAX_POINTS, 0, 999)
    assert budget == sorted(set(budget))
