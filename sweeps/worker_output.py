"""What a cell prints in its worker, kept for the log of the sweep."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Final, TextIO

MOST_CHARACTERS: Final = 10_000  # of a replicate: its last ones


class Heard(io.TextIOBase):
    """Passes text on to the streams of the worker and keeps the end of it.

    Args:
        stream: takes the text, too.
        kept: what was heard so far, from both streams in their order.
    """

    def __init__(self, stream: TextIO, kept: list[str]):
        self._stream, self._kept = stream, kept

    def write(self, text: str) -> int:
        """Take a piece of text."""
        self._kept.append(text)
        return self._stream.write(text)

    def fileno(self) -> int:
        """The descriptor of the worker's stream, which tools of C write to."""
        return self._stream.fileno()

    def isatty(self) -> bool:
        """Whether a person looks on."""
        return self._stream.isatty()

    def flush(self) -> None:
        """Flush the worker's stream."""
        self._stream.flush()


@contextmanager
def heard() -> Iterator[list[str]]:
    """Listen to what Python code prints on stdout and stderr, warnings included; yields the pieces."""
    kept: list[str] = []
    with redirect_stdout(Heard(sys.stdout, kept)), redirect_stderr(Heard(sys.stderr, kept)):
        yield kept


def ending(pieces: list[str]) -> str:
    """The last characters of what was heard; nothing where it was white space."""
    return "".join(pieces)[-MOST_CHARACTERS:].strip()
