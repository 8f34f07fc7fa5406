"""Ray nodes as a user starts them with ``ray start``, each a session of processes that a test can kill."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from tests.servers import free_port

RAY = str(Path(sys.executable).with_name("ray"))
SECONDS = 150.0


class Node:
    """One node with so many CPUs; the head where no address is given.

    Args:
        cpus: that it offers.
        log: takes what it says.
        address: of the head that it joins.
        port: of a head, to come back at an address that is known.
        token: of the cluster.
    """

    def __init__(self, cpus: int, log: Path, token: str, address: str | None = None, port: int | None = None):
        place = ["--address", address] if address else _head(port or free_port())
        self.address = address or f"127.0.0.1:{place[place.index('--port') + 1]}"
        ports = ["--min-worker-port", "0", "--max-worker-port", "0", "--node-ip-address", "127.0.0.1"]
        command = [RAY, "start", "--block", "--num-cpus", str(cpus), *place, *ports]
        environment = cluster_environment(token)
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                command,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env=os.environ | environment,
            )

    def kill(self) -> None:
        """Kill all its processes at once, as a machine that loses power does."""
        until = time.monotonic() + SECONDS
        while doomed := self._living():  # what starts while others die dies in the next round
            assert time.monotonic() < until, f"these live on: {doomed}"
            for process in doomed:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(doomed, timeout=1)
        self.process.wait(SECONDS)

    def _living(self) -> list[psutil.Process]:
        """Processes of its session, also those whose parents have ended."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.NoSuchProcess, ProcessLookupError):
                ours = os.getsid(process.pid) == self.process.pid
                if ours and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found


def _head(port: int) -> list[str]:
    client = str(9000 + free_port() % 900)  # Ray's workers take the ports from 10002
    folder = tempfile.mkdtemp(prefix="r-")  # short: sockets lie below it
    head = ["--head", "--port", str(port), "--ray-client-server-port", client, "--include-dashboard", "false"]
    return [*head, "--temp-dir", folder]


def cluster_environment(token: str) -> dict[str, str]:
    """What nodes and drivers of one cluster must have in common."""
    return {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token}


def new_token() -> str:
    return secrets.token_hex(16)


def answers(address: str) -> bool:
    """Whether somebody listens."""
    host, port = address.split(":")
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((host, int(port))) == 0


def wait_until(ready: Callable[[], bool], node: Node) -> None:
    """Wait until something is so of a node that starts."""
    until = time.monotonic() + SECONDS
    while not ready():
        assert node.process.poll() is None, node.log.read_text()
        assert time.monotonic() < until, node.log.read_text()
        time.sleep(0.5)


class Machines:
    """Nodes of one cluster."""

    def __init__(self, folder: Path):
        self.token, self._folder, self.nodes = new_token(), folder, list[Node]()

    def head(self, cpus: int, port: int | None = None) -> Node:
        node = self._add(cpus, port=port)
        wait_until(lambda: answers(node.address), node)
        return node

    def join(self, head: Node, cpus: int) -> Node:
        node = self._add(cpus, address=head.address)
        wait_until(lambda: "Ray runtime started" in node.log.read_text(), node)
        return node

    def _add(self, cpus: int, **place: Any) -> Node:
        log = self._folder / f"node-{len(self.nodes)}.log"
        self.nodes.append(Node(cpus, log, self.token, **place))
        return self.nodes[-1]

    def kill(self) -> None:
        for node in reversed(self.nodes):
            node.kill()
