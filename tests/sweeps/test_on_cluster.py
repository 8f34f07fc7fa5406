"""A cluster with a token: examined, refused where a node runs other code, and given sweeps as jobs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

from sweeps.gauges import DONE, FAILED, LEFT, SECONDS
from sweeps.identity import identity
from sweeps.ledger import read
from tests.sweeps import heads
from tests.sweeps.heads import Head

ROOT = Path(__file__).parents[2]
MAIN = "from sweeps.cli.app import main; main()"
# Cells come so fast that a node which joins would be too late: after the first it is waited for, and then
# the cell that it gets. Tune gives each an actor of its own, or an idle one would take that cell over.
WITH_THE_NEXT_NODE = """
import time, ray
from ray.tune.execution.tune_controller import TuneController
from sweeps.feed import Feed
give, given = Feed.next_work, []

def paced(self):
    if self.done < 1:
        return give(self)
    while ray.cluster_resources()["CPU"] < 2:
        time.sleep(0.2)
    if not given:
        time.sleep(2)  # until the scheduler has heard of it, too
    if len(given) >= 2 and self._running:
        return None
    given.append(1)
    return give(self)

Feed.next_work = paced
TuneController._maybe_cache_trial_actor = lambda self, trial: False
"""
A_SECOND_A_CELL = """
import time
from sweeps.feed import Feed
give = Feed.next_work

def slow(self):
    time.sleep(1)
    return give(self)

Feed.next_work = slow
"""
DASHBOARD = ROOT / "docs/cluster/grafana.json"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Head]:
    folder = tmp_path_factory.mktemp("cluster")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # an active environment
    env = {**heads.write_token(folder / "token"), "RAY_metrics_report_interval_ms": "1000", "PATH": path}
    with heads.head(folder, cpus=1, dashboard=True, env=env) as found:
        yield found


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as another version of it, for a node's PYTHONPATH."""
    folder = tmp_path_factory.mktemp("older")
    for part in ("synaug", "sweeps", "tracking"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    changed = folder / "synaug" / "errors.py"
    changed.write_text(f"{changed.read_text()}\nCHANGED = True\n")
    metadata = str(distribution("synaug").metadata).replace("\nVersion: 0.1.0", "\nVersion: 0.0.9")
    assert "0.0.9" in metadata
    (folder / "synaug-0.0.9.dist-info").mkdir()
    (folder / "synaug-0.0.9.dist-info" / "METADATA").write_text(metadata)
    return folder


@contextmanager
def other_node(head: Head, older: Path, log: Path) -> Iterator[None]:
    """A second node, which runs the other version."""
    words = ["--address", head.address, "--node-ip-address", "127.0.0.1", "--num-cpus", "1"]
    with heads.node(log, words, {**head.env, "PYTHONPATH": str(older)}):
        yield


class Command:
    """A ``synaug`` process in a folder that is no checkout, for Ray shows its path to the workers."""

    def __init__(self, folder: Path, head: Head, *arguments: object, code: str = "", **env: str):
        self.out, self.err = folder / f"{time.monotonic_ns()}.out", folder / f"{time.monotonic_ns()}.err"
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-c", code + MAIN, *map(str, arguments)],
                cwd=folder,
                stdout=out,
                stderr=err,
                env={**os.environ, **head.env, **env},
            )

    def code(self) -> int:
        return self.process.wait(600)

    @property
    def text(self) -> str:
        return self.out.read_text() + self.err.read_text()


def doctor(folder: Path, head: Head, *options: object, **env: str) -> tuple[int, dict[str, Any], str]:
    command = Command(folder, head, "doctor", "--address", head.address, "--json", *options, **env)
    code = command.code()
    return code, json.loads(command.out.read_text() or "{}"), command.text


def levels(found: dict[str, Any], check: str) -> dict[str, set[str]]:
    kept: dict[str, set[str]] = {}
    for finding in found["findings"]:
        if finding["check"] == check:
            kept.setdefault(finding["level"], set()).add(finding["message"])
    return kept


def results(out: Path) -> int:
    return sum(line["kind"] == "result" for line in read(out / "ledger.jsonl", strict=False).lines)


def test_doctor_says_how_every_node_is(head: Head, tmp_path: Path) -> None:
    code, found, text = doctor(tmp_path, head)
    assert code == 0, text
    [seen] = found["nodes"]
    assert seen["identity"]["code"] == identity().code
    assert seen["identity"]["lock"] == identity().lock
    assert seen["facts"]["token_required"] is True
    assert seen["facts"]["token_mode"] == "600"
    assert seen["facts"]["cache"] == os.environ.get("SYNAUG_CACHE", seen["facts"]["cache"])
    assert {finding["level"] for finding in found["findings"]} <= {"ok", "warning"}
    for check in ("versions", "resources", "memory", "disk", "encoders", "token", "clock"):
        assert levels(found, check).get("ok"), check
    assert levels(found, "ports")["warning"]  # S13: Ray listens on every address
    assert "gcs_server" in str(seen["facts"]["listeners"])


def test_doctor_tells_an_mlflow_that_nodes_cannot_reach(head: Head, tmp_path: Path) -> None:
    uri = f"http://127.0.0.1:{heads.free_port()}"
    code, found, text = doctor(tmp_path, head, "--tracking-uri", uri)
    assert code == 5, text
    problems = [f for f in found["findings"] if f["check"] == "mlflow" and f["level"] == "problem"]
    assert {f["node"] for f in problems} == {"this machine", found["nodes"][0]["name"]}


def test_a_token_that_is_refused_is_told_at_once(head: Head, tmp_path: Path) -> None:
    wrong = heads.write_token(tmp_path / "wrong")
    code, found, text = doctor(tmp_path, head, **wrong)
    assert code == 5, text
    assert "refuses our token" in str(levels(found, "cluster")["problem"])
    for address in (head.client, head.address):
        sweep = Command(tmp_path, head, "sweep", "--dry-run", "--address", address, **wrong)
        assert sweep.code() == 5, sweep.text
        assert "RAY_AUTH_TOKEN_PATH" in sweep.text
    job = Command(tmp_path, head, "submit", "quickstart", "--address", head.dashboard, **wrong)
    assert job.code() == 5, job.text
    assert "RAY_AUTH_TOKEN_PATH" in job.text


def test_gpus_that_no_node_has_are_told_before_anything_is_written(head: Head, tmp_path: Path) -> None:
    sweep = Command(tmp_path, head, "sweep", "--address", head.address, "--gpus-per-trial", "1")
    assert sweep.code() == 6, sweep.text
    assert "asked for 1 GPU a cell, it has 0" in sweep.text
    assert not (tmp_path / "runs").exists()


def test_F28_a_node_with_other_code_runs_no_cell(
    head: Head, older: Path, workshop: Any, finished: Any, design_scores: Any, tmp_path: Path
) -> None:
    """It joins a sweep under way, which ends; is refused before the next; once it left, the sweep goes on."""
    out = tmp_path / "runs" / "tiny"
    start = ("sweep", workshop.spec, "--out", out, "--address", head.address, "--workers", 2)
    first = Command(tmp_path, head, *start, code=WITH_THE_NEXT_NODE)
    while not out.is_dir() or results(out) < 2:
        assert first.process.poll() is None, first.text
        time.sleep(0.1)
    with other_node(head, older, tmp_path / "node.log"):
        assert first.code() == 6, first.text
        assert re.search(r"node \S+: synaug is 0\.0\.9, here it is 0\.1\.0", first.text)
        assert "finished work is kept" in first.text
        code, found, text = doctor(tmp_path, head)
        assert code == 6, text
        assert len(found["nodes"]) == 2
        told = str(levels(found, "versions")["problem"])
        assert "synaug is 0.0.9, here it is 0.1.0" in told
        assert re.search(rf"code is \w+, here it is {identity().code}", told)
        assert "lock" not in told
        for address in (head.address, head.client):
            again = Command(tmp_path, head, *start[:-3], address)
            assert again.code() == 6, again.text
            assert "synaug is 0.0.9, here it is 0.1.0" in again.text
    until = time.monotonic() + 120
    while len(doctor(tmp_path, head)[1]["nodes"]) > 1:
        assert time.monotonic() < until, "the node is still counted"
    last = Command(tmp_path, head, *start)
    assert last.code() == 0, last.text
    lines = read(out / "ledger.jsonl").lines
    assert design_scores(lines) == design_scores(finished.lines)
    assert not [line for line in lines if line.get("status") == "failed"]
    log = (out / "logs" / "sweep.log").read_text()
    assert "WARNING sweep tiny ended: node" in log
    assert "INFO    sweep tiny ended: OK" in log


def test_a_sweep_is_submitted_and_followed(
    head: Head, workshop: Any, finished: Any, design_scores: Any, tmp_path: Path
) -> None:
    out = tmp_path / "there" / "tiny"
    job = Command(
        tmp_path, head, "submit", workshop.spec, "--address", head.dashboard, "--out", out, "--follow",
        MLFLOW_TRACKING_PASSWORD="s3cret",
    )  # fmt: skip
    assert job.code() == 0, job.text
    identifier = re.search(r"job (synaug-tiny-\w+), results in", job.text)
    assert identifier is not None, job.text
    assert f"ray job stop {identifier[1]} --address {head.dashboard}" in job.text
    assert "cells, 0 failed" in job.text
    assert design_scores(read(out / "ledger.jsonl").lines) == design_scores(finished.lines)
    known = jobs_of(head)
    assert identifier[1] in known
    assert "s3cret" not in known


def test_a_sweep_is_measured(head: Head, workshop: Any, tmp_path: Path) -> None:
    """Ray collects numbers once a second, so a cell is given out no faster; those of the node come late."""
    out = tmp_path / "runs" / "tiny"
    sweep = Command(
        tmp_path, head, "sweep", workshop.spec, "--out", out, "--address", head.address, code=A_SECOND_A_CELL
    )
    scraped, until = "", time.monotonic() + 240
    while sweep.process.poll() is None or ("ray_node_mem_used" not in scraped and time.monotonic() < until):
        with urllib.request.urlopen(head.metrics, timeout=30) as answer:
            scraped += answer.read().decode()
        time.sleep(1)
    assert sweep.code() == 0, sweep.text
    check_dashboard(scraped)


def jobs_of(head: Head) -> str:
    """All that the dashboard tells of its jobs."""
    token = Path(head.env["RAY_AUTH_TOKEN_PATH"]).read_text()
    request = urllib.request.Request(
        f"{head.dashboard}/api/jobs/", headers={"Authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return str(answer.read().decode())


def check_dashboard(scraped: str) -> None:
    """Every query of the dashboard names a metric that was exported, or that Ray has for GPUs alone."""
    from ray.dashboard.modules.reporter.reporter_agent import METRICS_GAUGES

    exported = set(re.findall(r"^(\w+)\{", scraped, re.MULTILINE))
    ours = {f"ray_{name}" for name in (DONE, FAILED, LEFT)}
    assert exported >= ours | {f"ray_{SECONDS}_{part}" for part in ("sum", "count", "bucket")}
    assert 'sweep="tiny"' in scraped
    of_gpus = {f"ray_{name}" for name in METRICS_GAUGES if "gpu" in name}
    panels = json.loads(DASHBOARD.read_text())["panels"]
    queries = [target["expr"] for panel in panels for target in panel["targets"]]
    named = {name for query in queries for name in re.findall(r"\bray_\w+", query)}
    assert ours < named
    assert named - exported - of_gpus == set()
