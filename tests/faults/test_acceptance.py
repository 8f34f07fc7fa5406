"""Nothing is lost: a driver killed ten times, a server and a machine that come and go, sixty cells."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.faults.bench import Here, faults_spec
from tests.faults.nodes import Machines, Node
from tests.faults.servers import Server
from tests.faults.workers import count
from tests.sweeps.conftest import Synaug, Workshop

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

KILLS, CELLS, REPLICATES = 10, 60, 2
AWAY = range(3, 7)  # kills between which MLflow is away: more than a third of the time
NODE_DIES = (2, 7)  # kills before which the worker node dies


@pytest.fixture
def sixty(workshop: Workshop, tmp_path: Path) -> Workshop:
    """The workshop's data with a spec of sixty cells."""
    spec = faults_spec(workshop.folder)
    spec["space"] = {"ratio": list(range(5, 101, 5)), "k": list(range(1, 9)), "metric": ["euclidean"]}
    spec["search"] = {"trials": 6}
    folder = tmp_path / "sixty"
    folder.mkdir()
    (folder / "spec.yaml").write_text(yaml.safe_dump(spec))
    return Workshop(folder)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "server"
    folder.mkdir()
    found = Server(folder)
    found.start()
    yield found
    found.kill()


def test_ten_kills_an_outage_and_a_lost_machine_lose_nothing(
    sixty: Workshop,
    server: Server,
    machines: Machines,
    out: Path,
    wait_for: Any,
    started: list[Synaug],
    scores_of: Callable[[Any], Any],
    one_thread: None,
) -> None:
    here = Here(sixty.spec, out)
    head = machines.head(1)
    node = machines.join(head, 1)
    options = ("--address", head.address, "--tracking-uri", server.uri, "--workers", 2)
    points = sorted(random.Random(17).sample(range(4, REPLICATES * CELLS - 6), KILLS))
    for number, point in enumerate(points):
        if number == AWAY.start:
            server.kill()
        if number == AWAY.stop:
            server.start()
        driver = sixty.start("sweep", out, *options)
        started.append(driver)
        if number in NODE_DIES:
            node = _exchange(machines, head, node, driver, out, wait_for)
        wait_for(driver, lambda point=point: count(out, "result") >= point)
        driver.kill()
    code, text = sixty.run("sweep", out, *options)
    assert code == 0, text
    here.verify()
    trained = Counter((x["trial_key"], x["replicate"]) for x in here.lines if x["kind"] == "result")
    assert set(trained.values()) == {1}
    assert len(trained) == REPLICATES * CELLS
    assert Counter(here.statuses.values()) == {"ok": CELLS}
    quiet = Here(sixty.spec, out.parent / "quiet")
    quiet.sweep()
    assert scores_of(here.lines) == scores_of(quiet.lines)


def _exchange(machines: Machines, head: Node, node: Node, driver: Synaug, out: Path, wait_for: Any) -> Node:
    """Kill the worker node while cells run, and give the cluster another."""
    before = count(out, "start")
    wait_for(driver, lambda: count(out, "start") > before + 1)
    node.kill()
    return machines.join(head, 1)
