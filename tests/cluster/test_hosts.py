"""``ray up cluster.yaml`` on three hosts, a sweep over them, a host cut off in the middle, ``ray down``."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from sweeps.ledger import Line, read
from tests.cluster.hosts import Host, Network, missing, network
from tests.cluster.workshop import (
    NUMBERS,
    Results,
    added,
    first_results,
    host_log,
    hosts_of,
    write_workshop,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

ROOT = Path(__file__).parents[2]
NODES = ("head", "one", "two")
PATIENCE = 900.0
# Of every host, beside what cluster.yaml sets: one CPU, and less waiting than between real machines.
SETTINGS = {
    "RAY_OVERRIDE_RESOURCES": '{"CPU": 1}',
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "1000",
    "RAY_health_check_failure_threshold": "4",
    "AUTOSCALER_HEARTBEAT_TIMEOUT_S": "10",
    "PIP_NO_INDEX": "1",
    "HF_HUB_OFFLINE": "1",
}
CLUSTER, SWEEP, OUT = "/root/cluster.yaml", "/root/workshop/spec.yaml", "/root/runs/tiny"
TOKEN = "import secrets; print(secrets.token_hex(32))"
ALIVE = """
import ray
ray.init("auto", log_to_driver=False, logging_level="ERROR")
print("alive", *(node["NodeManagerAddress"] for node in ray.nodes() if node["Alive"]))
"""


@dataclass
class Story:
    """What happened.

    Attributes:
        ledger: all lines at the end.
        before: those before the sweep was extended.
        cut: results that were in when a host was cut off.
        local: results of the same sweep on one machine.
        verified: what ``synaug verify --strict`` said.
        tokens: mode of the token file, by node.
        listeners: what the head listens on.
        left: Ray's processes after ``ray down``, by node.
    """

    ledger: Sequence[Line]
    before: Sequence[Line]
    cut: Results
    local: Results
    verified: str
    tokens: dict[str, str]
    listeners: str
    left: dict[str, str]


def fill(hosts: dict[str, Host]) -> str:
    """cluster.yaml with the addresses of the hosts, their user and key, and nothing else changed."""
    cluster = yaml.safe_load((ROOT / "cluster.yaml").read_text())
    cluster["provider"] |= {
        "head_ip": hosts["head"].address,
        "worker_ips": [hosts[name].address for name in NODES[1:]],
    }
    cluster["auth"] = {"ssh_user": "root", "ssh_private_key": "~/.ssh/key"}
    return yaml.safe_dump(cluster, sort_keys=False)


def prepare(hosts: dict[str, Host], workshop: Path) -> None:
    """Give each host what cluster.yaml takes to be there: Python with the lock's packages, settings.

    The desk gets the token, the data and cluster.yaml with addresses.
    """
    exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in SETTINGS.items())
    for host in hosts.values():
        host.path("/root/.bashrc").write_text(exports)
        environment = shlex.quote(sys.prefix)
        host.run(f"mkdir synaug; ln -s {environment} synaug/.venv; cp {ROOT}/requirements.lock synaug/.venv/")
    desk = hosts["desk"]
    desk.path(CLUSTER).write_text(fill(hosts))
    desk.run(f"mkdir .ray; umask 077; {sys.prefix}/bin/python -c {shlex.quote(TOKEN)} > .ray/auth_token")
    shutil.copytree(workshop, desk.path("/root/workshop"))


def results(ledger: Path) -> Results:
    """The results in a ledger that may be being written."""
    return first_results(read(ledger, strict=False).lines) if ledger.exists() else {}


class Cluster:
    """The commands that a user gives, at the desk and on the head."""

    def __init__(self, net: Network, folder: Path):
        self.net, self.folder = net, folder
        self.desk, self.head = net.hosts["desk"], net.hosts["head"]
        self.began = time.monotonic()

    def note(self, text: str) -> None:
        print(f"{time.monotonic() - self.began:6.1f} s  {text}", flush=True)

    def ray(self, command: str, *arguments: str) -> str:
        """Run ``ray COMMAND cluster.yaml ...`` at the desk, in the project's folder."""
        said = self.desk.run(self._line(command, *arguments), PATIENCE)
        self.note(f"ray {command}")
        return said

    def _line(self, command: str, *arguments: str) -> str:
        given = " ".join(map(shlex.quote, arguments))
        return f"cd {ROOT} && {sys.prefix}/bin/ray {command} {CLUSTER} {given}"

    def sweep(self, *options: str) -> tuple[subprocess.Popen[bytes], Path]:
        """Start a sweep on the head by ``ray exec``."""
        tracking = f"http://{self.desk.address}:5000"
        parts = ["synaug", "sweep", SWEEP, "--out", OUT, "--address", f"{self.head.address}:6379"]
        command = shlex.join([*parts, "--tracking-uri", tracking, *options])
        log = self.folder / f"sweep-{len(options)}.log"
        return self.desk.popen(self._line("exec", command), log), log

    def alive(self) -> list[str]:
        """Addresses of the nodes that Ray counts as alive."""
        said = self.head.run(f"python -W ignore -c {shlex.quote(ALIVE)}")
        return sorted(said.split("alive")[-1].split())

    def wait_alive(self, count: int) -> None:
        until = time.monotonic() + PATIENCE
        while len(found := self.alive()) < count:
            if time.monotonic() > until:
                logs = self.head.run("tail -n 60 /tmp/ray/session_latest/logs/monitor.*")
                pytest.fail(f"alive: {found}\n{logs}")
            time.sleep(2)
        self.note(f"{count} nodes alive")

    def results(self) -> Results:
        return results(self.head.path(f"{OUT}/ledger.jsonl"))


def until(ready: Callable[[], Any], process: subprocess.Popen[bytes], log: Path, what: str) -> None:
    """Wait until something is so while a process runs."""
    end = time.monotonic() + PATIENCE
    while not ready():
        assert process.poll() is None, f"ended before {what}:\n{log.read_text()}"
        assert time.monotonic() < end, f"no {what} after {PATIENCE} s:\n{log.read_text()}"
        time.sleep(0.1)


def finish(process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait for the end of a command that must succeed."""
    assert process.wait(PATIENCE) == 0, log.read_text()


@contextmanager
def records(cluster: Cluster) -> Iterator[None]:
    """An MLflow server at the desk, for the whole network."""
    serve = f"{sys.prefix}/bin/mlflow server --host {cluster.desk.address} --workers 1 --backend-store-uri "
    serve += "sqlite:////root/mlflow.db --artifacts-destination /root/artifacts"
    line = f"export MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false; exec {serve}"
    process = cluster.desk.popen(line, cluster.folder / "mlflow.log")
    try:
        yield
    finally:
        process.kill()
        process.wait()


def start_local(cluster: Cluster, replicates: int) -> tuple[subprocess.Popen[bytes], Path]:
    """Start the same sweep, as it is in the end, on the desk alone."""
    log = cluster.folder / "local.log"
    options = f"--out /root/local/tiny --replicates {replicates} --workers 1"
    line = f"cd {ROOT} && {sys.prefix}/bin/synaug sweep {SWEEP} {options}"
    return cluster.desk.popen(line, log), log


def up(cluster: Cluster) -> None:
    """Start the cluster; again where the head was too slow, for Ray gives a raylet 30 seconds to start."""
    for attempt in range(3):
        try:
            cluster.ray("up", "--yes", "--no-config-cache")
            return
        except AssertionError as error:
            if attempt == 2 or "timed out during startup" not in str(error):
                raise
            cluster.note("the head was too slow")


def tell(cluster: Cluster) -> Story:
    """Do what the module's first line says."""
    up(cluster)
    cluster.wait_alive(len(NODES))
    tokens = {name: cluster.net.hosts[name].run("stat -c %a ~/.ray/auth_token").strip() for name in NODES}
    listeners = cluster.head.run("ss -Hltn sport = :8265 || true")
    cluster.ray("rsync-up", "/root/workshop/", "/root/workshop/")
    process, log = cluster.sweep()
    until(lambda: set(NODES) <= set(hosts_of(cluster.results())), process, log, "results of all hosts")
    cluster.net.link("two", "down")
    cut = cluster.results()
    cluster.note(f"cut off two: {dict(hosts_of(cut))}")
    finish(process, log)
    before = read(cluster.head.path(f"{OUT}/ledger.jsonl")).lines
    cluster.note(f"sweep over: {dict(hosts_of(first_results(before)))}")
    cluster.net.link("two", "up")
    cluster.wait_alive(len(NODES))
    for replicates in range(3, 8):  # until the host that came back has had time to take part
        finish(*cluster.sweep("--extend", f"replicates={replicates}"))
        cluster.note(f"extended: {dict(hosts_of(late := added(cluster.results())))}")
        if set(hosts_of(late)) == set(NODES):
            break
    verified = cluster.ray("exec", f"synaug verify {OUT} --strict")
    ledger = read(cluster.head.path(f"{OUT}/ledger.jsonl")).lines
    cluster.ray("down", "--yes")
    left = {name: gone(cluster.net.hosts[name]) for name in NODES}
    cluster.note("all of Ray has ended")
    finish(*start_local(cluster, replicates))
    cluster.note("the same on one machine")
    local = results(cluster.desk.path("/root/local/tiny/ledger.jsonl"))
    return Story(ledger, before, cut, local, verified, tokens, listeners, left)


def gone(host: Host) -> str:
    """Wait for the end of Ray's processes; return those that stay."""
    end = time.monotonic() + 90
    while (found := host.run("pgrep -l 'raylet|gcs_server' || true")) and time.monotonic() < end:
        time.sleep(1)
    return found


@pytest.fixture(scope="module")
def story(
    tmp_path_factory: pytest.TempPathFactory, private_cache: Path, save_bert: Callable[..., None]
) -> Story:
    if lacking := missing():
        pytest.skip(lacking)
    folder = tmp_path_factory.mktemp("hosts")
    write_workshop(folder / "workshop", save_bert, Path("/root/workshop"))
    with network(["desk", *NODES], folder, [ROOT]) as net:
        prepare(net.hosts, folder / "workshop")
        cluster = Cluster(net, folder)
        with records(cluster):
            told = tell(cluster)
    (private_cache / "hosts.log").write_text(host_log(told.ledger))  # .ci/run shows it
    return told


def test_every_host_computed_cells(story: Story) -> None:
    assert set(hosts_of(story.cut)) == set(NODES)
    assert set(hosts_of(added(first_results(story.ledger)))) == set(NODES)  # the host that came back, too


def test_what_the_lost_host_ran_was_run_again(story: Story) -> None:
    again = {line["trial_key"] for line in story.before if line["kind"] == "start" and line["attempt"] > 1}
    assert again
    assert all(line["status"] == "ok" for line in story.ledger if line["kind"] == "cell")


def test_numbers_equal_those_of_one_machine(story: Story) -> None:
    found = first_results(story.ledger)
    assert found.keys() == story.local.keys()
    for key, line in story.local.items():
        assert {name: found[key][name] for name in NUMBERS} == {name: line[name] for name in NUMBERS}


def test_ledger_optuna_and_mlflow_agree(story: Story) -> None:
    cells = len({key for key, _ in story.local})
    assert f"ledger = Optuna = MLflow: {cells} cells, each once, nothing RUNNING" in story.verified


def test_the_token_is_private_and_the_dashboard_on_loopback(story: Story) -> None:
    assert story.tokens == dict.fromkeys(NODES, "600")
    assert "127.0.0.1:8265" in story.listeners
    assert len(story.listeners.splitlines()) == 1


def test_ray_down_leaves_nothing(story: Story) -> None:
    assert story.left == dict.fromkeys(NODES, "")
