"""The log of a sweep, and what a cell prints."""

from __future__ import annotations

import errno
import logging
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from sweeps import journal
from sweeps.entry import Entry
from sweeps.journal import NAME, Journal, tail
from sweeps.plan import cell_of
from sweeps.worker_output import MOST_CHARACTERS, ending, heard

KEY = "0f3ac1d2e4b59687"


def entry(status: str = "ok", **closed: Any) -> Entry:
    cell = cell_of({"arm": "smote", "k": 5, "metric": "cosine", "ratio": 50.0}, "design", 0)
    made = Entry(cell, KEY, {}, attempts=2)
    made.results |= {0: {"host": "node-1"}, 1: {"host": "node-2"}, 2: {"host": "node-1"}}
    made.closed = {"status": status, "seconds": 2.345, **closed}
    return made


def log(folder: Path) -> list[str]:
    return (folder / NAME).read_text().splitlines()


def test_a_line_tells_how_a_cell_ended(tmp_path: Path) -> None:
    with Journal(tmp_path / "logs") as made:
        made.cell(entry(value=0.73215))
        made.cell(entry("failed", reason="replicate 0: ValueError: two\nlines"))
    first, second = log(tmp_path / "logs")
    assert re.match(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ INFO    cell ", first)
    assert first.endswith(
        f"cell {KEY} ok value=0.7321 seconds=2.35 host=node-1,node-2 attempts=2 "
        "smote k=5 metric=cosine ratio=50"
    )
    assert "value=- " in second
    assert second.endswith(": replicate 0: ValueError: two lines")
    assert (tmp_path / "logs").stat().st_mode & 0o777 == 0o700


def test_our_warnings_go_in_and_nothing_of_others(tmp_path: Path) -> None:
    with Journal(tmp_path) as made:
        made.say("begun")
        logging.getLogger("synaug.cache").warning("damaged cache file %s", "x.npy")
        logging.getLogger("somebody").warning("their own")
        made.warn("a retry")
    logging.getLogger("synaug.cache").warning("after the end")
    assert [line.split("Z ", 1)[1] for line in log(tmp_path)] == [
        "INFO    begun",
        "WARNING damaged cache file x.npy",
        "WARNING a retry",
    ]


def test_it_stays_small_and_its_end_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "MOST_BYTES", 500)
    with Journal(tmp_path) as made:
        for number in range(100):
            made.say(f"line {number}")
    assert len(list(tmp_path.iterdir())) == 4
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 4 * 500
    assert [line.rpartition(" ")[2] for line in tail(tmp_path, 15)] == [str(n) for n in range(85, 100)]
    assert tail(tmp_path / "none", 3) == []


def test_a_full_disk_costs_the_log_and_not_the_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with Journal(tmp_path) as made:
        monkeypatch.setattr(made._handler, "format", full)
        made.say("it goes on")
    assert capsys.readouterr().err == ""


def test_what_a_cell_prints_is_heard_and_passed_on(capsys: pytest.CaptureFixture[str]) -> None:
    with heard() as pieces:
        print("one")
        print("two", file=sys.stderr)
    print("not heard")
    assert ending(pieces) == "one\ntwo"
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("one\nnot heard\n", "two\n")
    assert len(ending(["x" * MOST_CHARACTERS, "end"])) == MOST_CHARACTERS
    assert ending(["\n", ""]) == ""
