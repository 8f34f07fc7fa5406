"""Writes parent and child runs so that a repeated write changes nothing, and lists them."""

from __future__ import annotations

import json
import posixpath
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tracking.address import SQLITE, scheme, sqlite_file
from tracking.errors import redact
from tracking.schema import PARENT, CellRun, DataUsed, ParentRun, Point
from tracking.service import PATIENT, Retry, call, open_client

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import DatasetInput, Metric, Run

_PAGE = 1000
_DIGEST_LENGTH = 36  # MLflow's limit for the digest of a data set
_DATA_CONTEXT = "mlflow.data.context"


@dataclass(frozen=True)
class _Draft:
    """What both kinds of run come down to."""

    trial_key: str
    name: str
    tags: Mapping[str, str]
    params: Mapping[str, str]
    points: tuple[Point, ...]
    dataset: DataUsed | None
    artifacts: Mapping[str, bytes]
    status: str
    started_ms: int
    ended_ms: int


def write_parent(
    client: MlflowClient,
    experiment_id: str,
    parent: ParentRun,
    *,
    maybe_there: bool = True,
    retry: Retry = PATIENT,
) -> str:
    """Create or update the parent run of a sweep and return its run id.

    Args:
        client: from :func:`tracking.service.open_client`.
        experiment_id: from :func:`tracking.service.ensure_experiment`.
        parent: what to write. Status RUNNING opens a finished run again.
        maybe_there: False when the run is known not to exist, which saves a look-up.
        retry: how long to go on trying each call.

    Raises:
        TrackingUnavailable: if the store does not answer or refuses.
    """
    now = time.time_ns() // 1_000_000
    draft = _Draft(
        PARENT,
        parent.sweep,
        parent.all_tags(),
        parent.all_params(),
        parent.points(),
        None,
        parent.artifacts,
        parent.status,
        parent.started_ms or now,
        parent.ended_ms or now,
    )
    return _write(client, experiment_id, draft, maybe_there, retry)


def write_cell(
    client: MlflowClient,
    experiment_id: str,
    parent_id: str,
    cell: CellRun,
    *,
    maybe_there: bool = True,
    retry: Retry = PATIENT,
) -> str:
    """Create or update the child run of a cell and return its run id.

    A new run takes four calls (create, batch, data set, end) and one upload an artifact; a run
    that is there takes a look-up, the batch and the end. Writing the same record twice is the same
    run with the same points. With replicates added, the means get a newer point and the new
    replicates are appended.

    Args:
        client: from :func:`tracking.service.open_client`.
        experiment_id: from :func:`tracking.service.ensure_experiment`.
        parent_id: from :func:`write_parent`.
        cell: what to write.
        maybe_there: False when the run is known not to exist, which saves the look-up.
        retry: how long to go on trying each call.

    Raises:
        TrackingUnavailable: if the store does not answer or refuses.
    """
    draft = _Draft(
        cell.trial_key,
        cell.name,
        cell.all_tags(parent_id),
        cell.all_params(),
        cell.points(),
        cell.dataset,
        cell.artifacts,
        cell.status,
        cell.started_ms,
        cell.ended_ms,
    )
    return _write(client, experiment_id, draft, maybe_there, retry)


def find_run(client: MlflowClient, experiment_id: str, trial_key: str) -> Run | None:
    """Return the oldest run tagged with the key, or None; one call, not repeated on failure."""
    found = client.search_runs(
        [experiment_id],
        filter_string=f"tags.trial_key = '{trial_key}'",
        max_results=1,
        order_by=["attributes.start_time ASC"],
    )
    return found[0] if found else None


def find_experiment(uri: str, sweep: str, retry: Retry = PATIENT) -> str | None:
    """Return the id of a sweep's experiment, or None where there is none; makes nothing.

    Raises:
        TrackingRefused: if the address is of a kind that we do not use.
        TrackingUnavailable: if the store does not answer or refuses.
    """
    if scheme(uri) == SQLITE and not sqlite_file(uri).exists():
        return None
    client = open_client(uri)
    found = call(client, lambda: client.get_experiment_by_name(sweep), retry)
    return None if found is None else str(found.experiment_id)


def summary(uri: str, sweep: str, retry: Retry = PATIENT) -> dict[str, list[tuple[str, str]]]:
    """Return the child runs of a sweep: trial key to (run id, status) pairs.

    More than one pair under a key is a mistake that ``verify`` reports. An SQLite file that is not
    there is not made: the answer is empty.

    Raises:
        TrackingRefused: if the address is of a kind that we do not use.
        TrackingUnavailable: if the store does not answer or refuses.
    """
    experiment_id = find_experiment(uri, sweep, retry)
    return {} if experiment_id is None else child_runs(open_client(uri), experiment_id, sweep, retry)


def child_runs(
    client: MlflowClient, experiment_id: str, sweep: str, retry: Retry
) -> dict[str, list[tuple[str, str]]]:
    """Return trial key to (run id, status) pairs of the sweep's child runs in an experiment."""
    runs: dict[str, list[tuple[str, str]]] = {}
    wanted = f"tags.sweep = '{sweep}' and tags.trial_key != '{PARENT}'"
    token: str | None = None
    while True:
        search = partial(client.search_runs, [experiment_id], wanted, max_results=_PAGE, page_token=token)
        page = call(client, search, retry)
        for run in page:
            runs.setdefault(run.data.tags["trial_key"], []).append((run.info.run_id, run.info.status))
        token = page.token
        if not token:
            return runs


def _write(client: MlflowClient, experiment_id: str, draft: _Draft, maybe_there: bool, retry: Retry) -> str:
    run, created = _find_or_create(client, experiment_id, draft, maybe_there, retry)
    run_id: str = run.info.run_id
    call(client, lambda: _log_batch(client, run, draft, created), retry)
    data = draft.dataset
    if data is not None and not (run.inputs and run.inputs.dataset_inputs):
        call(client, lambda: client.log_inputs(run_id, [_dataset_input(data)]), retry)
    for path, content in draft.artifacts.items():
        upload(client, run, path, content, retry)
    if draft.status != "RUNNING":
        call(client, lambda: client.set_terminated(run_id, draft.status, draft.ended_ms), retry)
    elif not created:
        call(client, lambda: client.update_run(run_id, status="RUNNING"), retry)
    return run_id


def _find_or_create(
    client: MlflowClient, experiment_id: str, draft: _Draft, maybe_there: bool, retry: Retry
) -> tuple[Run, bool]:
    """Return the run and whether it is new; a create whose answer was lost is found again."""
    tries = 0

    def find_or_create() -> tuple[Run, bool]:
        nonlocal tries
        tries += 1
        found = find_run(client, experiment_id, draft.trial_key) if maybe_there or tries > 1 else None
        if found is not None:
            return found, False
        created = client.create_run(experiment_id, draft.started_ms, dict(draft.tags), draft.name)
        return created, True

    return call(client, find_or_create, retry)


def _log_batch(client: MlflowClient, run: Run, draft: _Draft, created: bool) -> None:
    """Log metrics, and on an old run the tags; params that it has already cannot change."""
    from mlflow.entities import Param, RunTag

    params = [Param(name, value) for name, value in draft.params.items() if name not in run.data.params]
    tags = [] if created else [RunTag(name, value) for name, value in draft.tags.items()]
    client.log_batch(run.info.run_id, _metrics(run, draft), params, tags)


def _metrics(run: Run, draft: _Draft) -> list[Metric]:
    """Stamp the points: what never changes by the run's start, so that it is stored only once."""
    from mlflow.entities import Metric

    start: int = run.info.start_time
    return [
        Metric(
            point.name,
            float(point.value),
            draft.ended_ms if point.changing else start + point.step,
            point.step,
        )
        for point in draft.points
    ]


def _dataset_input(data: DataUsed) -> DatasetInput:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    source = redact(data.source)
    kind, field = ("http", "url") if urlsplit(source).scheme in ("http", "https") else ("local", "uri")
    dataset = Dataset(
        name=data.name,
        digest=data.digest[:_DIGEST_LENGTH],
        source_type=kind,
        source=json.dumps({field: source}),
        profile=json.dumps({"num_rows": data.rows, "classes": list(data.classes)}),
    )
    return DatasetInput(dataset, [InputTag(_DATA_CONTEXT, "training")])


def upload(client: MlflowClient, run: Run, path: str, content: bytes, retry: Retry) -> None:
    """Upload one artifact to the place that the run names, without asking for the run again."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    folder, name = posixpath.split(path)
    with tempfile.TemporaryDirectory() as scratch:
        local = Path(scratch, name)
        local.write_bytes(content)

        def send() -> None:
            store = get_artifact_repository(run.info.artifact_uri, tracking_uri=client.tracking_uri)
            store.log_artifact(str(local), folder or None)  # type: ignore[no-untyped-call]

        call(client, send, retry)
