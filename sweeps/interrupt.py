"""Signals: the first ends a sweep cleanly, the second at once."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from synaug.errors import Exit

from .feed import Feed, Halt

CODES = {signal.SIGINT: Exit.INTERRUPTED, signal.SIGTERM: Exit.TERMINATED}


class Interrupts:
    """Catches Ctrl-C and SIGTERM while cells run.

    Args:
        feed: is told to start no more cells.
    """

    def __init__(self, feed: Feed):
        self.exit: Exit | None = None
        self.halt = Halt()
        self._feed = feed

    @contextmanager
    def caught(self) -> Iterator[Halt]:
        """Catch the signals; yields what ends Ray Tune's run."""
        before = {number: signal.signal(number, self._on_signal) for number in CODES}
        try:
            yield self.halt
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        code = CODES[signal.Signals(number)]
        if self.exit is not None:  # the second: what is in the ledger is on the disk
            os._exit(code)
        self.exit = code
        self.halt.now = True
        self._feed.stop(f"interrupted by {signal.Signals(number).name}")
