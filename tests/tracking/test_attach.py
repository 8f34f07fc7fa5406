"""Files that are added to the parent run of a sweep."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tracking import (
    ParentRun,
    TrackingUnavailable,
    attach,
    ensure_experiment,
    open_client,
    write_parent,
)


@pytest.fixture
def parent(sqlite_store: tuple[str, Path], sweep: str) -> tuple[str, str]:
    """Address of a store that has the sweep's parent run, and the run's id."""
    uri, artifacts = sqlite_store
    client = open_client(uri)
    experiment = ensure_experiment(client, sweep, str(artifacts))
    return uri, write_parent(client, experiment, ParentRun(sweep, artifacts={"spec.yaml": b"a: 1"}))


def downloaded(uri: str, run: str, name: str, folder: Path) -> bytes:
    return Path(open_client(uri).download_artifacts(run, name, str(folder))).read_bytes()


def test_files_join_those_of_the_run_and_replace_older_ones(
    parent: tuple[str, str], sweep: str, tmp_path: Path
) -> None:
    uri, run = parent
    assert attach(uri, sweep, {"report.html": b"old", "claims.json": b"{}"}) == run
    assert attach(uri, sweep, {"report.html": b"<!doctype html>"}) == run
    names = {file.path for file in open_client(uri).list_artifacts(run)}
    assert names == {"spec.yaml", "report.html", "claims.json"}
    assert downloaded(uri, run, "report.html", tmp_path) == b"<!doctype html>"


def test_the_run_stays_as_it_was(parent: tuple[str, str], sweep: str) -> None:
    uri, run = parent
    before = open_client(uri).get_run(run)
    attach(uri, sweep, {"claims.json": b"{}"})
    after = open_client(uri).get_run(run)
    assert (after.info.status, after.data.tags, after.data.params) == (
        before.info.status, before.data.tags, before.data.params,
    )  # fmt: skip


def test_a_store_without_the_sweep_says_so(sqlite_store: tuple[str, Path], tmp_path: Path) -> None:
    assert attach(sqlite_store[0], "nobody", {"claims.json": b"{}"}) is None
    absent = tmp_path / "none.db"
    assert attach(f"sqlite:///{absent}", "nobody", {"claims.json": b"{}"}) is None
    assert not absent.exists()


def test_a_server_that_is_away_is_told(quick: Any, sweep: str) -> None:
    with pytest.raises(TrackingUnavailable):
        attach("http://127.0.0.1:9", sweep, {"claims.json": b"{}"}, quick)


def test_paths_outside_of_the_run_are_refused(parent: tuple[str, str], sweep: str) -> None:
    with pytest.raises(AssertionError, match="outside the run"):
        attach(parent[0], sweep, {"../claims.json": b"{}"})
