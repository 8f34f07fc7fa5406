"""A sweep's experiment as JSON and files, and its removal; a registered model is never pulled away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracking.errors import TrackingRefused
from tracking.service import PATIENT, Retry, call, open_client

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

_PAGE = 1000
_ASKED = 100  # runs that one search of the registry names


def run_ids(uri: str, experiment_id: str, retry: Retry = PATIENT) -> list[str]:
    """List the runs of an experiment, oldest first."""
    client = open_client(uri)
    return [run.info.run_id for run in runs_of(client, experiment_id, retry)]


def run_records(uri: str, experiment_id: str, retry: Retry = PATIENT) -> Iterator[dict[str, Any]]:
    """Yield each run of an experiment as JSON values, oldest first.

    ``data.metrics`` is a list of points: of every metric the last, of curves (``replicate.NAME`` and
    ``budget.NAME``) all.

    Raises:
        TrackingUnavailable: the store does not answer or refuses.
    """
    client = open_client(uri)
    for run in runs_of(client, experiment_id, retry):
        record: dict[str, Any] = run.to_dictionary()
        record["data"]["metrics"] = [
            {"key": point.key, "value": point.value, "step": point.step, "timestamp": point.timestamp}
            for name in run.data.metrics
            for point in _points(client, run, name, retry)
        ]
        yield record


def download_run(uri: str, record: Mapping[str, Any], folder: Path, retry: Retry = PATIENT) -> list[Path]:
    """Download the artifacts of a run into a folder that exists; return the files."""
    client = open_client(uri)
    run_id = record["info"]["run_id"]
    if not call(client, lambda: client.list_artifacts(run_id), retry):
        return []
    call(client, lambda: client.download_artifacts(run_id, "", str(folder)), retry)
    return sorted(path for path in folder.rglob("*") if path.is_file())


def registered_on(uri: str, runs: Sequence[str], retry: Retry = PATIENT) -> list[str]:
    """Name the registered models of which a version hangs on one of the runs."""
    client = open_client(uri)
    names: set[str] = set()
    for start in range(0, len(runs), _ASKED):
        listed = ", ".join(f"'{run}'" for run in runs[start : start + _ASKED])
        found = call(client, partial(client.search_model_versions, f"run_id IN ({listed})"), retry)
        names.update(version.name for version in found)
    return sorted(names)


def remove_experiment(uri: str, experiment_id: str, new_name: str, retry: Retry = PATIENT) -> None:
    """Delete an experiment with its runs, as MLflow deletes: ``mlflow gc`` frees the space.

    It is renamed first, so that its name is free for another sweep. Safe to repeat.

    Raises:
        TrackingRefused: a registered model hangs on one of its runs.
        TrackingUnavailable: the store does not answer or refuses.
    """
    client = open_client(uri)
    there = call(client, lambda: client.get_experiment(experiment_id), retry)
    if there.lifecycle_stage == "deleted":
        return
    require_unregistered(uri, experiment_id, retry)
    call(client, lambda: client.rename_experiment(experiment_id, new_name), retry)
    call(client, lambda: client.delete_experiment(experiment_id), retry)


def require_unregistered(uri: str, experiment_id: str, retry: Retry = PATIENT) -> None:
    """Refuse an experiment on whose runs a registered model hangs.

    Raises:
        TrackingRefused: there is one.
    """
    names = registered_on(uri, run_ids(uri, experiment_id, retry), retry)
    if names:
        fix = "delete its versions in the registry first, or keep the sweep"
        raise TrackingRefused(f"registered models hang on these runs: {', '.join(names)}", uri, fix)


def runs_of(client: MlflowClient, experiment_id: str, retry: Retry) -> Iterator[Run]:
    """Yield the runs of an experiment, oldest first; one search a thousand."""
    order, token = ["attributes.start_time ASC"], None
    while True:
        search = partial(client.search_runs, [experiment_id], "", 1, _PAGE, order, token)
        page = call(client, search, retry)
        yield from page
        token = page.token
        if not token:
            return


def _points(client: MlflowClient, run: Run, name: str, retry: Retry) -> Sequence[Any]:
    if "." in name:
        return call(client, lambda: client.get_metric_history(run.info.run_id, name), retry)
    return [point for point in run.data._metric_objs if point.key == name]
