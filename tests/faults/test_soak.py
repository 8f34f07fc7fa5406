"""Three faults at random, one after the other, in one sweep; ``--seeds N`` runs N of them."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sweeps import launch, mirror
from sweeps.death import Death
from sweeps.ledger import Ledger
from tests.faults.bench import CELLS, Here
from tests.faults.test_records import lock, optuna_file
from tests.servers import free_port

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
DIES = """
import os, signal
from pathlib import Path
from tests.faults.bench import Here

here = Here(Path({spec!r}), Path({out!r}))
here.before = lambda number, _: number == {number} and os.kill(os.getpid(), signal.SIGKILL)
here.run("sweep", "--tracking-uri", {uri!r})
"""


@dataclass
class Soak:
    """A sweep that goes from fault to fault; each fault is one start that ends after a few cells."""

    here: Here
    cache: Path
    random: random.Random
    rebuilt: bool = False
    uri: str = field(init=False)

    def __post_init__(self) -> None:
        self.uri = f"sqlite:///{self.here.out.parent / 'mlflow.db'}"

    def go(self, *exits: int, uri: str | None = None) -> str:
        code, text = self.here.run("sweep", "--tracking-uri", uri or self.uri)
        assert code in exits, text
        return text

    def after(self, number: int, act: Callable[[], Any]) -> None:
        """Do something before a cell, and end the start by SIGTERM one cell later."""

        def step(now: int, _: Any) -> None:
            if now == number:
                act()
            if now == number + 1:
                os.kill(os.getpid(), signal.SIGTERM)

        self.here.before = step


def killed_driver(soak: Soak) -> None:  # F01
    code = DIES.format(
        spec=str(soak.here.spec), out=str(soak.here.out), uri=soak.uri, number=soak.random.randrange(3)
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, stdout=subprocess.DEVNULL)
    assert ended.returncode in (-signal.SIGKILL, 0)


def dead_worker(soak: Soak) -> None:  # F03
    soak.here.death = Death("process")
    soak.after(1, lambda: None)
    soak.go(0, 143)
    soak.here.death = None


def no_server(soak: Soak) -> None:  # F10
    soak.after(1, lambda: None)
    soak.go(0, 143, uri=f"http://127.0.0.1:{free_port()}")


def full_disk(soak: Soak) -> None:  # F13
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soak.here.ledger.stat().st_size, before[1]))

    soak.after(soak.random.randrange(2), fill)
    try:
        soak.go(0, 6)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def locked_storage(soak: Soak) -> None:  # F16
    held: list[Any] = []
    soak.after(1, lambda: held.append(lock(optuna_file(soak.here))))
    soak.go(0, 143)
    for other in held:
        other.close()


def spoilt_storage(soak: Soak) -> None:  # F17
    soak.after(1, lambda: optuna_file(soak.here).write_bytes(b"no database " * 400))
    soak.go(0, 143)
    optuna_file(soak.here).unlink()


def torn_ledger(soak: Soak) -> None:  # F18
    soak.after(soak.random.randrange(3), lambda: None)
    soak.go(0, 143)
    with soak.here.ledger.open("ab") as file:
        file.write(b'{"at":"2026-01-01T00:00:00Z","attempt":1,'[: soak.random.randrange(1, 40)])


def second_sweep(soak: Soak) -> None:  # F20
    with Ledger(soak.here.out, "tiny"):
        soak.go(7)


def interrupted(soak: Soak) -> None:  # F21
    number = soak.random.randrange(3)
    soak.here.before = lambda now, _: os.kill(os.getpid(), signal.SIGINT) if now == number else None
    soak.go(0, 130)


def spoilt_cache(soak: Soak) -> None:  # F23
    for path in (soak.cache / "embeddings").glob("*.npy"):
        raw = bytearray(path.read_bytes())
        raw[soak.random.randrange(len(raw))] ^= 1
        path.write_bytes(raw)


FAULTS = (
    killed_driver,
    dead_worker,
    no_server,
    full_disk,
    locked_storage,
    spoilt_storage,
    torn_ledger,
    second_sweep,
    interrupted,
    spoilt_cache,
)


def test_three_faults_lose_nothing(
    here: Here,
    clean: Here,
    soak_seed: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    scores_of: Callable[[Any], Any],
) -> None:
    draw = random.Random(soak_seed)
    chosen = draw.sample(FAULTS, 3)
    print(f"seed {soak_seed}: {', '.join(fault.__name__ for fault in chosen)}")
    monkeypatch.setenv("SYNAUG_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(launch, "LOCKED_SECONDS", 1.0)
    monkeypatch.setattr(mirror, "AWAY_SECONDS", 1.0)
    soak = Soak(here, tmp_path / "cache", draw)
    soak.after(0, lambda: None)
    soak.go(143)
    for fault in chosen:
        fault(soak)
        here.before = lambda number, work: None
    soak.go(0)
    code, text = here.run("sync", "--tracking-uri", soak.uri)
    assert code == 0, text
    assert here.run("rebuild-study")[0] == 0
    here.verify()
    assert set(here.statuses.values()) == {"ok"}
    assert len(here.statuses) == CELLS
    assert scores_of(here.lines) == scores_of(clean.lines)
