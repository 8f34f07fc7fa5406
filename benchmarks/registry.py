"""All rows: a name, the question it answers, and the module whose ``measure`` answers it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Final

from benchmarks.measure import Found, Options

ROWS: Final[Mapping[str, str]] = {
    "throughput": "How many cells an hour does a sweep finish, against scripts made of the same packages?",
    "ratio_200": "How much longer does a cell take at ratio 200 than without synthetic rows?",
    "neighbors": "How long do the neighbours of all folds and values of k take, against a search for each?",
    "vae_ratios": "How long do 8 ratios of the VAE take, against training it for each?",
    "overhead": "What does a cell cost beside its numerical work, and does it grow with the sweep?",
    "encoding": "How many texts a second are embedded, against sentence-transformers?",
    "worker_memory": "How much memory of its own does a worker have, against one that waits?",
    "scaling": "How do the cells an hour grow with the nodes, and how many can the driver handle?",
    "roofline": "Which part of a cell's training are matrix products, and how fast are these?",
}


def row(name: str) -> Callable[[Options], Found]:
    """Return the function that measures a row; its module is imported only now."""
    assert name in ROWS, f"no row {name!r}"
    measure: Callable[[Options], Found] = import_module(f"benchmarks.{name}").measure
    return measure
