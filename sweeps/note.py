"""The note on a sweep's parent run: what it is, its best cells, how to go on."""

from __future__ import annotations

from collections.abc import Sequence

from tracking import ALL_CELLS, FAILED_CELLS, cells_of, runs_page

from .entry import Entry
from .places import Places
from .record import About
from .spec import Spec

BEST = 5


def note(spec: Spec, about: About, entries: Sequence[Entry], places: Places, experiment_id: str = "") -> str:
    """Return markdown for people who open the parent run; no text of the data is in it.

    Args:
        spec: the sweep.
        about: its data.
        entries: all cells known.
        places: where its records lie.
        experiment_id: of the sweep in MLflow, for links to its cells.
    """
    closed = [entry for entry in entries if entry.closed is not None]
    scored = [entry for entry in closed if entry.closed and "value" in entry.closed]
    best = sorted(scored, key=lambda entry: -entry.closed["value"])[:BEST]  # type: ignore[index]
    rows = [f"| `{e.label}` | {100 * e.closed['value']:.2f} | {e.key} |" for e in best if e.closed]
    data = about.data
    return "\n".join(
        [
            f"**Sweep `{spec.name}`**: which arm helps {_classifiers(spec)} on `{data.name}`?",
            "",
            f"Data `{data.name}`, digest `{data.digest[:12]}`, {len(data.classes)} classes, imbalance "
            f"`{spec.imbalance.kind}`; {spec.replicates} replicates x {spec.folds} folds; "
            f"{len(closed)} of {len(entries)} cells finished.",
            "",
            *_views(spec, experiment_id),
            "In the search field of this experiment: `tags.method = 'smote' and metrics.k = 5`, or "
            "`metrics.balanced_accuracy > 0.7`.",
            "",
            "| best cells (the best of many looks better than it is) | balanced accuracy, % | trial_key |",
            "|---|---|---|",
            *rows,
            "",
            f"Answers: `synaug ask {places.out} method`. Go on: `synaug sweep {places.out}/spec.yaml "
            f"--out {places.out}`.",
        ]
    )


def _views(spec: Spec, experiment_id: str) -> list[str]:
    """Links to tables of cells: MLflow shows those below a parent only when that is opened and loaded."""
    if not experiment_id:
        return []
    views = {"best first": ALL_CELLS, "failed": FAILED_CELLS} | {arm: cells_of(arm) for arm in spec.arms}
    links = (
        f"[{name}]({runs_page(experiment_id, wanted, chart=False).removeprefix('/')})"
        for name, wanted in views.items()
    )
    return [f"Cells: {' · '.join(links)}", ""]


def _classifiers(spec: Spec) -> str:
    return ", ".join(f"`{classifier.name}`" for classifier in spec.every_classifier)
