"""A sweep on a Ray cluster that runs already: by its address and through the Ray client."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sweeps.ledger import read
from sweeps.ledger_state import state
from sweeps.standing import disagreements

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Head:
    address: str
    client: str


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Head]:
    """A cluster of one node, started as a user would with ``ray start``."""
    port, client = free_port(), 9000 + free_port() % 900  # Ray's workers take the ports from 10002
    log = tmp_path_factory.mktemp("ray") / "head.log"
    start = [str(Path(sys.executable).with_name("ray")), "start", "--head", "--block", "--num-cpus", "2"]
    ports = ["--port", str(port), "--ray-client-server-port", str(client), "--include-dashboard", "false"]
    with log.open("wb") as output:
        node = subprocess.Popen(
            [*start, *ports, "--node-ip-address", "127.0.0.1"],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | {"RAY_USAGE_STATS_ENABLED": "0"},
        )
    try:
        deadline = time.monotonic() + 90
        while not listens(port) or not listens(client):
            if node.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the head did not start:\n{log.read_text()}")
            time.sleep(0.5)
        yield Head(f"127.0.0.1:{port}", f"ray://127.0.0.1:{client}")
    finally:
        node.terminate()
        node.wait(60)


@pytest.mark.parametrize("way", ["address", "client"])
def test_the_numbers_are_those_of_a_local_run(
    way: str, head: Head, workshop: Any, finished: Any, design_scores: Any, tmp_path: Path
) -> None:
    out = tmp_path / "runs" / "tiny"
    code, text = workshop.run("sweep", out, "--address", getattr(head, way))
    assert code == 0, text
    lines = read(out / "ledger.jsonl").lines
    assert design_scores(lines) == design_scores(finished.lines)
    header = state(lines).header
    assert header is not None
    from sweeps.places import places

    assert disagreements(places(out, header=header, environment={}), "tiny", lines) == []
