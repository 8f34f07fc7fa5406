"""Counts of a sweep's cells, kept as they change: a long sweep asks for them at every cell."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Tally:
    """How many cells there are, are done and failed, and how far each arm is.

    Attributes:
        cells: all cells.
        done: finished ones.
        failed: those of them that failed.
        proposed: cells that the search has proposed, by arm.
        design_open: cells of the design that are not finished, by arm.
    """

    cells: int = 0
    done: int = 0
    failed: int = 0
    proposed: Counter[str] = field(default_factory=Counter)
    design_open: Counter[str] = field(default_factory=Counter)

    def add(self, arm: str, stage: str) -> None:
        """Count a cell that is not finished."""
        self.cells += 1
        (self.proposed if stage == "exploit" else self.design_open)[arm] += 1

    def close(self, arm: str, stage: str, status: str) -> None:
        """Count the end of a cell that was added."""
        self.done += 1
        self.failed += status == "failed"
        if stage != "exploit":
            self.design_open[arm] -= 1
