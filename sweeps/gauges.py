"""Numbers of a running sweep for Prometheus, exported by Ray beside those of its nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from .entry import Entry
from .feed import Feed

DONE, FAILED, LEFT = "synaug_cells_done", "synaug_cells_failed", "synaug_cells_left"
SECONDS = "synaug_cell_seconds"
LABEL: Final = "sweep"
SECONDS_BUCKETS = [0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0]


def gauges_of(feed: Feed, sweep: str) -> Gauges:
    """The gauges of a feed."""
    failed = sum(e.closed is not None and e.closed["status"] == "failed" for e in feed.entries.values())
    return Gauges(sweep, lambda: (feed.done, feed.total), failed)


class Gauges:
    """What a driver that is part of a cluster exports; Ray writes ``ray_`` before the names.

    Args:
        sweep: its name, the only label.
        counts: tells how many cells are done, and how many there are.
        failed: cells that had failed before this start.
    """

    def __init__(self, sweep: str, counts: Callable[[], tuple[int, int]], failed: int = 0):
        from ray.util.metrics import Gauge, Histogram

        self._label, self._counts, self._failed_cells = {LABEL: sweep}, counts, failed
        self._done = Gauge(DONE, "Cells of the sweep that are finished.", (LABEL,))
        self._failed = Gauge(FAILED, "Cells of the sweep that failed.", (LABEL,))
        self._left = Gauge(LEFT, "Cells of the sweep that run or wait.", (LABEL,))
        self._seconds = Histogram(SECONDS, "Seconds of a cell, all replicates.", SECONDS_BUCKETS, (LABEL,))
        self._tell()

    def closed(self, entry: Entry) -> None:
        """Count a finished cell."""
        assert entry.closed is not None
        self._failed_cells += entry.closed["status"] == "failed"
        self._seconds.observe(float(entry.closed["seconds"]), self._label)
        self._tell()

    def _tell(self) -> None:
        done, total = self._counts()
        self._done.set(done, self._label)
        self._failed.set(self._failed_cells, self._label)
        self._left.set(max(0, total - done), self._label)
