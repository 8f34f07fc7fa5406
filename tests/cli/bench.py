"""The command line as a process, and a folder with data, an encoder and a spec to run it in."""

from __future__ import annotations

import os
import pty
import random
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

SYNAUG = [sys.executable, "-c", "from sweeps.cli.app import main; main()"]
MARK = "SYNAUG_TEST_PROCESS"  # the environment variable by which what a command started is known
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


def write_texts(path: Path) -> None:
    """Write 120 short texts, 90 of class good and 30 of class bad, each of them once."""
    draw = random.Random(0)
    rows = ["text,label"]
    for number in range(120):
        label = "bad" if number % 4 == 0 else "good"
        rows.append(f"{' '.join(draw.choices(WORDS, k=6))} {label} {number},{label}")
    path.write_text("\n".join(rows) + "\n")


def lay_out(folder: Path, save_bert: Callable[..., None]) -> Path:
    """Write texts, a tiny encoder and a spec; nothing has run on them."""
    write_texts(folder / "texts.csv")
    save_bert(folder / "model", WORDS)
    (folder / "my.yaml").write_text(SPEC)
    return folder
