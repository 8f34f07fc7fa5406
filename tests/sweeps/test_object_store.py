"""What is said of object stores that had to spill, and how many cells fit a cluster that changes."""

from __future__ import annotations

import pytest
import ray

from sweeps import tune_run
from sweeps.object_store import MIB, Stored, spill_note
from sweeps.tune_run import Capacity

NOTHING = Stored(5 * MIB, 2 * MIB)  # of sweeps before this one


@pytest.mark.parametrize("after", [NOTHING, Stored(0, 0), None])
def test_nothing_is_said_where_nothing_was_spilled(after: Stored | None) -> None:
    assert spill_note(NOTHING, after, 100 * MIB) is None
    assert spill_note(None, NOTHING, 100 * MIB) is None


def test_little_is_told_and_much_is_a_warning() -> None:
    little = spill_note(NOTHING, Stored(25 * MIB, 12 * MIB), 100 * MIB)
    assert little == (
        "Ray's object store spilled 20 MiB to disk (20 % of the 100 MiB of embeddings) and read 10 MiB back"
    )
    much = spill_note(NOTHING, Stored(26 * MIB, 12 * MIB), 100 * MIB)
    assert much is not None
    assert much.startswith("warning: Ray's object store spilled 21 MiB to disk (21 % of")
    assert much.endswith("give it more memory, `ray start --object-store-memory BYTES`")


def test_capacity_follows_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    have = [{"CPU": 2.0}, {"CPU": 3.0}, {}]
    monkeypatch.setattr(ray, "cluster_resources", lambda: have.pop(0))
    capacity = Capacity(None)
    assert [capacity(), capacity()] == [2, 2]  # asked once in a while
    monkeypatch.setattr(tune_run, "CAPACITY_SECONDS", 0.0)
    assert [capacity(), capacity()] == [3, 1]  # a cluster that lost all nodes waits for one
    assert Capacity(7)() == 7
