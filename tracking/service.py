"""Opens a tracking store, repeats calls to it, and turns every failure into one of our errors."""

from __future__ import annotations

import logging
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import stamina

from tracking.address import SQLITE, scheme, sqlite_file
from tracking.errors import TrackingRefused, TrackingUnavailable, redact

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

T = TypeVar("T")

QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
_CLIENT = QUIET | {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_UV_AUTO_DETECT": "false",  # a model is not to hold the project that happens to lie here
}
_MESSAGE_LENGTH = 400


@dataclass(frozen=True)
class Retry:
    """How often one call to the store is tried before it counts as unavailable.

    Args:
        attempts: number of tries.
        seconds: no new try after this time.
        wait_first: seconds before the second try; doubles, up to ``wait_most``.
        wait_most: longest wait in seconds.
        wait_jitter: up to this many seconds at random are added to a wait.
    """

    attempts: int = 4
    seconds: float = 60.0
    wait_first: float = 0.2
    wait_most: float = 5.0
    wait_jitter: float = 1.0


PATIENT = Retry()


def prepare_environment() -> None:
    """Set what MLflow reads from the environment; called before MLflow is imported.

    MLflow's own HTTP retries are always off: they repeat a create whose answer was lost, which
    makes a second run. Ours look the run up first.
    """
    for name, value in _CLIENT.items():
        os.environ.setdefault(name, value)
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
    logging.getLogger("stamina").setLevel(logging.ERROR)
    logging.getLogger("mlflow").setLevel(os.environ["MLFLOW_LOGGING_LEVEL"])  # if it was imported before


def open_client(uri: str) -> MlflowClient:
    """Return an MLflow client; a missing SQLite file is made, with its tables.

    Raises:
        TrackingRefused: if the address is of a kind that we do not use.
        TrackingUnavailable: if the store cannot be opened.
    """
    kind = scheme(uri)
    prepare_environment()
    from mlflow import MlflowClient

    with translated(uri):
        if kind == SQLITE and not sqlite_file(uri).exists():
            _make(sqlite_file(uri))
        return MlflowClient(tracking_uri=uri, registry_uri=uri)


def _make(file: Path) -> None:
    """Make an empty store that is there whole or not at all.

    MLflow makes its tables in dozens of steps. A file in which they were cut short, by a full disk or a
    kill, can never be opened again.

    Raises:
        OSError, sqlite3.Error: the folder or its disk cannot take it.
    """
    from mlflow import MlflowClient

    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{file.name}-", dir=file.parent) as folder:
        steps, whole = Path(folder, "steps.db").absolute(), Path(folder, "whole.db")
        MlflowClient(tracking_uri=f"sqlite:///{steps}", registry_uri=f"sqlite:///{steps}")
        with closing(sqlite3.connect(steps)) as source, closing(sqlite3.connect(whole)) as target:
            source.backup(target)
        try:
            os.link(whole, file)
        except OSError:  # another process was first, or the file system has no links
            if not file.exists():
                whole.replace(file)


def ensure_experiment(
    client: MlflowClient, name: str, artifact_root: str | None, retry: Retry = PATIENT
) -> str:
    """Return the id of the experiment, made if it is not there.

    Args:
        client: from :func:`open_client`.
        name: the experiment's name, which is the sweep's.
        artifact_root: folder or address below which artifacts are kept; None leaves it to the
            server. An experiment that exists keeps its own.
        retry: how long to go on trying.

    Raises:
        TrackingRefused: if the experiment was deleted in MLflow.
        TrackingUnavailable: if the store does not answer.
    """

    def look_up_or_create() -> str:
        found = client.get_experiment_by_name(name)
        if found is None:
            return str(client.create_experiment(name, _artifact_location(artifact_root, name)))
        if found.lifecycle_stage == "deleted":
            raise TrackingRefused(
                f"experiment {name!r} was deleted in MLflow",
                client.tracking_uri,
                f"restore it (mlflow experiments restore -x {found.experiment_id}) or name the sweep anew",
            )
        return str(found.experiment_id)

    return call(client, look_up_or_create, retry)


def call(client: MlflowClient, action: Callable[[], T], retry: Retry) -> T:
    """Do one call to the store, again with growing waits while it may help.

    ``action`` must be safe to repeat.

    Raises:
        TrackingUnavailable: when the tries are used up, or at once when waiting cannot help.
    """
    for attempt in stamina.retry_context(
        on=lambda error: isinstance(error, TrackingUnavailable) and error.retryable,
        attempts=retry.attempts,
        timeout=retry.seconds,
        wait_initial=retry.wait_first,
        wait_max=retry.wait_most,
        wait_jitter=retry.wait_jitter,
    ):
        with attempt, translated(client.tracking_uri):
            return action()
    raise AssertionError("the last failed attempt raises")


@contextmanager
def translated(uri: str) -> Iterator[None]:
    """Turn the errors of MLflow and of what it stands on into :class:`TrackingUnavailable`.

    The original error is not chained, because its text may hold a password.
    """
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except MlflowException as error:
        raise unavailable(uri, error.message, _status(error)) from None
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise TrackingUnavailable(_shortened(str(error)), uri, retryable=True) from None
    except OSError as error:
        # An upload that a server refused carries its answer; anything else is a local folder.
        answer = getattr(error, "response", None)
        status = answer.status_code if answer is not None else None
        raise unavailable(uri, str(error), status) from None


def unavailable(uri: str, message: str, status: int | None) -> TrackingUnavailable:
    """Return the error for an HTTP status; None means that no server was asked."""
    retryable = status is not None and (status in (408, 429) or status >= 500)
    return TrackingUnavailable(_shortened(message), uri, _advice(uri, status), retryable=retryable)


def _status(error: MlflowException) -> int:
    return int(error.get_http_status_code())  # type: ignore[no-untyped-call]


def _advice(uri: str, status: int | None) -> str:
    if status == 401:
        return "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
    if status == 403:
        host = urlsplit(uri).hostname
        return f"ask for write permission, or let the server know its name: --allowed-hosts {host}"
    if status == 404:
        return "check the address: is it an MLflow tracking server?"
    return ""


def _shortened(message: str) -> str:
    line = " ".join(redact(message).split())  # before the cut, which could hide where a password ends
    return line if len(line) <= _MESSAGE_LENGTH else line[: _MESSAGE_LENGTH - 1] + "…"


def _artifact_location(root: str | None, name: str) -> str | None:
    if root is None:
        return None
    if "://" in root:
        return f"{root.rstrip('/')}/{name}"
    return (Path(root).resolve() / name).as_uri()
