"""The room that a sweep needs on disk, looked at before it starts: a full disk later costs a stop."""

from __future__ import annotations

import shutil
from collections import defaultdict
from pathlib import Path

from synaug.cache import EmbeddingCache
from synaug.embedding import is_cached
from synaug.encoders import Encoder
from synaug.errors import Exit, Problem, SynaugError
from tracking.address import SQLITE, sqlite_file

from .entry import PICTURED
from .places import Places
from .plan import planned_cells
from .prepare import Prepared
from .spec import Spec

MARGIN = 1.2  # what is asked for beyond the estimate
# Bytes. A sweep of AG News (28 cells, 4 classes, 6 rungs, 5 folds) is estimated at 1.05 times its ledger and
# 1.3 times its databases and pictures, one of 7 small cells at 1.8 and 1.6 times.
RESULT, RUNG, CLASS, FOLD = 2000, 330, 320, 230  # a result line and what grows with the spec
CELL = 1500  # its start, end and acknowledgement
RUN, POINT, PICTURES = 24_000, 330, 120_000  # an MLflow run, a value by budget or replicate, two pictures
SKETCH = 25_000  # the points of a picture, for the report
TRIAL = 6000  # of Optuna
DATABASE = 1_500_000  # an empty MLflow and an empty Optuna file


def check_room(prepared: Prepared, places: Places) -> None:
    """Refuse a sweep that the disks have no room for, by an estimate and a fifth more; writes nothing.

    What lies on a server is the server's concern.

    Raises:
        SynaugError: a disk has too little (exit 6).
    """
    needs: dict[int, float] = defaultdict(float)
    folders: dict[int, Path] = {}
    for folder, needed in _needs(prepared, places):
        there = next(parent for parent in [folder.absolute(), *folder.absolute().parents] if parent.exists())
        device = there.stat().st_dev
        needs[device] += MARGIN * needed
        folders.setdefault(device, there)
    problems = [
        Problem(
            f"the disk has too little room: the sweep needs about {_shown(needed)}, {_shown(free)} are free",
            where=str(folders[device]),
            fix="make space, or choose another place with --out or SYNAUG_CACHE",
        )
        for device, needed in needs.items()
        if needed > (free := shutil.disk_usage(folders[device]).free)
    ]
    if problems:
        raise SynaugError(problems, Exit.RESOURCES)


def _needs(prepared: Prepared, places: Places) -> list[tuple[Path, float]]:
    """Folders and the bytes that a sweep will still write there."""
    spec, classes = prepared.spec, len(prepared.corpus.classes)
    most = _cells(spec)
    cells = max(0, most - _finished(places.ledger))
    rungs = max(len(classifier.ladder) for classifier in spec.every_classifier)
    result = RESULT + rungs * (RUNG + 30 * classes) + classes * CLASS + spec.folds * FOLD + 12 * classes**2
    results = spec.replicates * result
    drawn = max(0, min(PICTURED, cells))
    found = [(places.out, float(cells * (CELL + results) + drawn * SKETCH))]
    if places.tracking_uri.startswith(SQLITE):
        points = 2 * (spec.replicates + rungs) * POINT
        size = DATABASE + drawn * PICTURES + cells * (RUN + points + results)
        found.append((sqlite_file(places.tracking_uri).parent, float(size)))
    if places.storage.startswith(SQLITE):
        found.append((sqlite_file(places.storage).parent, float(cells * TRIAL)))
    texts, cache = [prepared.corpus.texts[row] for row in prepared.visible], EmbeddingCache()
    for encoder in prepared.encoders.values():
        if isinstance(encoder, Encoder) and not is_cached(texts, encoder, cache):
            found.append((cache.folder, 2.0 * 4 * len(texts) * encoder.dimensions))  # shards, then whole
    return found


def _cells(spec: Spec) -> int:
    """Cells that the sweep may have when it is done."""
    proposals = spec.search.trials * len(spec.arms)
    confirmed = 3 * len(spec.arms) if spec.confirm.replicates else 0
    return len(planned_cells(spec)) + proposals + confirmed


def _finished(ledger: Path) -> int:
    """Finished cells in a ledger, counted without reading it as JSON."""
    if not ledger.exists():
        return 0
    with ledger.open("rb") as file:
        return sum(b'"kind":"cell"' in line for line in file)


def _shown(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
