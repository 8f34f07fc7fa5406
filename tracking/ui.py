"""The command that serves MLflow's pages on a store; loopback only, unless people must log in."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from urllib.parse import quote, urlencode

from tracking.address import SERVERS, scheme
from tracking.errors import TrackingRefused, holds_secret
from tracking.schema import HEADLINE
from tracking.service import QUIET

_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


def ui_command(
    uri: str,
    artifact_root: str | None,
    host: str = "127.0.0.1",
    port: int = 5000,
    *,
    basic_auth: bool = False,
    allowed_hosts: Sequence[str] = (),
    environment: Mapping[str, str] = os.environ,
) -> list[str]:
    """Return the command that serves a database store; run it with :func:`ui_environment`.

    An address with a password does not stand in the command, where other users would see it: it
    travels in the environment.

    Args:
        uri: the tracking store, a database.
        artifact_root: where artifacts lie.
        host: address to listen on.
        port: port to listen on.
        basic_auth: ask for a user name and password (MLflow's basic-auth app).
        allowed_hosts: names under which browsers may ask; needed off loopback.
        environment: where the secrets of basic-auth are looked for.

    Raises:
        TrackingRefused: if the store is a server already, or if others could reach it without a
            password or under any host name.
    """
    if scheme(uri) in SERVERS:
        raise TrackingRefused("this is a tracking server already", uri, "open the address in a browser")
    if not _is_loopback(host):
        _require_protection(host, basic_auth, allowed_hosts, environment)
    names = (*_LOOPBACK_NAMES, host, *allowed_hosts)
    command = [
        sys.executable,
        "-m",
        "mlflow",
        "server",
        "--host",
        host,
        "--port",
        str(port),
        "--workers",
        "1",
    ]
    if not holds_secret(uri):
        command += ["--backend-store-uri", uri]
    if artifact_root is not None:
        command += ["--artifacts-destination", artifact_root]
    allowed = dict.fromkeys(form for name in names for form in (name, f"{name}:{port}"))
    command += ["--allowed-hosts", ",".join(allowed)]
    return [*command, "--app-name", "basic-auth"] if basic_auth else command


ALL_CELLS = 'tags.stage != ""'
FAILED_CELLS = "attributes.status = 'FAILED'"


def cells_of(method: str) -> str:
    """Return MLflow's filter for the cells of one method."""
    return f"tags.method = '{method}'"


def runs_page(experiment_id: str, wanted: str = ALL_CELLS, *, chart: bool = True) -> str:
    """Return the path of MLflow's page on child runs of an experiment, best first.

    Args:
        experiment_id: of the sweep.
        wanted: MLflow's filter; the default leaves the parent out.
        chart: open the comparison, else the table.
    """
    query = {
        "workflowType": "machine_learning",
        "searchFilter": wanted,
        "orderByKey": f"metrics.`{HEADLINE}`",
        "orderByAsc": "false",
    } | ({"compareRunsMode": "CHART"} if chart else {})
    return f"/#/experiments/{experiment_id}/runs?{urlencode(query, quote_via=quote)}"


def ui_environment(uri: str) -> dict[str, str]:
    """Return what to add to the environment of :func:`ui_command`: small, silent, no password shown."""
    small = QUIET | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    return small | {"MLFLOW_BACKEND_STORE_URI": uri} if holds_secret(uri) else small


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _require_protection(
    host: str, basic_auth: bool, allowed_hosts: Sequence[str], environment: Mapping[str, str]
) -> None:
    if not basic_auth:
        raise TrackingRefused(
            "others could read and change all runs without a password",
            host,
            "stay on 127.0.0.1 and use an ssh tunnel, or ask for a password",
        )
    if not allowed_hosts or any("*" in name for name in allowed_hosts):
        raise TrackingRefused(
            "every host name would be accepted", host, "name the hosts under which it is reached"
        )
    missing = [
        name
        for name in ("MLFLOW_FLASK_SERVER_SECRET_KEY", "MLFLOW_AUTH_ADMIN_PASSWORD")
        if not environment.get(name)
    ]
    if missing:
        raise TrackingRefused("no secrets to protect it with", host, f"set {' and '.join(missing)}")
