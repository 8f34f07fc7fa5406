"""Asking whether the hub answers: quick, whatever stands at the other end."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from synaug import hub


class Refusing(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.send_error(403)

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@pytest.fixture
def online(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in hub.OFFLINE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "*")
    return monkeypatch


@pytest.fixture
def server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_any_answer_is_a_sign_of_life(online: pytest.MonkeyPatch, server: str) -> None:
    online.setenv("HF_ENDPOINT", server)
    assert hub.reachable()


@pytest.mark.parametrize("name", hub.OFFLINE)
def test_offline_variables_are_obeyed(online: pytest.MonkeyPatch, server: str, name: str) -> None:
    online.setenv("HF_ENDPOINT", server)
    online.setenv(name, "1")
    assert not hub.reachable()


def test_silence_closed_ports_and_other_schemes(online: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        online.setenv("HF_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert not hub.reachable(seconds=0.2)
    for address in ("http://127.0.0.1:9", "file:///etc/hostname"):
        online.setenv("HF_ENDPOINT", address)
        assert not hub.reachable()


def test_remedy_names_the_host_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "https://me:secret@mirror.example")
    assert "mirror.example" in hub.remedy("hf download x")
    assert "secret" not in hub.remedy("hf download x")
