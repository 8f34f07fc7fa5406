"""What cells and contexts are called in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..analysis.evidence import CONTEXT, Cell, Evidence
from .sentences import knobs_text

NATURAL = "natural"


def cell_label(cell: Cell) -> str:
    """``smote (k 5, ratio 100)``; the arm alone when it has no knobs."""
    knobs = knobs_text(cell.knobs)
    return f"{cell.arm} ({knobs})" if knobs else cell.arm


def context_value(part: Evidence, name: str) -> str:
    """The value of ``name`` in a context; the imbalance of a sweep's own draws is that of its header."""
    value = dict(part.cells[0].context).get(name)
    sizes = (part.header.get("sizes") or {}).values()
    if value is not None or name != "imbalance" or not sizes:
        return str(value or "")
    return NATURAL if part.repetitions else f"{max(sizes)}:{min(sizes)}"


def telling_context(part: Evidence, parts: Sequence[Evidence]) -> dict[str, str]:
    """What tells a context from the others, by name; empty where it is the only one."""
    values = {name: {context_value(other, name) for other in parts} for name in CONTEXT}
    return {name: context_value(part, name) for name, found in values.items() if len(found) > 1}


def context_words(telling: Mapping[str, str]) -> str:
    """``imbalance 2000:60, classifier mlp``."""
    return ", ".join(f"{name} {value or 'as the spec has it'}" for name, value in telling.items())
