"""Analysis: pure functions on ledger lines, tables in, numbers out."""

from .evidence import Cell, Evidence, gather
from .paired import Difference, Verdict, nadeau_bengio, paired, student, verdict
from .power import detectable_effect, replicates_for_equivalence, replicates_needed
from .records import curves, folds, header, records, skipped

__all__ = [
    "Cell",
    "Difference",
    "Evidence",
    "Verdict",
    "curves",
    "detectable_effect",
    "folds",
    "gather",
    "header",
    "nadeau_bengio",
    "paired",
    "records",
    "replicates_for_equivalence",
    "replicates_needed",
    "skipped",
    "student",
    "verdict",
]
