"""The command line as a process, and a folder with data, an encoder and two finished sweeps."""

from __future__ import annotations

import os
import pty
import random
import re
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

SYNAUG = [sys.executable, "-c", "from sweeps.cli.app import main; main()"]
MARK = "SYNAUG_TEST_PROCESS"  # the environment variable by which what a command started is known
PLACEHOLDER = "0f3ac1d2e4b59687"  # the key that help texts show
PATIENCE = 20  # seconds until a process counts as left behind
WORDS = ["good", "bad", "film", "a", "very", "dull", "bright", "plot", "cast"]
SPEC = """\
data: {source: texts.csv}
encoder: {model: model, max_length: 24}
imbalance: {kind: minority, minority: [bad], n_majority: 30, n_minority: 12, dev_per_class: 5}
folds: 2
replicates: 2
arms: [none, ros, smote]
controls: 0
classifier: {hidden: 8, ladder: [1, 2, 4]}
space: {ratio: [50, 100], k: [1, 2], metric: [euclidean]}
"""


@dataclass(frozen=True)
class Ended:
    """A command that ended.

    Attributes:
        code: its exit code.
        out: what it said on stdout.
        err: what it said on stderr.
        left: names of processes that it started and left running.
        seconds: how long it took.
    """

    code: int
    out: str
    err: str
    left: tuple[str, ...]
    seconds: float


Run = Callable[..., Ended]


def run_synaug(
    folder: Path, *arguments: str, env: Mapping[str, str] | None = None, timeout: float = 120
) -> Ended:
    """Run ``synaug ARGUMENTS`` in a folder."""
    mark, started = uuid.uuid4().hex, time.monotonic()
    ended = subprocess.run(
        [*SYNAUG, *arguments],
        cwd=folder,
        env={**os.environ, **(env or {}), MARK: mark},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    seconds = time.monotonic() - started
    return Ended(ended.returncode, ended.stdout, ended.stderr, _left(mark), seconds)


def _left(mark: str) -> tuple[str, ...]:
    """Names of processes that carry the mark; Ray's workers may take a moment to see that Ray is gone."""
    until = time.monotonic() + PATIENCE
    while (found := _marked(mark)) and time.monotonic() < until:
        time.sleep(0.1)
    return found


def _marked(mark: str) -> tuple[str, ...]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.name())
        except psutil.Error:  # it has just ended, or belongs to somebody else
            continue
    return tuple(found)


def run_in_terminal(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run ``synaug ARGUMENTS`` with a terminal as stdout and stderr; return exit code and all it showed."""
    ours, theirs = pty.openpty()
    environment = {k: v for k, v in os.environ.items() if k != "NO_COLOR"} | {"TERM": "xterm-256color"}
    process = subprocess.Popen(
        [*SYNAUG, *arguments], cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # how Linux says that the other end is closed
            break
        if not piece:
            break
        shown += piece
    os.close(ours)
    return process.wait(), shown.decode()


@dataclass(frozen=True)
class Prepared:
    """A folder in which every example of the help texts can run.

    Attributes:
        folder: holds ``texts.csv``, ``model``, ``my.yaml``, ``runs/quickstart`` and ``runs/mine``.
        plain: the command that ran ``runs/quickstart``, without a terminal.
        live: exit code and screen of the one that ran ``runs/mine``, in a terminal.
    """

    folder: Path
    plain: Ended
    live: tuple[int, str]

    def key(self, sweep: str) -> str:
        """The key of a finished cell of a sweep."""
        ledger = (self.folder / "runs" / sweep / "ledger.jsonl").read_text()
        return str(re.findall(r'"trial_key":"([0-9a-f]{16})"', ledger)[-1])


def write_texts(path: Path) -> None:
    """Write 120 short texts, 90 of class good and 30 of class bad, each of them once."""
    draw = random.Random(0)
    rows = ["text,label"]
    for number in range(120):
        label = "bad" if number % 4 == 0 else "good"
        rows.append(f"{' '.join(draw.choices(WORDS, k=6))} {label} {number},{label}")
    path.write_text("\n".join(rows) + "\n")


@pytest.fixture(scope="session")
def materials(tmp_path_factory: pytest.TempPathFactory, save_bert: Callable[..., None]) -> Path:
    """Texts, encoder and spec; nothing has run on them. Copy before changing anything."""
    folder = tmp_path_factory.mktemp("materials")
    write_texts(folder / "texts.csv")
    save_bert(folder / "model", WORDS)
    (folder / "my.yaml").write_text(SPEC)
    return folder


@pytest.fixture(scope="session")
def prepared(materials: Path, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """The materials with two sweeps that ended. Read it, or work on ``copy``."""
    folder = tmp_path_factory.mktemp("prepared") / "here"
    shutil.copytree(materials, folder)
    plain = run_synaug(folder, "sweep", "my.yaml", "--out", "runs/quickstart", "--workers", "1")
    small = ["--set", "arms=[none, ros]", "--set", "design=defaults", "--workers", "1"]
    live = run_in_terminal(folder, "sweep", "my.yaml", "--out", "runs/mine", *small)
    assert (plain.code, live[0]) == (0, 0), plain.err + live[1]
    return Prepared(folder, plain, live)


@pytest.fixture
def copy(prepared: Prepared, tmp_path: Path) -> Path:
    """A copy of the prepared folder for one test."""
    return Path(shutil.copytree(prepared.folder, tmp_path / "here"))


@pytest.fixture
def bench(materials: Path, tmp_path: Path) -> Path:
    """A copy of the materials for one test."""
    return Path(shutil.copytree(materials, tmp_path / "here"))


@pytest.fixture(scope="session")
def synaug() -> Run:
    """Return the function that runs ``synaug ARGUMENTS`` in a folder."""
    return run_synaug


@pytest.fixture
def example(prepared: Prepared) -> Callable[[str], list[str]]:
    """Return a function from an example to its arguments, with a key of the sweep that it names."""

    def arguments(line: str) -> list[str]:
        import shlex

        sweep = "mine" if "runs/mine" in line else "quickstart"
        return shlex.split(line.replace(PLACEHOLDER, prepared.key(sweep)))[1:]

    return arguments
