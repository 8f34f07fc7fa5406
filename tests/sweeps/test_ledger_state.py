"""What a ledger's lines add up to."""

from __future__ import annotations

from typing import Any

from sweeps.ledger_state import state


def line(kind: str, key: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"kind": kind, **({} if key is None else {"trial_key": key}), **fields}


def test_empty() -> None:
    found = state([])
    assert (found.header, found.gate, found.unsent) == (None, None, ())
    assert not found.results


def test_first_result_wins_and_last_cell_line_counts() -> None:
    found = state(
        [
            line("sweep", spec_hash="1"),
            line("start", "a", config={"arm": "none"}),
            line("result", "a", replicate=0, value=1),
            line("result", "a", replicate=1, value=2),
            line("result", "a", replicate=0, value=3),
            line("cell", "a", replicates=2),
            line("cell", "a", replicates=4),
            line("sweep", spec_hash="2"),
        ]
    )
    assert {key: r["value"] for key, r in found.results.items()} == {("a", 0): 1, ("a", 1): 2}
    assert found.replicates == {"a": frozenset({0, 1})}
    assert found.cells["a"]["replicates"] == 4
    assert found.configs == {"a": {"arm": "none"}}
    assert found.header is not None
    assert found.header["spec_hash"] == "2"


def test_attempts_count_from_the_last_end() -> None:
    assert state([line("start", "a")] * 2).attempts == {"a": 2}
    assert state([line("start", "a"), line("cell", "a"), line("start", "a")]).attempts == {"a": 1}
    assert state([line("start", "a"), line("cell", "a")]).attempts == {}


def test_acknowledged_and_unsent() -> None:
    lines = [
        line("mlflow", "parent", run_id="p"),
        line("cell", "a"),
        line("cell", "b"),
        line("mlflow", "a", run_id="1"),
        line("cell", "a"),
        line("cell", "c"),
        line("mlflow", "b", run_id="2"),
    ]
    found = state(lines)
    assert found.acknowledged == {"parent": "p", "a": "1", "b": "2"}
    assert found.unsent == ("a", "c")


def test_gate() -> None:
    lines = [
        line("test", stage="plan", cells=["a", "b"]),
        line("test", "a", stage="design", replicate=0, value=1),
        line("test", "a", stage="design", replicate=0, value=2),
    ]
    found = state(lines)
    assert found.gate == ("a", "b")
    assert found.tests["a", 0]["value"] == 1
    assert state([line("test", stage="plan", cells=[])]).gate == ()
