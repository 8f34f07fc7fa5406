"""How the cells an hour grow with the nodes of a Ray cluster, and where the driver sets the limit.

The nodes are real Ray nodes on one machine; a cell waits instead of computing, so that they do not
share what they wait for. Ledger, Optuna and MLflow are real, the driver has the machine to itself.
"""

from __future__ import annotations

import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import IO

from benchmarks.measure import Figure, Found, Options
from benchmarks.overhead import fields, run_empty
from benchmarks.sentences import write_sentences
from sweeps.spec import load_spec

SLOTS = 4  # cells at a time on a node
SECONDS = 2.0  # that a cell waits
ROUNDS = 10  # cells on each slot
START_SECONDS = 120.0


def measure(options: Options) -> Found:
    """Run sweeps of waiting cells on one node and on several, and one of cells that do not wait."""
    nodes = (1, 2) if options.quick else (1, 2, 4)
    rounds, seconds = (2, 0.2) if options.quick else (ROUNDS, SECONDS)
    with tempfile.TemporaryDirectory(prefix="synaug-bench-") as name:
        folder = Path(name)
        write_sentences(folder / "sentences.csv")
        speed = {n: _cells_a_second(folder, n, n * SLOTS * rounds, seconds) for n in nodes}
        most = _cells_a_second(folder, nodes[-1], 20 if options.quick else 400, 0.0)
    first, last = nodes[0], nodes[-1]
    figures = (
        Figure(
            "ratio",
            f"cells a second, {seconds:g} s each: {last} nodes / {first} node",
            (speed[last] / speed[first],),
        ),
        Figure(
            "efficiency",
            f"cells a second on {last} nodes / what {last * SLOTS} slots could do",
            (speed[last] * seconds / (last * SLOTS),),
        ),
    )
    detail = {
        "slots_a_node": SLOTS,
        "seconds_a_cell": seconds,
        "cells_a_second": {str(n): value for n, value in speed.items()},
        "cells_a_second_at_most": most,
    }
    return Found(figures, detail)


def _cells_a_second(folder: Path, nodes: int, cells: int, seconds: float) -> float:
    """From the starts of the cells: the first round, in which actors start, does not count."""
    slots = nodes * SLOTS
    out = folder / f"{nodes}-nodes-{seconds:g}-s" / "sweep"
    with cluster(nodes) as address:
        spec = load_spec(fields(cells, folder / "sentences.csv"))
        began, _, _ = run_empty(spec, out, seconds, address, slots)
    later = sorted(began)[slots:]
    return 1 / statistics.mean(b - a for a, b in pairwise(later))


@contextmanager
def cluster(nodes: int) -> Iterator[str]:
    """Start so many Ray nodes on this machine with ``ray start``; yields the address of the head."""
    port = _free_port()
    head = ["--head", "--port", str(port), "--ray-client-server-port", str(_free_port())]
    address = f"127.0.0.1:{port}"
    with tempfile.TemporaryFile() as log:
        started = [_ray_start([*head, "--include-dashboard", "false"], log)]
        try:
            _until(lambda: _listens(port), log)
            for _ in range(nodes - 1):  # one after the other: together they time out on two cores
                started.append(_ray_start(["--address", address], log))
                _until(lambda: _alive(address) == len(started), log)
            yield address
        finally:
            for node in reversed(started):
                node.terminate()
            for node in started:
                node.wait(60)


def _ray_start(options: Sequence[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    ray = str(Path(sys.executable).with_name("ray"))
    settings = ["--block", "--num-cpus", str(SLOTS), "--node-ip-address", "127.0.0.1"]
    return subprocess.Popen([ray, "start", *settings, *options], stdout=log, stderr=subprocess.STDOUT)


def _alive(address: str) -> int:
    """Number of nodes of a cluster."""
    from ray._raylet import GcsClient

    return sum(node.state == 0 for node in GcsClient(address=address).get_all_node_info().values())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _until(true: Callable[[], bool], log: IO[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not true():
        if time.monotonic() > deadline:
            log.seek(0)
            said = log.read().decode(errors="replace")
            raise RuntimeError(f"the Ray nodes did not start in {START_SECONDS:g} s:\n{said}")
        time.sleep(0.2)
