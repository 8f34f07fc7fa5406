"""Nodes that come and go on one machine, with a token: cells, shared embeddings, a small object store."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from sweeps.ledger import Line, read
from tests.cluster.workshop import first_results, write_workshop
from tests.servers import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]

RAY = str(Path(sys.executable).with_name("ray"))
STORE = 80_000_000  # bytes; Ray takes no less than 75 MiB
SECONDS = 600.0


@dataclass
class Nodes:
    """A cluster that grows node by node.

    Attributes:
        address: of its head.
        environment: of all that may talk to it.
        folder: for logs.
        processes: ``ray start --block`` of each node, the head first.
    """

    address: str
    environment: dict[str, str]
    folder: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *options: str) -> psutil.Process:
        """Start a node and return its raylet."""
        log = self.folder / f"node-{len(self.processes)}.log"
        command = [RAY, "start", "--block", "--num-cpus", "1", "--object-store-memory", str(STORE)]
        command += ["--dashboard-agent-listen-port", "0", "--min-worker-port", "0", "--max-worker-port", "0"]
        command += ["--node-ip-address", "127.0.0.1", *options]
        with log.open("wb") as output:
            node = subprocess.Popen(command, stdout=output, stderr=output, env=self.environment)
        self.processes.append(node)
        until = time.monotonic() + SECONDS
        while "Ray runtime started" not in log.read_text():
            assert node.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.5)
        return raylet_of(node.pid)

    def run(self, code: str) -> Any:
        """Run Python code on the cluster; return what it prints as JSON."""
        ended = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code, self.address],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        lines = [line for line in ended.stdout.splitlines() if line.startswith("{")]  # others are Ray's
        assert lines, ended.stdout + ended.stderr
        return json.loads(lines[-1])


def raylet_of(pid: int) -> psutil.Process:
    """The raylet among the descendants of a process."""
    [found] = [p for p in psutil.Process(pid).children(recursive=True) if p.name() == "raylet"]
    return found


def runs_cells(raylet: psutil.Process) -> bool:
    """Whether a worker of a node is at a cell: Ray writes what a worker does into its title."""
    titles = []
    for child in raylet.children():
        try:
            titles.append(" ".join(child.cmdline()))
        except psutil.NoSuchProcess:
            continue
    return any(title.startswith("ray::ImplicitFunc.train") for title in titles)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    """A head with one CPU and a small object store, which asks for a token."""
    folder, port = tmp_path_factory.mktemp("nodes"), free_port()
    token = folder / "token"
    token.touch(mode=0o600)
    token.write_text(secrets.token_hex(32))
    environment = os.environ | {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(token)}
    environment |= {"RAY_health_check_failure_threshold": "3", "RAY_health_check_period_ms": "1000"}
    found = Nodes(f"127.0.0.1:{port}", environment, folder)
    try:
        options = ["--port", str(port), "--include-dashboard", "false"]
        found.start("--head", *options, "--ray-client-server-port", str(9000 + port % 900))
        yield found
    finally:
        for process in reversed(found.processes):
            process.terminate()
            process.wait(60)


@dataclass(frozen=True)
class Story:
    """A sweep that a node joined late, and left by dying.

    Attributes:
        code: exit code of the sweep.
        text: what it said.
        ledger: its lines.
        out: its folder.
    """

    code: int
    text: str
    ledger: tuple[Line, ...]
    out: Path


@pytest.fixture(scope="module")
def story(nodes: Nodes, tmp_path_factory: pytest.TempPathFactory, save_bert: Callable[..., None]) -> Story:
    folder = tmp_path_factory.mktemp("story")
    write_workshop(folder / "workshop", save_bert, folder / "workshop")
    out, log = folder / "runs" / "tiny", folder / "sweep.log"
    out.parent.mkdir()
    command = [sys.executable, "-c", "from sweeps.cli.app import main; main()", "sweep"]
    command += [str(folder / "workshop" / "spec.yaml"), "--out", str(out), "--address", nodes.address]

    def results() -> int:
        return len(first_results(read(out / "ledger.jsonl", strict=False).lines)) if out.exists() else 0

    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=nodes.environment)
    try:
        wait(lambda: results() > 0, process, log)
        late = nodes.start("--address", nodes.address)
        wait(lambda: runs_cells(late), process, log)
        late.kill()
        return Story(process.wait(SECONDS), log.read_text(), read(out / "ledger.jsonl").lines, out)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def wait(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + SECONDS
    while not ready():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.05)


def test_what_a_dead_node_ran_is_run_again(story: Story) -> None:
    assert story.code == 0, story.text
    again = [line for line in story.ledger if line["kind"] == "start" and line["attempt"] > 1]
    assert again, story.text
    assert {line["status"] for line in story.ledger if line["kind"] == "cell"} == {"ok"}


def test_ledger_optuna_and_mlflow_agree(story: Story) -> None:
    from sweeps.ledger_state import state
    from sweeps.places import places
    from sweeps.standing import disagreements

    where = places(story.out, header=state(story.ledger).header, environment={})
    assert disagreements(where, "tiny", story.ledger) == []


SHARING = """
import json, sys, time
import numpy as np, ray
from ray._private import internal_api
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as On
from sweeps.object_store import spill_note, stored

ray.init(sys.argv[1], log_to_driver=False, logging_level="ERROR")

def stats():
    return {
        node["NodeID"]: internal_api.node_stats(
            node["NodeManagerAddress"], node["NodeManagerPort"], include_memory_info=False
        ).store_stats
        for node in ray.nodes() if node["Alive"]
    }

@ray.remote(num_cpus=0.1)
def read(reference):
    return float(ray.get(reference[0]).sum())

here = ray.get_runtime_context().get_node_id()
[other] = [node for node in stats() if node != here]
before = stats()
X = np.ones(10_000_000, dtype=np.float32)
put = ray.put(X)
sums = {ray.get(read.options(scheduling_strategy=On(other, soft=False)).remote([put])) for _ in range(8)}
after = stats()
created = {n: after[n].cumulative_created_bytes - before[n].cumulative_created_bytes for n in after}
quiet = spill_note(stored(), stored(), X.nbytes)
start = stored()
more = [ray.put(X + number) for number in range(1, 4)]
deadline = time.monotonic() + 60
while (end := stored()).spilled - start.spilled < X.nbytes and time.monotonic() < deadline:
    time.sleep(0.5)
sound = [float(ray.get(reference)[0]) for reference in more]
print(json.dumps({
    "sums": sorted(sums), "here": created[here] / X.nbytes, "there": created[other] / X.nbytes,
    "quiet": quiet, "spilled": end.spilled - start.spilled, "size": X.nbytes, "sound": sound,
    "note": spill_note(start, stored(), X.nbytes),
}))
"""


def test_F14_embeddings_are_sent_once_a_node_and_spilled_aloud(nodes: Nodes, story: Story) -> None:
    nodes.start("--address", nodes.address)
    found = nodes.run(SHARING)
    assert found["sums"] == [1e7]
    assert found["here"] == pytest.approx(1, abs=0.05)  # eight tasks read it, one copy is on each node
    assert found["there"] == pytest.approx(1, abs=0.05)
    assert found["quiet"] is None
    assert found["sound"] == [2.0, 3.0, 4.0]
    assert found["spilled"] >= found["size"]
    assert found["note"].startswith("warning: Ray's object store spilled")
    assert "--object-store-memory" in found["note"]


REBUILT = """
import json, os, signal, sys
import numpy as np, psutil, ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as On

ray.init(sys.argv[1], log_to_driver=False, logging_level="ERROR")
here = ray.get_runtime_context().get_node_id()
[other] = [n["NodeID"] for n in ray.nodes() if n["Alive"] and n["NodeID"] != here]

@ray.remote(num_cpus=0.1, max_retries=3)
def make(seed):
    return np.full(3_000_000, seed, dtype=np.float32)

@ray.remote(num_cpus=0.1, max_retries=0)
def raylet():
    return os.getppid()

on_it = On(other, soft=True)
made = make.options(scheduling_strategy=on_it).remote(7)
ray.wait([made], fetch_local=False)
os.kill(ray.get(raylet.options(scheduling_strategy=on_it).remote()), signal.SIGKILL)
print(json.dumps({"value": float(ray.get(made, timeout=120)[-1])}))
"""


def test_what_a_task_made_on_a_dead_node_is_made_again(nodes: Nodes, story: Story) -> None:
    assert nodes.run(REBUILT) == {"value": 7.0}
