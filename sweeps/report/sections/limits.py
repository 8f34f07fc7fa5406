"""What the answers do not say."""

from __future__ import annotations

from collections.abc import Iterator

from ..model import DETAILED, Note, Section, Source

LEAD = "What to keep in mind with every sentence above."


def limits(source: Source) -> Section:
    """Limits that follow from this ledger."""
    return Section("limits", "Limits", LEAD, tuple(Note(text) for text in _limits(source)))


def _limits(source: Source) -> Iterator[str]:
    evidence = source.evidence
    data = {str(dict(cell.context).get("data")) for cell in evidence.cells}
    if len(data) == 1 and not source.of("data_sets"):
        yield (
            "One data set: intervals speak of other draws from it, not of other data sets. A ranking over "
            "data sets needs five or more, and is not shown."
        )
    if evidence.repetitions:
        yield "Repetitions of cross-validation share their rows: their intervals are a heuristic."
    if any(cell.stage == "exploit" for cell in evidence.cells):
        yield "Cells of the stage exploit come from an adaptive search: only design cells answer sensitivity."
    if any(claim.entry["estimand"] == "tuned" for claim in source.claims):
        yield "Tuned arms are at the cell that the folds prefer: without fresh draws that is optimistic."
    if len(source.contexts) > DETAILED:
        yield f"Figures are of {DETAILED} of {len(source.contexts)} contexts; claims.json has all of them."
    yield "An inconclusive answer is not an answer of no effect; it names what this run could detect."
    yield "Diagnostics are associated with losses; a cause is named only where an ablation moves with it."
