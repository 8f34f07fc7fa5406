"""Addresses where no cluster is: each is told in seconds, with what to do."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sweeps.reach import check_address
from sweeps.spec import load_spec
from sweeps.submit import Submission, allowed, open_jobs, submit
from synaug.errors import Exit, SynaugError


@pytest.fixture
def closed() -> Iterator[int]:
    """A port that is taken and at which nobody listens."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield int(holder.getsockname()[1])


@pytest.fixture
def black_hole() -> Iterator[int]:
    """A port at which the kernel takes connections and nobody ever answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


class Website(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(int(self.path.strip("/").partition("/")[0]) if self.path[1:4].isdigit() else 200)
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def website() -> Iterator[int]:
    """A web server that is not Ray's."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Website)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("form", ["127.0.0.1:{}", "ray://127.0.0.1:{}"])
@pytest.mark.parametrize(
    ("kind", "says"), [("closed", "refused"), ("black_hole", "said nothing for 5 s"), ("website", "")]
)
def test_an_address_without_a_cluster_is_told(
    form: str, kind: str, says: str, request: pytest.FixtureRequest
) -> None:
    address = form.format(request.getfixturevalue(kind))
    with pytest.raises(SynaugError, match="no Ray cluster answers at") as told:
        check_address(address)
    assert told.value.exit == Exit.SERVICE
    assert address in str(told.value)
    assert says in str(told.value)
    assert "ray start --head" in str(told.value)


@pytest.mark.parametrize("address", ["nowhere", "10.0.0.5", "http://10.0.0.5:6379", "10.0.0.5:port", ""])
def test_an_address_of_no_known_form_is_a_slip(address: str) -> None:
    with pytest.raises(SynaugError, match="HOST:PORT") as told:
        check_address(address)
    assert told.value.exit == Exit.USAGE


@pytest.mark.parametrize(
    ("kind", "says"), [("closed", "refused"), ("black_hole", "timed out"), ("website", "another service")]
)
def test_a_dashboard_that_is_away_is_told(kind: str, says: str, request: pytest.FixtureRequest) -> None:
    with pytest.raises(SynaugError, match=says) as told:
        open_jobs(f"http://127.0.0.1:{request.getfixturevalue(kind)}")
    assert told.value.exit == Exit.SERVICE
    assert "ssh -L 8265" in str(told.value)


@pytest.mark.parametrize(
    "address", ["127.0.0.1:8265", "ray://127.0.0.1:10001", "http://ann:s3cret@host:8265"]
)
def test_jobs_want_the_address_of_a_dashboard(address: str) -> None:
    with pytest.raises(SynaugError, match="expected http://HOST:PORT") as told:
        open_jobs(address)
    assert told.value.exit == Exit.USAGE
    assert "s3cret" not in str(told.value)


def submission(folder: Path, out: str = "/runs/x", *options: str, **spec: Any) -> Submission:
    return Submission(load_spec({"name": "x", **spec}), out, options)


def test_the_command_of_a_job_is_quoted(tmp_path: Path) -> None:
    made = submission(tmp_path, "~/my runs/x", "--workers", "3").command
    assert made == "synaug sweep spec.yaml --out ~/'my runs/x' --address auto --workers 3"


def test_results_must_not_lie_in_the_folder_of_the_job(tmp_path: Path) -> None:
    with pytest.raises(SynaugError, match="starts with / or ~/") as told:
        submit(submission(tmp_path, "runs/x"), "http://127.0.0.1:1", {})
    assert told.value.exit == Exit.USAGE


def test_passwords_do_not_go_along(tmp_path: Path) -> None:
    secret = "http://ann:s3cret@mlflow:5000"
    given = {"MLFLOW_TRACKING_URI": "http://mlflow:5000", "MLFLOW_TRACKING_PASSWORD": "s3cret", "HOME": "/h"}
    assert allowed(given) == {"MLFLOW_TRACKING_URI": "http://mlflow:5000"}
    assert allowed({"MLFLOW_TRACKING_URI": "sqlite:////mine/mlflow.db"}) == {}
    for refused in (
        lambda: allowed({"MLFLOW_TRACKING_URI": secret}),
        lambda: submit(submission(tmp_path, "/runs/x", "--tracking-uri", secret), "http://127.0.0.1:1", {}),
    ):
        with pytest.raises(SynaugError, match="holds a password") as told:
            refused()
        assert told.value.exit == Exit.INTEGRITY
        assert "s3cret" not in str(told.value)
