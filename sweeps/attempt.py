"""The note that a worker keeps of its attempt on its node: who it is, and where it hangs."""

from __future__ import annotations

import faulthandler
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple


class Note(NamedTuple):
    """What a note says.

    Attributes:
        pid: of the worker's process.
        node: Ray's name of its machine.
        stack: where its threads stood when its time was over; None of one that had time left.
    """

    pid: int
    node: str
    stack: str | None


def name_of(run: str, key: str, attempt: int) -> str:
    """Name of the note's file in the node's temporary folder; ``run`` cannot be guessed."""
    return f"synaug-{run}-{key}-{attempt}.txt"


@contextmanager
def noted(run: str, key: str, attempt: int, seconds: float | None, node: str = "") -> Iterator[None]:
    """Keep a note while an attempt lasts; after ``seconds`` write its stacks there and end the process.

    A hung attempt cannot be asked, and a process that has ended tells nothing: only a file is left.

    Args:
        run: what the sweep's attempts have in common; without one there is no note.
        key: the cell's trial_key.
        attempt: 1, 2, ...
        seconds: that the attempt may take; None: as long as it likes.
        node: Ray's name of this machine.
    """
    if not run:
        yield
        return
    path = Path(tempfile.gettempdir()) / name_of(run, key, attempt)
    with open(path, "x", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(f"{os.getpid()} {node}\n")
        file.flush()
        if seconds is not None:
            faulthandler.dump_traceback_later(seconds, exit=True, file=file)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()
            path.unlink(missing_ok=True)


def take(names: Sequence[str]) -> dict[str, Note]:
    """Read and remove those of the notes that lie on this node."""
    found = {}
    for name in names:
        path = Path(tempfile.gettempdir()) / name
        with suppress(FileNotFoundError):
            head, _, stack = path.read_text(errors="replace").partition("\n")
            pid, _, node = head.partition(" ")
            found[name] = Note(int(pid), node, stack if stack.startswith("Timeout (") else None)
            path.unlink(missing_ok=True)
    return found
