"""Adds files to the parent run of a sweep that MLflow has already."""

from __future__ import annotations

from collections.abc import Mapping

from tracking.runs import find_experiment, find_run, upload
from tracking.schema import PARENT, check_artifacts
from tracking.service import PATIENT, Retry, call, open_client


def attach(uri: str, sweep: str, artifacts: Mapping[str, bytes], retry: Retry = PATIENT) -> str | None:
    """Log artifacts on a sweep's parent run, over older ones of the same name.

    Args:
        uri: the tracking store.
        sweep: the sweep's name.
        artifacts: path to bytes, at most 4.
        retry: how long to go on trying each call.

    Returns:
        The run's id, or None where the store has no run of this sweep.

    Raises:
        TrackingRefused: if the address is of a kind that we do not use.
        TrackingUnavailable: if the store does not answer or refuses.
    """
    check_artifacts(sweep, artifacts)
    experiment_id = find_experiment(uri, sweep, retry)
    if experiment_id is None:
        return None
    client = open_client(uri)
    run = call(client, lambda: find_run(client, experiment_id, PARENT), retry)
    if run is None:
        return None
    for path, content in artifacts.items():
        upload(client, run, path, content, retry)
    return str(run.info.run_id)
