"""Which part of a cell's training are matrix products, and how near they come to the machine's speed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch

from benchmarks.blobs import blobs
from benchmarks.measure import Found, Options, alternate, one_thread, ratio
from synaug.classifiers.options import MlpOptions
from synaug.evaluate import Replicate, fit, fold_rows, make_pools
from synaug.methods import METHODS

PROBE = 2048  # rows and columns of the square product that stands for the machine's speed


def measure(options: Options) -> Found:
    """Time the training of all folds, its products alone, and a large square product."""
    sizes = (200, 100, 40, 20) if options.quick else (2864, 1600, 900, 537)  # 5,901 rows
    data = blobs(sizes, dev_per_class=20 if options.quick else 250, folds=3 if options.quick else 10)
    mlp = MlpOptions(ladder=(1, 4)) if options.quick else MlpOptions(ladder=(1, 4, 16, 64))
    method = METHODS["smote"]()
    pools = make_pools(method, data)
    rows = [fold_rows(method, data, fold, pools) for fold in range(data.n_folds)]
    synthetic = sum(len(fold.labels) for fold in rows) // len(rows)
    side = 256 if options.quick else PROBE
    square = torch.randn(side, side)
    works: dict[str, Callable[[], object]] = {
        "training": lambda: fit(method, data, rows, mlp, data.draw.dev),
        "by_fold": products(data, mlp, synthetic, stacked=False),
        "stacked": products(data, mlp, synthetic, stacked=True),
        "probe": lambda: square @ square,
    }
    with one_thread():
        seconds = alternate(works, options.repetitions)
    alone = [min(pair) for pair in zip(seconds["by_fold"], seconds["stacked"], strict=True)]
    speed = [flops(data, mlp, synthetic) / s for s in alone]
    peak = [2 * side**3 / s for s in seconds["probe"]]
    detail = {
        "seconds": seconds,
        "classes": list(sizes),
        "synthetic_rows_a_fold": synthetic,
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


def products(data: Replicate, mlp: MlpOptions, synthetic: int, stacked: bool) -> Callable[[], None]:
    """Return work that does every product of a training, with its shapes and counts, and nothing else.

    Synthetic rows are mixed after the first layer, so that layer's products have real rows only.

    Args:
        data: the replicate.
        mlp: the classifier.
        synthetic: synthetic rows of a fold.
        stacked: one product of the first layer for all folds, instead of one a fold.
    """
    groups, width = (1, data.n_folds * mlp.hidden) if stacked else (data.n_folds, mlp.hidden)
    n, d, classes = len(data.draw.rows), data.X.shape[1], len(data.classes)
    X, extra = torch.randn(n, d), torch.randn(len(data.draw.dev), d)
    first, real = torch.randn(d, width), torch.randn(n, width)
    hidden, second = torch.randn(n + synthetic, mlp.hidden), torch.randn(mlp.hidden, classes)
    slope, scored = torch.randn(n + synthetic, classes), torch.randn(len(extra), mlp.hidden)
    forward = partial(torch.mm, X, first, out=torch.empty(n, width))
    gradient = partial(torch.mm, X.T, real, out=torch.empty(d, width))

    def run() -> None:
        for step in range(mlp.ladder[-1] + 1):
            last, rung = step == mlp.ladder[-1], step in mlp.ladder
            for _ in range(groups):
                forward()
                if rung:
                    torch.mm(extra, first)
                if not last:
                    gradient()
            for _ in range(data.n_folds):
                torch.mm(hidden, second)
                if rung:
                    torch.mm(scored, second)
                if not last:
                    torch.mm(hidden.T, slope)
                    torch.mm(slope, second.T)

    return run


def flops(data: Replicate, mlp: MlpOptions, synthetic: int) -> float:
    """Multiplications and additions of the products of a training."""
    n, d, classes, m = len(data.draw.rows), data.X.shape[1], len(data.classes), len(data.draw.dev)
    steps, rungs = mlp.ladder[-1], len(mlp.ladder)
    layer_one = (2 * steps + 1) * n * d + rungs * m * d
    layer_two = (3 * steps + 1) * (n + synthetic) * classes + rungs * m * classes
    return 2.0 * data.n_folds * mlp.hidden * (layer_one + layer_two)
