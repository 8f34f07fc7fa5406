"""Passwords in addresses are shown nowhere (S15): not by errors, records, lists of processes, or Ray."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sweeps.cli.privacy import without_passwords
from sweeps.places import Places, places
from sweeps.storage import checked, said
from synaug.errors import Exit, SynaugError
from tracking import UnknownScheme, holds_secret, ui_command
from tracking.address import scheme

SECRET = "s3cret"
MAIN = "from sweeps.cli.app import main; main()"


@pytest.mark.parametrize(
    ("address", "secret"),
    [
        ("postgresql://ann:s3cret@host/db", True),
        ("postgresql+psycopg://ann@host:5432/db", False),
        ("postgresql:///db?user=ann&password=s3cret", True),
        ("http://token@host", True),
        ("http://host:5000", False),
        ("sqlite:////runs/mlflow.db", False),
    ],
)
def test_which_addresses_are_secret(address: str, secret: bool) -> None:
    assert holds_secret(address) is secret


def test_such_options_leave_the_command_line() -> None:
    line = ["-c", MAIN, "sweep", "my.yaml", "--storage", "postgresql://a:s3cret@h/o", "--out", "runs/x",
            "--tracking-uri=http://a:s3cret@h:1"]  # fmt: skip
    kept, moved = without_passwords(line)
    assert kept == ["-c", MAIN, "sweep", "my.yaml", "--out", "runs/x"]
    assert moved == {
        "SYNAUG_STORAGE": "postgresql://a:s3cret@h/o",
        "MLFLOW_TRACKING_URI": "http://a:s3cret@h:1",
    }


@pytest.mark.parametrize(
    "line",
    [["verify", "x", "--storage", "sqlite:///o.db"], ["verify", "x", "--tracking-uri"], ["--help"], []],
)
def test_other_command_lines_stay(line: list[str]) -> None:
    assert without_passwords(line) == (line, {})


# Stands in the place of a command's first step, once the command line is read.
INSIDE = """
import json, os, sys
import sweeps.cli.app as app, sweeps.cli.upkeep as upkeep

def step(out):
    {body}

upkeep.require_sweep = step
app.main()
"""


def test_the_process_starts_again_without_the_password() -> None:
    """What the list of processes shows, and what the option got."""
    shown = (
        "[os.getpid(), open('/proc/self/cmdline').read(), os.environ.get('MLFLOW_TRACKING_URI'), sys.argv]"
    )
    code = INSIDE.format(body=f"print(json.dumps({shown})); sys.exit(0)")
    given = ["sync", "x", "--tracking-uri", f"http://a:{SECRET}@h:1"]
    process = subprocess.Popen([sys.executable, "-c", code, *given], stdout=subprocess.PIPE, text=True)
    told, _ = process.communicate(timeout=100)
    pid, line, uri, arguments = json.loads(told)
    assert (pid, process.returncode) == (process.pid, 0)
    assert SECRET not in line
    assert uri == f"http://a:{SECRET}@h:1"
    assert arguments[1:] == ["sync", "x"]


@pytest.fixture
def team() -> Places:
    return places(Path("runs/x"), f"http://a:{SECRET}@h:5000", f"postgresql://a:{SECRET}@h/o", environment={})


def test_the_record_hides_them_and_says_so_when_they_are_missed(team: Places) -> None:
    shown = {"tracking_uri": team.shown_tracking_uri, "storage": team.shown_storage}
    assert shown == {"tracking_uri": "http://***@h:5000", "storage": "postgresql://***@h/o"}
    again = places(Path("runs/x"), header=shown, environment={})
    with pytest.raises(SynaugError, match="SYNAUG_STORAGE") as caught:
        checked(again.storage)
    assert caught.value.exit == Exit.USAGE
    with pytest.raises(UnknownScheme, match="MLFLOW_TRACKING_URI"):
        scheme(again.tracking_uri)
    given = places(Path("runs/x"), team.tracking_uri, team.storage, header=shown, environment={})
    assert (given.tracking_uri, given.storage) == (team.tracking_uri, team.storage)


def test_what_is_said_of_databases_is_clean() -> None:
    assert SECRET not in said(RuntimeError(f"cannot reach postgresql://a:{SECRET}@h/o\nmore"))


@pytest.mark.parametrize("debug", [[], ["--debug"]])
def test_a_bug_that_holds_an_address_does_not_print_its_password(debug: list[str]) -> None:
    code = INSIDE.format(body=f"raise ValueError('tried http://a:{SECRET}@h:1/x')")
    done = subprocess.run(
        [sys.executable, "-c", code, *debug, "sync", "x"],
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == Exit.BUG
    assert "tried http://***@h:1/x" in done.stderr
    assert SECRET not in done.stderr + done.stdout
    assert ("Traceback" in done.stderr) is bool(debug)


@pytest.mark.parametrize("optuna", [[], ["--optuna"]])
def test_the_command_that_serves_pages_does_not_show_it(tmp_path: Path, optuna: list[str]) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "ledger.jsonl").write_text(
        json.dumps({"kind": "sweep", "sweep": "s", "schema": 1}) + "\n"
    )
    stores = ["--tracking-uri", f"postgresql://a:{SECRET}@h/m", "--storage", f"postgresql://a:{SECRET}@h/o"]
    done = subprocess.run(
        [sys.executable, "-c", MAIN, "ui", str(tmp_path / "s"), "--show", *stores, *optuna],
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert SECRET not in done.stdout + done.stderr
    assert ("optuna_dashboard" if optuna else "mlflow server") in done.stdout


def test_allowed_hosts_are_always_set() -> None:
    command = ui_command("sqlite:///m.db", None)
    assert "--allowed-hosts" in command
    assert "*" not in command[command.index("--allowed-hosts") + 1]
