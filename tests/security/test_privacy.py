"""Nothing leaves the house (S18, S19), and nothing is left open in it (S21)."""

from __future__ import annotations

import ipaddress
import os
import socket
import stat
import subprocess
import sys
from typing import Any

import pytest

from tests.security.conftest import CANARY, SILENCED, own_address

pytestmark = pytest.mark.timeout(900)  # the first of these tests waits for a sweep
OWN = {"localhost", socket.gethostname(), own_address(), ""}
# Ray's head asks whether it is in a cloud, even where its reports are off: link-local, with nothing of ours.
CLOUDS = {"169.254.169.254", "metadata.google.internal"}


def is_here(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return host in OWN or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@pytest.mark.slow
def test_a_sweep_runs_without_a_network_and_calls_nobody(guarded: Any) -> None:
    assert {host for host in guarded.hosts if not is_here(host)} - CLOUDS == set()
    assert guarded.hosts, "the watch saw nothing, not even Ray's own connections"


@pytest.mark.slow
def test_no_text_of_the_data_is_in_any_record_of_it(guarded: Any) -> None:
    names = {path.name for path in guarded.files}
    assert {"mlflow.db", "optuna.db", "ledger.jsonl", "tables.json", "report.html"} <= names
    assert [str(path) for path in guarded.files if CANARY.encode() in path.read_bytes()] == []
    assert CANARY not in guarded.said


@pytest.mark.slow
def test_nobody_else_may_write_what_a_sweep_leaves(guarded: Any) -> None:
    found = [path for path in guarded.out.parent.rglob("*") if path.stat().st_mode & 0o022]
    assert found == []
    folders = [guarded.out, *(path for path in guarded.out.rglob("*") if path.is_dir())]
    assert {oct(stat.S_IMODE(path.stat().st_mode)) for path in folders} == {"0o700"}


@pytest.mark.parametrize("command", ["--version", "sweep --dry-run --help"])
def test_telemetry_is_off_before_a_library_is_imported(command: str) -> None:
    code = (
        "import os, sys; from sweeps.cli import app; sys.argv = ['synaug', *sys.argv[1:]]\n"
        "try: app.main()\n"
        f"except SystemExit: print({{n: os.environ.get(n) for n in {SILENCED!r}}}, file=sys.stderr)"
    )
    environment = {name: value for name, value in os.environ.items() if name not in SILENCED}
    done = subprocess.run(
        [sys.executable, "-c", code, *command.split()],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "'DO_NOT_TRACK': 'true'" in done.stderr
    assert "'MLFLOW_DISABLE_TELEMETRY': 'true'" in done.stderr
    assert "'RAY_USAGE_STATS_ENABLED': '0'" in done.stderr
