"""The note on a sweep's parent run: what it is, its best cells, how to go on."""

from __future__ import annotations

from collections.abc import Sequence

from .entry import Entry
from .places import Places
from .record import About
from .spec import Spec

BEST = 5


def note(spec: Spec, about: About, entries: Sequence[Entry], places: Places) -> str:
    """Return markdown for people who open the parent run; no text of the data is in it."""
    closed = [entry for entry in entries if entry.closed is not None]
    scored = [entry for entry in closed if entry.closed and "value" in entry.closed]
    best = sorted(scored, key=lambda entry: -entry.closed["value"])[:BEST]  # type: ignore[index]
    rows = [f"| `{e.label}` | {100 * e.closed['value']:.2f} | {e.key} |" for e in best if e.closed]
    data = about.data
    return "\n".join(
        [
            f"**Sweep `{spec.name}`**: which arm helps `{spec.classifier.name}` on `{data.name}`?",
            "",
            f"Data `{data.name}`, digest `{data.digest[:12]}`, {len(data.classes)} classes, imbalance "
            f"`{spec.imbalance.kind}`; {spec.replicates} replicates x {spec.folds} folds; "
            f"{len(closed)} of {len(entries)} cells finished.",
            "",
            f"All cells: search the runs of this experiment for `tags.sweep = '{spec.name}'`; one arm: add "
            "`and tags.method = 'smote'`; numbers: `metrics.balanced_accuracy > 0.7 and metrics.k = 5`.",
            "",
            "| best cells (the best of many looks better than it is) | balanced accuracy, % | trial_key |",
            "|---|---|---|",
            *rows,
            "",
            f"Answers: `synaug ask {places.out} method`. Go on: `synaug sweep {places.out}/spec.yaml "
            f"--out {places.out}`.",
        ]
    )
