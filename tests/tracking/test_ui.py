"""The command that serves MLflow's pages, and who may reach it."""

from __future__ import annotations

import http.client
import sys
from typing import Any

import pytest

from tracking import TrackingRefused, UnknownScheme, runs_page, ui_command, ui_environment

SECRETS = {"MLFLOW_FLASK_SERVER_SECRET_KEY": "x", "MLFLOW_AUTH_ADMIN_PASSWORD": "y"}


def option(command: list[str], name: str) -> str:
    return command[command.index(name) + 1]


def test_command_is_small_and_stays_on_loopback() -> None:
    command = ui_command("sqlite:///runs/mlflow.db", "runs/mlartifacts", port=5001)
    assert command[:4] == [sys.executable, "-m", "mlflow", "server"]
    assert option(command, "--backend-store-uri") == "sqlite:///runs/mlflow.db"
    assert option(command, "--artifacts-destination") == "runs/mlartifacts"
    assert (option(command, "--host"), option(command, "--workers")) == ("127.0.0.1", "1")
    hosts = option(command, "--allowed-hosts").split(",")
    assert {"127.0.0.1:5001", "localhost:5001"} <= set(hosts)
    assert not [host for host in hosts if "*" in host]
    environment = ui_environment("sqlite:///runs/mlflow.db")
    assert environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
    assert environment["MLFLOW_DISABLE_TELEMETRY"] == environment["DO_NOT_TRACK"] == "true"


def test_password_travels_in_the_environment() -> None:
    uri = "postgresql://u:s3cret@db/mlflow"
    assert "s3cret" not in " ".join(ui_command(uri, None))
    assert ui_environment(uri)["MLFLOW_BACKEND_STORE_URI"] == uri


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org"])
@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "without a password"),
        ({"basic_auth": True, "environment": SECRETS}, "every host name"),
        ({"basic_auth": True, "environment": SECRETS, "allowed_hosts": ("*",)}, "every host name"),
        ({"basic_auth": True, "environment": {}, "allowed_hosts": ("example.org",)}, "SECRET_KEY and"),
    ],
)
def test_others_are_kept_out(host: str, changes: dict[str, Any], text: str) -> None:
    with pytest.raises(TrackingRefused, match=text):
        ui_command("sqlite:///m.db", None, host, **changes)


def test_with_a_password_others_are_let_in() -> None:
    command = ui_command(
        "sqlite:///m.db",
        None,
        "0.0.0.0",
        basic_auth=True,
        allowed_hosts=("lab.example.org",),
        environment=SECRETS,
    )
    assert option(command, "--app-name") == "basic-auth"
    assert "lab.example.org:5000" in option(command, "--allowed-hosts").split(",")


def test_a_server_or_a_folder_is_not_served() -> None:
    with pytest.raises(TrackingRefused, match="open the address"):
        ui_command("http://u:s3cret@host:5000", None)
    with pytest.raises(TrackingRefused, match="use sqlite"):
        ui_command("mlruns", None)
    with pytest.raises(UnknownScheme):
        ui_command("htp://x", None)


@pytest.mark.parametrize(("host", "status"), [("localhost", 200), ("127.0.0.1", 200), ("evil.example", 403)])
def test_started_server_checks_the_host_name(server: int, host: str, status: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server, timeout=10)
    path = "/api/2.0/mlflow/experiments/search?max_results=1"
    connection.request("GET", path, headers={"Host": f"{host}:{server}"})
    assert connection.getresponse().status == status
    connection.close()


def test_the_runs_page_compares_children_best_first() -> None:
    page = runs_page("7")
    assert page.startswith("/#/experiments/7/runs?workflowType=machine_learning&")
    assert "orderByKey=metrics.%60balanced_accuracy%60&orderByAsc=false" in page
    assert "searchFilter=tags.stage%20%21%3D%20%22%22" in page
