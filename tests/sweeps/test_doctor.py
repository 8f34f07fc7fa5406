"""How the facts of a node are judged, and what the examination of this machine finds."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from sweeps.doctor import HERE, examine
from sweeps.node_checks import GIB, Finding, fact_findings
from sweeps.node_facts import Facts, facts, facts_json, listeners, read_facts
from synaug.errors import Exit, SynaugError

GOOD = Facts(
    host="node",
    cpus=4,
    gpus=0,
    memory=16 * GIB,
    memory_free=8 * GIB,
    temporary="/tmp/ray",
    temporary_free=90 * GIB,
    cache="/cache",
    cache_free=90 * GIB,
    clock=1000.0,
    tracking_trouble=None,
    listeners=(),
    token_required=True,
    token_file="/home/a/.ray/auth_token",
    token_mode="600",
    models=("minilm",),
    instruction_sets=("avx2",),
    precision="float32",
)


def judged(facts: Facts, at: float | None = 1000.0, uri: str | None = None) -> dict[str, Finding]:
    """The findings that are not ok, by check."""
    return {f.check: f for f in fact_findings("node", facts, at, uri) if f.level != "ok"}


def test_a_good_node_is_ok() -> None:
    assert judged(GOOD, uri="http://mlflow:5000") == {}


@pytest.mark.parametrize(
    ("change", "check", "level", "says"),
    [
        ({"memory_free": GIB // 2}, "memory", "problem", "0.5 GiB free"),
        ({"temporary_free": 2 * GIB}, "disk", "warning", "RAY_TMPDIR"),
        ({"cache_free": GIB // 4}, "disk", "problem", "SYNAUG_CACHE"),
        ({"clock": 1010.5}, "clock", "warning", "10.5 s ahead of"),
        ({"clock": 990.0}, "clock", "warning", "10.0 s behind"),
        ({"listeners": ("0.0.0.0:8265 dashboard",)}, "ports", "warning", "0.0.0.0:8265 dashboard"),
        ({"listeners": tuple(f"[::]:{n} x" for n in range(12))}, "ports", "warning", "and 4 more"),
        ({"token_required": False}, "token", "warning", "Ray asks for no token"),
        ({"token_mode": "644"}, "token", "warning", "chmod 600 /home/a/.ray/auth_token"),
        ({"tracking_trouble": "nobody answers"}, "mlflow", "problem", "nobody answers"),
    ],
)
def test_what_is_amiss_is_told_with_a_remedy(
    change: dict[str, object], check: str, level: str, says: str
) -> None:
    found = judged(replace(GOOD, **change), uri="http://mlflow:5000")  # type: ignore[arg-type]
    assert list(found) == [check]
    assert found[check].level == level
    assert says in f"{found[check].message} {found[check].fix}"
    assert found[check].fix


def test_a_machine_by_itself_needs_no_token() -> None:
    assert judged(replace(GOOD, token_required=False, token_file=None), at=None) == {}


def test_facts_travel_as_text() -> None:
    found, here = read_facts(facts_json(None)), facts()
    for name in ("host", "cpus", "gpus", "memory", "cache", "models", "instruction_sets", "precision"):
        assert getattr(found, name) == getattr(here, name)
    assert 0 <= here.clock - found.clock < 60
    assert found.cache_free > 0


def test_listeners_beyond_loopback_are_seen() -> None:
    with socket.create_server(("127.0.0.1", 0)) as near, socket.create_server(("0.0.0.0", 0)) as far:
        found = "\n".join(listeners())
        assert f"0.0.0.0:{far.getsockname()[1]} " in found
        assert f":{near.getsockname()[1]} " not in found


def test_this_machine_is_examined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token = tmp_path / "token"
    token.write_text("0" * 64)
    token.chmod(0o640)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(token))
    found = examine("local", f"sqlite:///{tmp_path / 'mlflow.db'}")
    assert found.exit == Exit.OK
    assert [seen.name for seen in found.seen] == [HERE]
    assert {f.check for f in found.findings} == {
        "versions", "memory", "disk", "encoders", "token", "ports", "mlflow"
    }  # fmt: skip
    [bad] = [f for f in found.findings if f.check == "token"]
    assert (bad.level, bad.fix) == ("warning", f"chmod 600 {token}")
    assert not (tmp_path / "mlflow.db").exists()
    assert os.environ["SYNAUG_CACHE"] in str(found.findings)


def test_a_store_that_is_away_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("no database " * 100)
    found = examine("local", f"sqlite:///{tmp_path / 'text.db'}")
    assert found.exit == Exit.SERVICE
    with pytest.raises(SynaugError, match="no such kind") as told:
        examine("local", "htp://x")
    assert told.value.exit == Exit.USAGE


def test_a_cluster_that_is_away_is_a_problem(free_port: int) -> None:
    found = examine(f"127.0.0.1:{free_port}", None)
    assert found.exit == Exit.SERVICE
    [problem] = found.findings
    assert (problem.check, problem.level) == ("cluster", "problem")
    with pytest.raises(SynaugError, match="HOST:PORT"):
        examine("nowhere", None)


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
