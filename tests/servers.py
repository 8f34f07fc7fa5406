"""A real MLflow server, and a relay before it that counts and can fail on demand."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tracking import ui_command, ui_environment

START_SECONDS = 240.0


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


def wait_for_start(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a server is ready; one that ends or hangs fails the test with its log."""
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.2)


@contextmanager
def running(
    command: Sequence[str], environment: Mapping[str, str], port: int, folder: Path
) -> Iterator[Path]:
    """Run an MLflow server in a folder until the end of the block; yields its log."""
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=os.environ | dict(environment), cwd=folder, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
    try:
        wait_for_start(lambda: answers(port), process, log)
        yield log
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Start an MLflow server by our own command; return its port."""
    folder, port = tmp_path_factory.mktemp("server"), free_port()
    uri = f"sqlite:///{folder}/mlflow.db"
    command = ui_command(uri, str(folder / "artifacts"), port=port)
    with running(command, ui_environment(uri), port, folder):
        yield port


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
