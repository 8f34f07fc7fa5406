"""How far a sweep is: one live line in a terminal, plain lines elsewhere; all on stderr."""

from __future__ import annotations

import statistics
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress
from rich.text import Text

from .entry import Entry

LINE_SECONDS = 15.0  # between plain lines
RECENT = 200  # cells that the ETA is taken from


class Progress:
    """Counts finished cells and says what is done, what failed, the best of each arm and the ETA.

    Args:
        console: where it is said.
        workers: cells at a time.
        total: tells the number of cells of the sweep as far as is known.
    """

    def __init__(self, console: Console, workers: int, total: Callable[[], int]):
        self._console, self._workers, self._total = console, workers, total
        self._best: dict[str, float] = {}
        self._seconds: deque[float] = deque(maxlen=RECENT)
        self._done = self._failed = 0
        self._said = time.monotonic()
        self._live = (
            Live(console=console, refresh_per_second=4, transient=True) if console.is_terminal else None
        )

    def __enter__(self) -> Progress:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()
        self._console.print(Text(self.line()), soft_wrap=True)

    def resumed(self, entries: list[Entry]) -> None:
        """Count cells that were finished before this start."""
        for entry in entries:
            self._count(entry)

    def closed(self, entry: Entry) -> None:
        """Count a finished cell and show it."""
        self._count(entry)
        assert entry.closed is not None
        self._seconds.append(float(entry.closed["seconds"]))
        if self._live:
            self._live.update(Text(self.line(), no_wrap=True, overflow="ellipsis"))
        elif time.monotonic() - self._said > LINE_SECONDS or len(self._seconds) == 1:
            self._said = time.monotonic()
            self._console.print(Text(self.line()), soft_wrap=True)

    def _count(self, entry: Entry) -> None:
        assert entry.closed is not None
        self._done += 1
        self._failed += entry.closed["status"] == "failed"
        value = entry.closed.get("value")
        if value is not None:
            self._best[entry.cell.arm] = max(value, self._best.get(entry.cell.arm, 0.0))

    def line(self) -> str:
        """The state in one line: cells, failures, time to go, best balanced accuracy of each arm."""
        best = sorted(self._best.items(), key=lambda item: -item[1])
        arms = "  ".join(f"{arm} {100 * value:.1f}" for arm, value in best)
        eta = self._eta()
        return f"{self._done}/{self._total()} cells, {self._failed} failed{eta}   best %: {arms or '-'}"

    def _eta(self) -> str:
        left = self._total() - self._done
        if not self._seconds or left <= 0:
            return ""
        seconds = round(left * statistics.median(self._seconds) / self._workers)
        return f", ETA {seconds // 60}:{seconds % 60:02d}"


@contextmanager
def counted(console: Console, doing: str, things: str) -> Iterator[Callable[[int, int], None]]:
    """Say how far some work is: a bar with ETA in a terminal, lines elsewhere.

    Args:
        console: where it is said.
        doing: the work, such as "encoding".
        things: what is counted, such as "texts".

    Yields:
        What takes the things done and the things in all.
    """
    if not console.is_terminal:
        yield _Lines(console, doing, things)
        return
    columns = (
        TextColumn(doing),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(f"{things}, ETA"),
        TimeRemainingColumn(),
    )
    with RichProgress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(doing, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


class _Lines:
    """Prints a line for every tenth of the things; none where all were done before."""

    def __init__(self, console: Console, doing: str, things: str):
        self._console, self._doing, self._things = console, doing, things
        self._said, self._started, self._before = -1, time.monotonic(), 0

    def __call__(self, done: int, total: int) -> None:
        tenth = 10 * done // max(1, total)
        if tenth < self._said:  # other things come after the first
            self._said = -1
        if self._said < 0:
            self._started, self._before = time.monotonic(), done
            if done == total:
                return
        if tenth > self._said:
            self._said = tenth
            new = done - self._before
            seconds = (time.monotonic() - self._started) * (total - done) / max(1, new)
            eta = f", ETA {seconds:.0f} s" if new and done < total else ""
            self._console.print(f"{self._doing} {done}/{total} {self._things}{eta}", style="dim")
