"""The VAE arm over eight ratios of one replicate, against eight replicates that share nothing."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.blobs import blobs
from benchmarks.measure import Found, Options, one_thread, ratio, timed
from synaug.classifiers.options import MlpOptions
from synaug.evaluate import Replicate, evaluate
from synaug.methods import METHODS
from synaug.pool_cache import PoolCache

RATIOS = (25.0, 50.0, 75.0, 100.0, 125.0, 150.0, 175.0, 200.0)


def measure(options: Options) -> Found:
    """Time the same ratios twice: where an earlier ratio's VAE may be used again, and where it cannot."""
    size, folds = (60, 2) if options.quick else (400, 10)
    mlp = MlpOptions(ladder=(1, 4)) if options.quick else MlpOptions()
    steps = 5 if options.quick else 300
    same, apart, number = [], [], 1
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
    detail = {
        "seconds": {"same_replicate": same, "trained_per_ratio": apart},
        "classes": [size, size // 10],
        "folds": folds,
        "ratios": list(RATIOS),
        "vae_steps": steps,
    }
    what = f"seconds of {len(RATIOS)} ratios: on one replicate / with the VAE trained for each"
    return Found((ratio("ratio", what, same, apart),), detail)


def _seconds(replicates: Sequence[Replicate], mlp: MlpOptions, steps: int) -> float:
    """Seconds of a cell for each ratio, with an empty cache on disk."""
    with tempfile.TemporaryDirectory() as folder:
        cache = PoolCache(Path(folder))
        return timed(
            lambda: [
                evaluate(METHODS["vae"](ratio=r, epochs=steps), data, mlp, cache=cache)
                for r, data in zip(RATIOS, replicates, strict=False)
            ]
        )[0]
