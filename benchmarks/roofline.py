"""Which part of a cell's training are matrix products, and how near they come to the machine's speed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from benchmarks.blobs import blobs
from benchmarks.measure import Found, Options, alternate, one_thread, ratio
from synaug.classifiers.options import MlpOptions
from synaug.classifiers.precision import fastest_precision
from synaug.evaluate import Replicate, fit, fold_rows, make_pools
from synaug.methods import METHODS

PROBE = 2048  # rows and columns of the square product that stands for the machine's speed


def measure(options: Options) -> Found:
    """Time the training of all folds, its large products alone, and a large square product."""
    sizes = (200, 100, 40, 20) if options.quick else (2864, 1600, 900, 537)  # 5,901 rows
    data = blobs(sizes, dev_per_class=20 if options.quick else 250, folds=3 if options.quick else 10)
    ladder = (1, 4) if options.quick else (1, 4, 16, 64)
    mlp = MlpOptions(ladder, precision=fastest_precision())
    method = METHODS["smote"]()
    pools = make_pools(method, data)
    rows = [fold_rows(method, data, fold, pools) for fold in range(data.n_folds)]
    trained = [int(np.count_nonzero(fold.weight)) for fold in rows]
    side = 256 if options.quick else PROBE
    square = torch.randn(side, side).to(getattr(torch, mlp.precision))
    works: dict[str, Callable[[], object]] = {
        "training": lambda: fit(method, data, rows, mlp, data.draw.dev),
        "products": products(data, mlp, trained),
        "probe": lambda: square @ square,
    }
    with one_thread():
        seconds = alternate(works, options.repetitions)
    alone = seconds["products"]
    speed = [flops(data, mlp, trained) / s for s in alone]
    peak = [2 * side**3 / s for s in seconds["probe"]]
    detail = {
        "seconds": seconds,
        "classes": list(sizes),
        "synthetic_rows_a_fold": sum(len(fold.labels) for fold in rows) // len(rows),
        "steps": mlp.ladder[-1],
        "folds": data.n_folds,
        "precision": mlp.precision,
        "gflops": {"products": [s / 1e9 for s in speed], "probe": [p / 1e9 for p in peak]},
        "probe": f"{side} x {side}, one thread",
    }
    figures = (
        ratio(
            "ratio", "seconds: the products of a training alone / the training", alone, seconds["training"]
        ),
        ratio("product_speed", "speed: these products / a large square product", speed, peak),
    )
    return Found(figures, detail)


def products(data: Replicate, mlp: MlpOptions, trained: Sequence[int]) -> Callable[[], None]:
    """Return work that does every large product of a training, with its shapes and counts, and nothing else.

    Those are the first layer's: synthetic rows are mixed after it, and all that follows is one compiled
    pass over the rows.

    Args:
        data: the replicate.
        mlp: the classifier.
        trained: real rows that each fold trains on.
    """
    dtype, d, width = getattr(torch, mlp.precision), data.X.shape[1], mlp.hidden
    n, m = len(data.draw.rows), len(data.draw.dev)
    first = torch.randn(d, width).to(dtype)

    def run() -> None:
        for rows in trained:
            X, back = torch.randn(rows, d).to(dtype), torch.randn(rows, width).to(dtype)
            others = torch.randn(n - rows + m, d).to(dtype)  # held-out and dev rows
            for step in range(mlp.ladder[-1] + 1):
                X @ first
                if step in mlp.ladder:
                    others @ first
                if step < mlp.ladder[-1]:
                    X.T @ back

    return run


def flops(data: Replicate, mlp: MlpOptions, trained: Sequence[int]) -> float:
    """Multiplications and additions of these products."""
    n, m, steps, rungs = len(data.draw.rows), len(data.draw.dev), mlp.ladder[-1], len(mlp.ladder)
    passes = sum((2 * steps + 1) * rows + rungs * (n - rows + m) for rows in trained)
    return 2.0 * passes * data.X.shape[1] * mlp.hidden
