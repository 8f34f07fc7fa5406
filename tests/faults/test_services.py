"""Faults of services: MLflow away, for a while or for good, or answering badly; no cluster; no GPU."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from sweeps import mirror
from tests.faults.bench import CELLS, Here
from tests.faults.servers import Server
from tracking import summary


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that is taken and at which nobody answers."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield int(holder.getsockname()[1])


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sweep that waits a second at its end for a store that is away, not ten."""
    monkeypatch.setattr(mirror, "AWAY_SECONDS", 1.0)
    monkeypatch.setattr(mirror, "QUIET_SECONDS", 0.0)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "2")


def catches_up(here: Here, store: str) -> None:
    """Sync sends every cell once, a second sync none; then all agree."""
    found = []
    for expected in (f"sent {CELLS} cells", "sent 0 cells"):
        code, text = here.run("sync", "--tracking-uri", store)
        assert code == 0, text
        assert expected in text
        found.append(summary(store, "tiny"))
    assert found[0] == found[1]
    assert sorted(map(len, found[0].values())) == [1] * CELLS
    code, text = here.run("verify", "--strict", "--tracking-uri", store)
    assert code == 0, text


def test_F10_without_a_server_the_sweep_ends_well_and_sync_catches_up(
    here: Here, closed_port: int, tmp_path: Path, hurried: None
) -> None:
    text = here.sweep("--tracking-uri", f"http://127.0.0.1:{closed_port}")
    assert f"{CELLS} cells not yet in MLflow" in text
    assert f"synaug sync {here.out}" in text
    catches_up(here, f"sqlite:///{tmp_path / 'mlflow.db'}")
    pictures = [path.name for path in (tmp_path / "mlartifacts").rglob("*.png")]
    assert pictures.count("confusion.png") == CELLS


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    found = Server(tmp_path_factory.mktemp("server"))
    found.start()
    yield found
    found.kill()


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0, 5, 15])
def test_F11_a_server_that_goes_and_returns_has_everything_once(
    here: Here, server: Server, seconds: int, tmp_path: Path
) -> None:
    """Cells 3 to 5 run while nobody answers; the rest when the server is back."""
    here.out = here.out.parent / f"away-{seconds}"  # the server keeps the sweeps of the other outages

    def outage(number: int, _: Any) -> None:
        if number == 3:
            server.kill()
        if number == 6:
            assert here.count("cell") == 6
            time.sleep(seconds)
            server.start()

    here.before = outage
    assert "not yet in MLflow" not in here.sweep("--tracking-uri", server.uri)
    here.verify()


class Stub:
    """An HTTP server that gives every request the same bad answer."""

    def __init__(self, answer: str):
        stub = self
        self.requests, self.free = 0, threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def _serve(self) -> None:
                stub.requests += 1
                if answer == "hang":
                    stub.free.wait(60)
                    self.close_connection = True
                    return
                self.send_response(int(answer))
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST = _serve

            def log_message(self, format: str, *args: object) -> None:
                """Stay silent."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()


@pytest.fixture
def stub() -> Iterator[Callable[[str], Stub]]:
    """Return a function that starts a server with one answer."""
    started: list[Stub] = []

    def start(answer: str) -> Stub:
        started.append(Stub(answer))
        return started[-1]

    yield start
    for each in started:
        each.free.set()
        each.http.shutdown()
        each.http.server_close()


@pytest.mark.parametrize("answer", ["500", "429", "hang"])
def test_F12_a_server_in_trouble_is_waited_for_by_nobody(
    here: Here, stub: Callable[[str], Stub], answer: str, hurried: None, tmp_path: Path
) -> None:
    there = stub(answer)
    text = here.sweep("--tracking-uri", f"http://127.0.0.1:{there.http.server_port}")
    assert "the sweep goes on without MLflow" in text
    assert f"{CELLS} cells not yet in MLflow" in text
    assert there.requests > 1
    catches_up(here, f"sqlite:///{tmp_path / 'mlflow.db'}")


@pytest.mark.parametrize("answer", ["401", "403"])
def test_F12_a_server_that_refuses_is_told_at_once(
    here: Here, stub: Callable[[str], Stub], answer: str
) -> None:
    there = stub(answer)
    text = here.sweep("--tracking-uri", f"http://127.0.0.1:{there.http.server_port}", exit=5)
    assert answer in text
    assert there.requests == 1
    assert not here.out.exists()
    here.sweep()
    here.verify()


def test_F26_an_address_where_nobody_listens(here: Here, closed_port: int) -> None:
    text = here.sweep("--address", f"127.0.0.1:{closed_port}", exit=5)
    assert f"no Ray cluster answers at 127.0.0.1:{closed_port}" in text
    assert not here.out.exists()


def test_F27_a_gpu_that_is_not_there(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    text = here.sweep("--gpus-per-trial", "1", exit=6)
    assert "asked for 1 GPU a cell, it has 0" in text
    assert not here.out.exists()
