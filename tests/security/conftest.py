"""One sweep on hostile data, cut off from every network but loopback, under the most careless umask."""

from __future__ import annotations

import csv
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

CANARY = "zqxcanary"  # a word of every text
HOSTILE = "<img src=x onerror=alert(1)>"  # the name of a class
SECONDS = 400
SILENCED = ("DO_NOT_TRACK", "HF_HUB_OFFLINE", "MLFLOW_DISABLE_TELEMETRY", "RAY_USAGE_STATS_ENABLED")
WORDS = {HOSTILE: ["wing", "shell", "leg", "antenna"], "teapot": ["lid", "spout", "handle", "steam"]}

# Imported by every Python process of the sweep: writes down whom it wants to talk to. Ray opens a datagram
# socket to learn its own address; nothing is sent through it.
WATCH = """
import os, socket

connect, getaddrinfo = socket.socket.connect, socket.getaddrinfo

def watched_connect(self, address):
    if self.family in (socket.AF_INET, socket.AF_INET6) and self.type & 0xF == socket.SOCK_STREAM:
        note(str(address[0]))
    return connect(self, address)

def watched_getaddrinfo(host, *more, **named):
    if host is not None:
        note(str(host))
    return getaddrinfo(host, *more, **named)

def note(host):
    with open(os.environ["WATCHED"], "a") as file:
        file.write(host + "\\n")

socket.socket.connect, socket.getaddrinfo = watched_connect, watched_getaddrinfo
"""
ALONE = """
set -e
ip link set lo up
ip address add "$OWN_ADDRESS/32" dev lo 2>/dev/null || true
umask 000
exec "$@"
"""


@dataclass(frozen=True)
class Guarded:
    """A sweep that ended.

    Attributes:
        out: its folder.
        said: what it printed.
        hosts: whom its Python processes wanted to reach.
    """

    out: Path
    said: str
    hosts: frozenset[str]

    @property
    def files(self) -> list[Path]:
        """Everything that it wrote, its stores beside its folder included."""
        return [path for path in self.out.parent.rglob("*") if path.is_file()]


def write_texts(path: Path) -> None:
    """Write 150 texts of two classes, all with the canary and with HTML."""
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "label"])
        for number in range(150):
            label = "teapot" if number % 3 == 0 else HOSTILE
            words = " ".join(WORDS[label][(number // shift) % 4] for shift in (1, 4, 16))
            rows.writerow([f"{CANARY} <script>alert({number})</script> {words} {number}", label])


def write_spec(folder: Path) -> Path:
    spec = {
        "name": "guarded",
        "data": {"source": str(folder / "texts.csv")},
        "encoder": {"model": str(folder / "encoder"), "max_length": 16, "dtype": "float32"},
        "imbalance": {"kind": "minority", "minority": ["teapot"], "n_majority": 40, "n_minority": 16},
        "folds": 2,
        "precision": "float32",
        "replicates": 2,
        "classifier": {"hidden": 8, "ladder": [1, 2, 4]},
        "arms": ["none", "ros", "smote"],
        "design": "defaults",
        "controls": 0,
        "search": {"trials": 0},
    }
    (folder / "spec.yaml").write_text(yaml.safe_dump(spec))
    return folder / "spec.yaml"


def own_address() -> str:
    """What the name of this machine stands for: without a network, Ray listens there."""
    try:
        return socket.gethostbyname(socket.gethostname())
    except OSError:
        return "127.0.0.1"


def alone(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command where the only network is loopback."""
    separate = ["unshare", *([] if os.geteuid() == 0 else ["--map-root-user"]), "--net"]
    if subprocess.run([*separate, "ip", "link"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody make a network namespace: unshare --net is refused")
    return subprocess.run(
        [*separate, "sh", "-c", ALONE, "sh", *command],
        env=environment, capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory, save_bert: Callable[..., None]) -> Guarded:
    """A sweep that nothing told to be silent: it does so by itself. Only read it."""
    folder = tmp_path_factory.mktemp("guarded")
    write_texts(folder / "texts.csv")
    save_bert(folder / "encoder", [word for words in WORDS.values() for word in words])
    (folder / "watch").mkdir()
    (folder / "watch" / "sitecustomize.py").write_text(WATCH)
    hosts, out = folder / "hosts.txt", folder / "runs" / "guarded"
    hosts.touch()
    environment = {name: value for name, value in os.environ.items() if name not in SILENCED}
    environment |= {"PYTHONPATH": str(folder / "watch"), "WATCHED": str(hosts), "OWN_ADDRESS": own_address()}
    sweep = "from sweeps.cli.app import main; main()"
    command = [sys.executable, "-c", sweep, "sweep", str(write_spec(folder)), "--out", str(out)]
    ended = alone([*command, "--workers", "1"], environment)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    report = alone([sys.executable, "-c", sweep, "report", str(out)], environment)
    assert report.returncode == 0, report.stdout + report.stderr
    return Guarded(out, ended.stdout + ended.stderr, frozenset(hosts.read_text().split()))
