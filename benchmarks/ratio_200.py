"""Time of a cell at ratio 200 against ratio 0: four classes, one of them twenty times the others."""

from __future__ import annotations

from functools import partial

from benchmarks.blobs import blobs
from benchmarks.measure import Found, Options, alternate, one_thread, ratio
from synaug.classifiers.options import DEFAULT_LADDER, MlpOptions
from synaug.classifiers.precision import fastest_precision
from synaug.evaluate import evaluate
from synaug.methods import METHODS


def measure(options: Options) -> Found:
    """Time SMOTE with 0 and with 200 % synthetic rows on one replicate of 10 folds."""
    large, folds = (200, 3) if options.quick else (2000, 10)
    sizes = (large, large // 20, large // 20, large // 20)
    data = blobs(sizes, dev_per_class=large // 4, folds=folds)
    ladder = (1, 4, 16) if options.quick else DEFAULT_LADDER
    mlp = MlpOptions(ladder, precision=fastest_precision())
    smote = METHODS["smote"]
    works = {f"{r:g}": partial(evaluate, smote(ratio=r), data, mlp) for r in (0.0, 200.0)}
    with one_thread():
        seconds = alternate(works, options.repetitions)
    detail = {
        "seconds": seconds,
        "classes": list(sizes),
        "folds": folds,
        "synthetic_rows": sum(works["200"]().counts["achieved"].values()),
        "steps": mlp.ladder[-1],
        "precision": mlp.precision,
    }
    figure = ratio("ratio", "seconds of a cell: ratio 200 / ratio 0", seconds["200"], seconds["0"])
    return Found((figure,), detail)
