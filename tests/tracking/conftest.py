"""An SQLite store, a real MLflow server, and a relay before it that can fail on demand."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tracking import CellRun, DataUsed, Retry, ui_command, ui_environment

MakeCell = Callable[..., CellRun]


@pytest.fixture
def quick() -> Retry:
    """Two tries without waits."""
    return Retry(attempts=2, seconds=20, wait_first=0.01, wait_most=0.01, wait_jitter=0)


@pytest.fixture
def sweep() -> str:
    """A name that no other test uses, because tests share their stores."""
    return f"sweep-{uuid4().hex[:8]}"


@pytest.fixture
def make_cell(sweep: str) -> MakeCell:
    """Return a function that makes the run of a cell; keywords replace fields."""

    def make(trial_key: str = "0f3a", replicates: int = 3, **changes: Any) -> CellRun:
        fields: dict[str, Any] = {
            "trial_key": trial_key,
            "sweep": sweep,
            "name": "smote k=5",
            "params": {"arm": "smote", "k": "5"},
            "tags": {
                "method": "smote",
                "dataset": "sst2",
                "encoder": "minilm",
                "fold_scheme": "10 folds",
                "status_reason": "",
                "stage": "design",
            },
            "metrics": {"balanced_accuracy": 0.7 + replicates / 100, "k": 5.0, "ratio": 100.0},
            "replicate_metrics": {"balanced_accuracy": [(r, 0.7 + r / 50) for r in range(replicates)]},
            "budget_metrics": {"balanced_accuracy": [(8, 0.6), (16, 0.65)]},
            "dataset": DataUsed("sst2", "ab" * 32, "hf://sst2", 1000, ("negative", "positive")),
            "artifacts": {"tables.json": b'{"rows": 2}', "plots/curve.png": b"\x89PNG"},
            "status": "FINISHED",
            "started_ms": 1_700_000_000_000,
            "ended_ms": 1_700_000_010_000 + replicates,
        }
        return CellRun(**(fields | changes))

    return make


@pytest.fixture(scope="session")
def sqlite_store(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Return the address of an SQLite store (made by its first user) and its artifact folder."""
    folder = tmp_path_factory.mktemp("store")
    return f"sqlite:///{folder}/mlflow.db", folder / "artifacts"


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    """Return whether a server on the port says that it is well."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Start an MLflow server by our own command; return its port."""
    folder = tmp_path_factory.mktemp("server")
    uri, port = f"sqlite:///{folder}/mlflow.db", free_port()
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ui_command(uri, str(folder / "artifacts"), port=port),
            env=os.environ | ui_environment(uri),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + 90
        while not answers(port):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        yield port
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


class Relay:
    """Passes requests on to a server, counts them, and answers badly as often as told.

    Args:
        server_port: where to pass requests on to.
        port: where to listen.
    """

    def __init__(self, server_port: int, port: int) -> None:
        self.server_port = server_port
        self.port = port
        self.requests: list[str] = []
        self.faults: deque[str | None] = deque()
        self.faults_done: list[str] = []
        self.always: str | None = None
        self.free = threading.Event()
        self._http: ThreadingHTTPServer | None = None

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def next_fault(self, path: str) -> str | None:
        """Return the fault for this request: "STATUS", "hang", or "lose" (done but not answered)."""
        if self.always is not None:
            return self.always
        if path == "/health" or not self.faults:
            return None
        fault = self.faults.popleft()
        if fault is not None:
            self.faults_done.append(fault)
        return fault

    def fault_after(self, good: int, fault: str) -> None:
        """Serve so many requests well, then have the fault once."""
        self.faults.extend([*[None] * good, fault])

    def start(self) -> None:
        relay = self

        class Handler(BaseHTTPRequestHandler):
            def _serve(self) -> None:
                relay.serve(self)

            do_GET = do_POST = do_PUT = do_PATCH = _serve

            def log_message(self, format: str, *args: object) -> None:
                """Stay silent."""

        self._http = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        self.free.set()
        if self._http is not None:
            self._http.shutdown()
            self._http.server_close()
            self._http = None

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        self.requests.append(f"{handler.command} {handler.path.split('?')[0]}")
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        fault = self.next_fault(handler.path)
        if fault == "hang":
            self.free.wait(30)
            handler.close_connection = True
            return
        if fault is not None and fault != "lose":
            self._answer(handler, int(fault), b"no")
            return
        connection = http.client.HTTPConnection("127.0.0.1", self.server_port, timeout=30)
        try:
            headers = {k: v for k, v in handler.headers.items() if k.lower() != "host"}
            connection.request(handler.command, handler.path, body, headers)
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        if fault == "lose":
            handler.close_connection = True
        else:
            self._answer(handler, response.status, content)

    def _answer(self, handler: BaseHTTPRequestHandler, status: int, content: bytes) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)


@pytest.fixture
def idle_relay(server: int) -> Iterator[Relay]:
    """A relay that does not listen yet."""
    relay = Relay(server, free_port())
    yield relay
    relay.stop()


@pytest.fixture
def relay(idle_relay: Relay) -> Relay:
    """A relay that listens."""
    idle_relay.start()
    return idle_relay
