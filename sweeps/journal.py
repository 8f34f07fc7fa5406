"""The log of a sweep: a line for each finished cell, and what the driver said, in a file that stays small."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Final

from .entry import Entry

NAME: Final = "sweep.log"
MOST_BYTES, KEPT = 4 << 20, 3  # a file, and older ones beside it
_OURS = ("synaug", "sweeps", "tracking")  # whose warnings go in, too


class Journal:
    """Writes ``logs/sweep.log``; times are UTC.

    Args:
        folder: made with mode 0700 where it does not exist.
    """

    def __init__(self, folder: Path):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._handler = _Quiet(folder / NAME, maxBytes=MOST_BYTES, backupCount=KEPT, encoding="utf-8")
        self._handler.setFormatter(_Line("%(asctime)s %(levelname)-7s %(message)s", "%Y-%m-%dT%H:%M:%SZ"))
        self._handler.setLevel(logging.INFO)
        self._log = logging.Logger("journal", logging.INFO)  # outside the tree: it prints nothing
        self._log.addHandler(self._handler)

    def __enter__(self) -> Journal:
        for name in _OURS:
            logging.getLogger(name).addHandler(self._handler)
        return self

    def __exit__(self, *_: object) -> None:
        for name in _OURS:
            logging.getLogger(name).removeHandler(self._handler)
        self._handler.close()

    def say(self, text: str) -> None:
        """Write what the driver does."""
        self._log.info(_one_line(text))

    def warn(self, text: str) -> None:
        """Write what went wrong."""
        self._log.warning(_one_line(text))

    def cell(self, entry: Entry) -> None:
        """Write how a cell ended."""
        self._log.info(_one_line(cell_line(entry)))


def cell_line(entry: Entry) -> str:
    """A finished cell in a line: key, status, value, seconds, host, then the arm with its knobs."""
    assert entry.closed is not None
    closed, value = entry.closed, entry.closed.get("value")
    words = [
        f"cell {entry.key} {closed['status']}",
        "value=-" if value is None else f"value={value:.4f}",
        f"seconds={float(closed['seconds']):.2f}",
        f"host={hosts_of(list(entry.results.values())) or '-'}",
        f"attempts={entry.attempts}",
        entry.label,
    ]
    return " ".join(words) + (f": {closed['reason']}" if closed.get("reason") else "")


def hosts_of(results: Sequence[Mapping[str, Any]]) -> str:
    """Where results were made, as far as the ledger says so."""
    return ",".join(dict.fromkeys(str(result["host"]) for result in results if result.get("host")))


def tail(folder: Path, lines: int) -> list[str]:
    """The last lines of the log, also where it has just begun a new file; none where there is no log."""
    found: list[str] = []
    for path in (folder / NAME, *(folder / f"{NAME}.{number}" for number in range(1, KEPT + 1))):
        if len(found) >= lines or not path.is_file():
            break
        found = [*path.read_text(encoding="utf-8", errors="replace").splitlines(), *found]
    return found[-lines:]


class _Line(logging.Formatter):
    converter = staticmethod(time.gmtime)


class _Quiet(RotatingFileHandler):
    def handleError(self, record: logging.LogRecord) -> None:
        """Say nothing: where the disk is full the ledger finds out, and a log is not worth a sweep."""


def _one_line(text: str) -> str:
    return " ".join(text.split())
