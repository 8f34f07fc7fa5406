"""Whether the runs of a sweep keep to what MLflow's pages bear, however many there are."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tracking.address import SERVERS, scheme
from tracking.dumping import runs_of
from tracking.runs import find_experiment
from tracking.schema import (
    CHILD_TAGS,
    CURVE_NAMES,
    MAX_METRICS,
    MAX_PARAMS,
    MAX_POINTS,
    MAX_TAG_LENGTH,
    PARENT,
)
from tracking.service import PATIENT, Retry, call, open_client, translated, unavailable

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

_RUNS_A_CALL = 100  # whose curves one call may ask for
_POINTS_A_CALL = 25_000
_BULK = "/ajax-api/2.0/mlflow/metrics/get-history-bulk"
_PARENT_ID, _NOTE = "mlflow.parentRunId", "mlflow.note.content"


def page_problems(uri: str, sweep: str, retry: Retry = PATIENT) -> list[str]:
    """Say in sentences which runs of a sweep would make MLflow's pages slow, or cannot be filtered there.

    It takes one search a thousand runs, and four calls a hundred runs for the lengths of curves.

    Raises:
        TrackingRefused: if the address is of a kind that we do not use.
        TrackingUnavailable: if the store does not answer or refuses.
    """
    experiment_id = find_experiment(uri, sweep, retry)
    if experiment_id is None:
        return [f"MLflow has no experiment {sweep!r}"]
    client = open_client(uri)
    runs = list(runs_of(client, experiment_id, retry))
    parents = {run.info.run_id for run in runs if run.data.tags.get("trial_key") == PARENT}
    children = [run for run in runs if run.info.run_id not in parents]
    found = [] if len(parents) == 1 else [f"{len(parents)} parent runs, expected 1"]
    for run in runs:
        problems = _of_run(run) if run.info.run_id in parents else [*_of_run(run), *_of_child(run, parents)]
        found += [f"{_name(run)}: {problem}" for problem in problems]
    names = {run.info.run_id: _name(run) for run in children}
    for curve in _curves(children):
        for run_id, points in _lengths(client, curve, list(names), retry).items():
            if points > MAX_POINTS:
                found.append(f"{names[run_id]}: {curve} has {points} points, at most {MAX_POINTS}")
    return found


def _name(run: Run) -> str:
    return str(run.data.tags.get("trial_key") or run.info.run_id)


def _of_run(run: Run) -> Iterator[str]:
    if len(run.data.params) > MAX_PARAMS:
        yield f"{len(run.data.params)} params, at most {MAX_PARAMS}"
    if len(run.data.metrics) > MAX_METRICS:
        yield f"{len(run.data.metrics)} metric names, at most {MAX_METRICS}"
    note = run.data.tags.get(_NOTE, "")
    if len(note) >= MAX_TAG_LENGTH:
        yield f"its note has {len(note)} characters, fewer than {MAX_TAG_LENGTH} are shown whole"


def _of_child(run: Run, parents: set[str]) -> Iterator[str]:
    missing = [tag for tag in CHILD_TAGS if tag not in run.data.tags]
    if missing:
        yield f"without the tags {', '.join(missing)}"
    if run.data.tags.get(_PARENT_ID) not in parents:
        yield "its parent is not the sweep's run: it is nested deeper, or stands alone"
    inputs = 0 if run.inputs is None else len(run.inputs.dataset_inputs)
    if inputs != 1:
        yield f"{inputs} data sets, expected 1"


def _curves(children: Sequence[Run]) -> list[str]:
    there = {name for run in children for name in run.data.metrics}
    known = (f"{kind}.{name}" for kind in ("replicate", "budget") for name in sorted(CURVE_NAMES))
    return [name for name in known if name in there]


def _lengths(client: MlflowClient, curve: str, run_ids: Sequence[str], retry: Retry) -> Mapping[str, int]:
    """Steps of a curve by run; a step that was written again counts once."""
    steps: dict[str, set[int]] = defaultdict(set)
    for start in range(0, len(run_ids), _RUNS_A_CALL):
        part = run_ids[start : start + _RUNS_A_CALL]
        for point in call(client, partial(_points, client, curve, part), retry):
            steps[point["run_id"]].add(int(point["step"]))
    return {run_id: len(found) for run_id, found in steps.items()}


def _points(client: MlflowClient, curve: str, run_ids: Sequence[str]) -> list[dict[str, Any]]:
    """The points of a curve of many runs, which MLflow's client has no call for."""
    if scheme(client.tracking_uri) not in SERVERS:
        store: Any = client._tracking_client.store
        return [point.to_dict() for point in store.get_metric_history_bulk(run_ids, curve, _POINTS_A_CALL)]
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import http_request

    query = urlencode([("metric_key", curve), *(("run_id", run_id) for run_id in run_ids)])
    with translated(client.tracking_uri):
        answer = http_request(  # type: ignore[no-untyped-call]
            get_default_host_creds(client.tracking_uri),  # type: ignore[no-untyped-call]
            f"{_BULK}?{query}", "GET", timeout=60, raise_on_status=False,
        )  # fmt: skip
        if answer.status_code != 200:
            message = f"the server answers {answer.status_code} {answer.reason}"
            raise unavailable(client.tracking_uri, message, answer.status_code)
        found: list[dict[str, Any]] = json.loads(answer.text)["metrics"]
        return found
