"""Faults of the driver, on real Ray: killed, interrupted once and twice, two at a time."""

from __future__ import annotations

import random
import shlex
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from sweeps.places import places
from tests.faults.bench import CELLS, Here
from tests.faults.workers import at_work, count
from tests.sweeps.conftest import Synaug, Workshop
from tracking import PARENT, find_run, open_client

pytestmark = pytest.mark.slow

WORKERS = 2


def parent_status(out: Path) -> str:
    client = open_client(places(out, environment={}).tracking_uri)
    run = find_run(client, client.get_experiment_by_name("tiny").experiment_id, PARENT)
    assert run is not None
    return str(run.info.status)


def ends_well(here: Here) -> None:
    """Every cell is there once, no result twice, and verify agrees."""
    results = Counter((x["trial_key"], x["replicate"]) for x in here.lines if x["kind"] == "result")
    assert set(results.values()) == {1}
    assert Counter(here.statuses.values()) == {"ok": CELLS}
    here.verify()


def test_F01_a_driver_killed_three_times_goes_on_where_it_was(
    bench: Workshop,
    here: Here,
    clean: Here,
    wait_for: Any,
    started: list[Synaug],
    scores_of: Callable[[Any], Any],
) -> None:
    points = sorted(random.Random(5).sample(range(2, 2 * CELLS - 4), 3))
    for point in points:
        driver = bench.start("sweep", here.out, "--workers", WORKERS)
        started.append(driver)
        wait_for(driver, lambda point=point: count(here.out, "result") >= point)
        workers = at_work(driver)
        driver.kill()
        _, alive = psutil.wait_procs(workers, timeout=60)
        assert not alive, "workers of the killed driver live on"
    code, text = bench.run("sweep", here.out, "--workers", WORKERS)
    assert code == 0, text
    ends_well(here)
    assert here.count("start") <= CELLS + len(points) * WORKERS
    assert scores_of(here.lines) == scores_of(clean.lines)


def test_F21_ctrl_c_once_and_twice_and_the_command_that_is_named_goes_on(
    bench: Workshop, here: Here, wait_for: Any, started: list[Synaug], tmp_path: Path
) -> None:
    for signals, results in ((2, 3), (1, 8)):
        sweep = bench.start("sweep", here.out, "--workers", WORKERS)
        started.append(sweep)
        wait_for(sweep, lambda results=results: count(here.out, "result") >= results)
        for _ in range(signals):
            sweep.interrupt()
        assert sweep.wait() == 130, sweep.text
        assert "Traceback" not in sweep.text
    assert 0 < count(here.out, "cell") < CELLS
    assert parent_status(here.out) == "KILLED"
    named = next(line for line in sweep.text.splitlines() if "synaug sweep" in line)
    command = shlex.split(named[named.index("synaug sweep") :])[1:]
    again = Synaug([*command, "--workers", str(WORKERS)], tmp_path / "again.log")
    assert again.wait() == 0, again.text
    ends_well(here)
    assert parent_status(here.out) == "FINISHED"
