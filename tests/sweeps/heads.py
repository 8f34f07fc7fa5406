"""Ray nodes as a user starts them, with ``ray start``, on ports that are free."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.servers import free_port

RAY = str(Path(sys.executable).with_name("ray"))
START_SECONDS = 150  # Ray itself gives up after 30 of them in one of its steps
TRIES = 3


@dataclass(frozen=True)
class Head:
    """A cluster's first node.

    Attributes:
        address: of its port.
        client: of its port for clients.
        dashboard: address of its dashboard, empty without one.
        metrics: address that Prometheus reads.
        env: what a process needs in its environment to be let in.
    """

    address: str
    client: str
    dashboard: str
    metrics: str
    env: Mapping[str, str] = field(default_factory=dict)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def write_token(path: Path) -> dict[str, str]:
    """Make a token; return the environment that shows it."""
    path.write_text(secrets.token_hex(32))
    path.chmod(0o600)
    return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(path)}


@contextmanager
def head(
    folder: Path,
    *,
    cpus: int = 2,
    gpus: int = 0,
    dashboard: bool = False,
    env: Mapping[str, str] | None = None,
) -> Iterator[Head]:
    """A head on this machine; one that a busy machine keeps from starting is started again."""
    for number in range(TRIES):
        ports = [free_port() for _ in range(4)]
        client = 9000 + free_port() % 900  # Ray's workers take the ports from 10002
        words = ["--head", "--node-ip-address", "127.0.0.1", "--port", str(ports[0])]
        words += ["--num-cpus", str(cpus), "--num-gpus", str(gpus)]
        words += ["--ray-client-server-port", str(client), "--metrics-export-port", str(ports[1])]
        words += ["--include-dashboard", str(dashboard).lower(), "--dashboard-host", "127.0.0.1"]
        words += ["--dashboard-port", str(ports[2]), "--dashboard-agent-listen-port", str(ports[3])]
        wanted = [ports[0], client, *([ports[2]] if dashboard else [])]
        with node(folder / f"head-{number}.log", words, env or {}) as process:
            if not _started(process, wanted):
                continue
            yield Head(
                f"127.0.0.1:{ports[0]}",
                f"ray://127.0.0.1:{client}",
                f"http://127.0.0.1:{ports[2]}" if dashboard else "",
                f"http://127.0.0.1:{ports[1]}/metrics",
                env or {},
            )
            return
    pytest.fail(f"no head started:\n{(folder / f'head-{TRIES - 1}.log').read_text()}")


@contextmanager
def node(log: Path, words: list[str], env: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process of ``ray start``, ended at the end."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [RAY, "start", "--block", *words],
            cwd=log.parent,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "RAY_USAGE_STATS_ENABLED": "0", **env},
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(90)


def _started(process: subprocess.Popen[bytes], ports: list[int]) -> bool:
    until = time.monotonic() + START_SECONDS
    while not all(listens(port) for port in ports):
        if process.poll() is not None or time.monotonic() > until:
            return False
        time.sleep(0.5)
    return True
