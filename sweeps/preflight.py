"""All that can refuse a sweep, before it writes anything."""

from __future__ import annotations

from rich.console import Console

from synaug.cache import EmbeddingCache

from .cluster import check_cluster
from .feasible import check_neighbors
from .places import Places
from .prepare import Prepared, check_writable, prepare
from .room import check_room
from .spec import Spec
from .storage import checked
from .text_readers import check_readers


def preflight(spec: Spec, places: Places, address: str, gpus: float, console: Console) -> Prepared:
    """Check where a sweep is to run and to write, then its data, encoder and draws.

    Args:
        spec: the sweep.
        places: where its records are to lie.
        address: of the Ray cluster.
        gpus: GPUs that a cell needs.
        console: for notes; stderr.

    Raises:
        SynaugError: something is wrong; nothing was written.
    """
    check_writable(places.out)
    check_cluster(address, gpus)
    checked(places.storage)
    EmbeddingCache()  # refuses a folder that it cannot write to
    if trouble := places.check_tracking():
        console.print(f"note: the sweep goes on without MLflow: {trouble}", markup=False)
    console.print("[dim]reading texts …[/dim]")
    prepared = prepare(spec)
    check_readers(prepared)
    check_room(prepared, places)
    for warning in (*prepared.corpus.warnings, *check_neighbors(prepared)):
        console.print(f"note: {warning}", markup=False)
    return prepared
