"""In what precision this machine should train: measured, then fixed for a whole sweep."""

from __future__ import annotations

import time
from importlib.metadata import version
from typing import TYPE_CHECKING

from ..facts import remembered
from ..processor import processor

if TYPE_CHECKING:
    import torch

PRECISIONS = ("float32", "bfloat16")

ROWS, WIDTH, HIDDEN = 1024, 384, 128  # of the product that is timed
REPEATS = 9
FASTER = 1.5  # below this, bfloat16's rounding is not worth its speed


def fastest_precision() -> str:
    """Return "bfloat16" where this processor multiplies in it at least 1.5 times as fast, else "float32".

    Times the product of a training step on one thread, as a cell runs it, once on each kind of
    processor and version of torch; from then on the cache folder has the answer.
    """
    about = [processor(), version("torch"), ROWS, WIDTH, HIDDEN, FASTER]
    return str(remembered("precision", about, measured_precision, PRECISIONS.__contains__))


def measured_precision() -> str:
    """Measure what ``fastest_precision`` tells; takes some milliseconds beside the import of torch."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        seconds = {dtype: _seconds(dtype) for dtype in (torch.float32, torch.bfloat16)}
    finally:
        torch.set_num_threads(threads)
    return "bfloat16" if seconds[torch.float32] >= FASTER * seconds[torch.bfloat16] else "float32"


def _seconds(dtype: torch.dtype) -> float:
    """The shortest of some products: what else runs on the machine only makes one longer."""
    import torch

    rows, weights = torch.ones(ROWS, WIDTH, dtype=dtype), torch.ones(WIDTH, HIDDEN, dtype=dtype)
    best = float("inf")
    for _ in range(REPEATS):
        start = time.perf_counter()
        rows @ weights
        best = min(best, time.perf_counter() - start)
    return best
