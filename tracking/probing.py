"""Asks in a few seconds whether a tracking store can be used."""

from __future__ import annotations

import os
import socket
import sqlite3
from contextlib import closing
from urllib.parse import urlsplit

from tracking.address import DATABASE_PORTS, SERVERS, SQLITE, scheme, sqlite_file
from tracking.errors import TrackingUnavailable
from tracking.service import prepare_environment, translated, unavailable


def probe(uri: str, seconds: float = 5.0) -> None:
    """Check in a few seconds that the store can be reached; writes nothing.

    A server is asked for its health and for one experiment, because only the second needs the
    password. A database server is connected to, without logging in; an SQLite file
    must be a database, or be possible to make.

    Raises:
        TrackingRefused: if the address is of a kind that we do not use.
        TrackingUnavailable: if nobody answers in time (retryable) or we are refused (not).
    """
    kind = scheme(uri)
    if kind in SERVERS:
        _probe_server(uri, seconds)
    elif kind == SQLITE:
        _probe_file(uri)
    else:
        _probe_port(uri, DATABASE_PORTS[kind], seconds)


def _probe_server(uri: str, seconds: float) -> None:
    prepare_environment()
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import http_request

    credentials = get_default_host_creds(uri)  # type: ignore[no-untyped-call]
    with translated(uri):
        for path in ("/health", "/api/2.0/mlflow/experiments/search?max_results=1"):
            answer = http_request(  # type: ignore[no-untyped-call]
                credentials, path, "GET", timeout=seconds, raise_on_status=False
            )
            if answer.status_code != 200:
                message = f"the server answers {answer.status_code} {answer.reason}"
                raise unavailable(uri, message, answer.status_code)


def _probe_port(uri: str, default_port: int, seconds: float) -> None:
    parts = urlsplit(uri)
    if parts.hostname is None:
        return  # a local socket named in the query
    try:
        socket.create_connection((parts.hostname, parts.port or default_port), seconds).close()
    except OSError as error:
        raise TrackingUnavailable(f"no database answers: {error}", uri, retryable=True) from None


def _probe_file(uri: str) -> None:
    file = sqlite_file(uri).absolute()
    if not file.exists():
        folder = next(parent for parent in file.parents if parent.exists())
        if not folder.is_dir() or not os.access(folder, os.W_OK):
            raise TrackingUnavailable(f"cannot write in {folder}", uri, "choose another", retryable=False)
        return
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as database:
            database.execute("PRAGMA schema_version")
    except sqlite3.DatabaseError as error:
        busy = isinstance(error, sqlite3.OperationalError) and "locked" in str(error)
        fix = "" if busy else "choose another file, or move this one away"
        raise TrackingUnavailable(f"not a database: {error}", uri, fix, retryable=busy) from None
