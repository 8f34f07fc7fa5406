"""What cells are called in sentences."""

from __future__ import annotations

from ..analysis.evidence import Cell
from .sentences import level_text


def cell_label(cell: Cell) -> str:
    """``smote (k 5, ratio 100)``; the arm alone when it has no knobs."""
    knobs = ", ".join(f"{name} {level_text(value)}" for name, value in cell.knobs.items())
    return f"{cell.arm} ({knobs})" if knobs else cell.arm
