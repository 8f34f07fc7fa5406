"""Faults of machines: a worker node that dies, a head that dies and comes back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.faults.bench import CELLS, Here
from tests.faults.nodes import Machines
from tests.faults.workers import count
from tests.sweeps.conftest import Synaug, Workshop

pytestmark = pytest.mark.slow


def test_F04_cells_of_a_node_that_dies_run_elsewhere(
    bench: Workshop, here: Here, clean: Here, machines: Machines, wait_for: Any, started: list[Synaug],
    scores_of: Callable[[Any], Any],
) -> None:  # fmt: skip
    """The head runs no cells; of two machines with one processor each one dies with its cell."""
    head = machines.head(0)
    first, _ = machines.join(head, 1), machines.join(head, 1)
    sweep = bench.start("sweep", here.out, "--address", head.address, "--workers", 2)
    started.append(sweep)
    wait_for(sweep, lambda: count(here.out, "start") >= 4)
    first.kill()
    assert sweep.wait() == 0, sweep.text
    assert set(here.statuses.values()) == {"ok"}
    assert len(here.statuses) == CELLS
    assert scores_of(here.lines) == scores_of(clean.lines)
    assert "its node died" in sweep.text
    here.verify()


def test_F29_after_the_head_died_the_sweep_goes_on_with_a_new_one(
    bench: Workshop, here: Here, clean: Here, machines: Machines, wait_for: Any, started: list[Synaug],
    scores_of: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("RAY_gcs_rpc_server_reconnect_timeout_s", "10")  # until Ray ends the driver
    head = machines.head(1)
    sweep = bench.start("sweep", here.out, "--address", head.address)
    started.append(sweep)
    wait_for(sweep, lambda: count(here.out, "result") >= 4)
    head.kill()
    assert sweep.wait() != 0, sweep.text
    again = machines.head(1, port=int(head.address.split(":")[1]))
    code, text = bench.run("sweep", here.out, "--address", again.address)
    assert code == 0, text
    assert scores_of(here.lines) == scores_of(clean.lines)
    here.verify()
