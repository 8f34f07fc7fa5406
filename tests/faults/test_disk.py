"""Faults of the disk: too little room at the start, full in the middle."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from sweeps import mirror, room
from sweeps.places import places
from sweeps.prepare import prepare
from sweeps.spec import load_spec
from tests.faults.bench import CELLS, Here

SIZE = 64 << 20
MOUNT, UNMOUNT = shutil.which("mount"), shutil.which("umount")


class SmallDisk:
    """A disk of 64 MiB that can be filled: a tmpfs, or without the right to mount one a limit on files."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir()
        command = [MOUNT or "mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", str(folder)]
        allowed = os.geteuid() == 0 and MOUNT is not None and UNMOUNT is not None
        self.mounted = allowed and subprocess.run(command, check=False).returncode == 0

    def fill(self, ledger: Path) -> None:
        """Leave no room, neither for the ledger nor for a database."""
        if self.mounted:
            with (self.folder / "ballast").open("ab", buffering=0) as file:
                for size in (1 << 20, 1 << 12):
                    with suppress(OSError):
                        while True:
                            file.write(bytes(size))
        else:
            _limit(ledger.stat().st_size)

    def empty(self) -> None:
        """Make room again."""
        if self.mounted:
            (self.folder / "ballast").unlink(missing_ok=True)
        else:
            _limit(resource.RLIM_INFINITY)

    def remove(self) -> None:
        self.empty()
        if self.mounted:
            subprocess.run([str(UNMOUNT), "--lazy", str(self.folder)], check=True)  # MLflow holds it open


def _limit(size: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size if hard == resource.RLIM_INFINITY else hard, hard))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    found = SmallDisk(tmp_path / "disk")
    yield found
    found.remove()


def test_F13_a_disk_that_fills_stops_the_sweep_and_nothing_finished_is_lost(
    here: Here,
    clean: Here,
    scores_of: Callable[[Any], Any],
    disk: SmallDisk,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mirror, "AWAY_SECONDS", 1.0)
    here.out = disk.folder / "runs" / "tiny"
    here.before = lambda number, _: disk.fill(here.ledger) if number >= 4 else None  # others tidy up
    text = here.sweep(exit=6)
    assert "ledger.jsonl cannot be written: " in text
    assert "run again: finished work is kept" in text
    assert "Traceback" not in text
    kept = here.state.cells
    assert 4 <= len(kept) < CELLS
    disk.empty()
    here.before = lambda number, _: None
    here.sweep()
    assert {key: here.state.cells[key] for key in kept} == kept
    assert len(here.statuses) == CELLS
    assert scores_of(here.lines) == scores_of(clean.lines)
    here.verify()


def test_F13_a_sweep_that_the_disk_has_no_room_for_is_not_begun(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(here.out.parent)
    monkeypatch.setattr(room.shutil, "disk_usage", lambda _: usage._replace(free=1_000_000))
    text = here.sweep(exit=6)
    assert "the disk has too little room: the sweep needs about " in text
    assert "1.0 MB are free" in text
    assert not here.out.exists()
    monkeypatch.undo()
    here.sweep()
    here.verify()


def test_F13_the_estimate_is_more_than_a_sweep_writes_and_not_ten_times_more(clean: Here) -> None:
    """Of what this sweep wrote beside the databases, whose empty files are the most of it here."""
    where = places(clean.out, environment={})
    ledger = clean.ledger.stat().st_size
    there = {path: path.stat().st_size for path in clean.out.parent.rglob("*") if path.is_file()}
    where_new = places(clean.out.with_name("other"), environment={})
    needs = room._needs(prepare(load_spec(where.spec)), where_new)
    assert ledger < needs[0][1] < 10 * ledger
    assert sum(there.values()) < sum(needed for _, needed in needs) < 10 * sum(there.values())
