"""The VAE arm over eight ratios of one replicate, against eight replicates that share nothing."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.blobs import blobs
from benchmarks.measure import Found, Options, one_thread, ratio
from benchmarks.throughput import LADDER
from synaug.classifiers.options import MlpOptions
from synaug.classifiers.precision import fastest_precision
from synaug.evaluate import Replicate, evaluate
from synaug.methods import METHODS
from synaug.pool_cache import PoolCache

Seconds = dict[str, float]
RATIOS = (25.0, 50.0, 75.0, 100.0, 125.0, 150.0, 175.0, 200.0)


def measure(options: Options) -> Found:
    """Time the same ratios twice: where an earlier ratio's VAE may be used again, and where it cannot."""
    size, folds = (60, 2) if options.quick else (400, 10)
    mlp = MlpOptions(ladder=(1, 4) if options.quick else LADDER, precision=fastest_precision())
    steps = 5 if options.quick else 300
    same: list[Seconds] = []
    apart: list[Seconds] = []
    number = 1
    with one_thread():
        _seconds([blobs((size, size // 10), dev_per_class=9, folds=folds)], mlp, steps)  # loads the libraries
        for _ in range(options.repetitions):
            fresh = [
                blobs((size, size // 10), dev_per_class=100, folds=folds, seed=number + i)
                for i in range(1 + len(RATIOS))
            ]
            number += len(fresh)
            same.append(_seconds([fresh[0]] * len(RATIOS), mlp, steps))
            apart.append(_seconds(fresh[1:], mlp, steps))
    figures = tuple(
        ratio(
            name,
            f"seconds of {what} of {len(RATIOS)} ratios: with the VAE trained for each / on one replicate",
            [seconds[part] for seconds in apart],
            [seconds[part] for seconds in same],
        )
        for name, what, part in (
            ("ratio", "the synthetic rows", "synthesis"),
            ("ratio_whole", "whole cells", "total"),
        )
    )
    detail = {
        "seconds_on_one_replicate": {part: [s[part] for s in same] for part in ("synthesis", "total")},
        "seconds_trained_per_ratio": {part: [s[part] for s in apart] for part in ("synthesis", "total")},
        "classes": [size, size // 10],
        "folds": folds,
        "ratios": list(RATIOS),
        "vae_steps": steps,
        "steps": mlp.ladder[-1],
    }
    return Found(figures, detail)


def _seconds(replicates: Sequence[Replicate], mlp: MlpOptions, steps: int) -> Seconds:
    """Seconds of a cell for each ratio, with an empty cache on disk, and of the synthetic rows in them."""
    with tempfile.TemporaryDirectory() as folder:
        cache = PoolCache(Path(folder))
        found = [
            evaluate(METHODS["vae"](ratio=r, epochs=steps), data, mlp, cache=cache).seconds
            for r, data in zip(RATIOS, replicates, strict=False)
        ]
    return {part: sum(seconds[part] for seconds in found) for part in ("synthesis", "total")}
