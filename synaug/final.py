"""The model that goes to work: one arm trained on all training rows, none held out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from . import scores
from .classifiers.options import MlpOptions
from .deploy import Weights
from .errors import Exit, NotApplicable, Problem, SynaugError
from .evaluate import Codes, Replicate, fold_rows, make_pools, mass_of, take_rows
from .imbalance import Draw
from .methods.base import Method
from .neighbors import NeighborGraph
from .randomness import Stream, Streams

NUMBER = 2**32 - 1  # of the draw: no replicate of a sweep has it, so its random streams are its own
NO_FOLD = 0  # all rows are in fold 1, so this one holds none of them out

F32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Final:
    """A model trained on all training rows.

    Attributes:
        weights: its numbers.
        real: real rows of each class that it was trained on, by name; some arms leave rows out.
        synthetic: synthetic rows of each class, by name.
        logits: what the trainer itself gives all real rows (n, C), the offset taken off.
    """

    weights: Weights
    real: Mapping[str, int]
    synthetic: Mapping[str, int]
    logits: npt.NDArray[np.float64]


def whole(
    X: F32,
    y: Codes,
    classes: tuple[str, ...],
    rows: Codes,
    streams: Streams,
    neighbors: int,
) -> Replicate:
    """All training rows as one draw; neighbour graphs are found when an arm asks for one.

    Args:
        X: embeddings (N, d).
        y: class codes (N,).
        classes: class names.
        rows: numbers of the training rows (n,), ascending.
        streams: random streams of the data set.
        neighbors: the largest number of neighbours that the arm may ask for.
    """
    draw = Draw(NUMBER, rows, np.ones(len(rows), np.int64), rows[:0])
    graphs = _Graphs(lambda metric: NeighborGraph.build(X, rows, y[rows], metric, neighbors))
    return Replicate(X, y, classes, draw, graphs, streams)


class _Graphs(dict[str, NeighborGraph]):
    """Neighbour graphs by metric, each found when it is first asked for."""

    def __init__(self, find: Callable[[str], NeighborGraph]):
        super().__init__()
        self._find = find

    def __missing__(self, metric: str) -> NeighborGraph:
        self[metric] = self._find(metric)
        return self[metric]


def train_final(method: Method, data: Replicate, options: MlpOptions, steps: int) -> Final:
    """Train an arm's classifier on all rows of ``whole``.

    Args:
        method: the arm with its knobs set.
        data: from ``whole``.
        options: the classifier.
        steps: optimiser steps.

    Raises:
        SynaugError: the method does not apply to these rows, or the training diverged (exit 4).
    """
    from .classifiers.mlp import train_one

    if method.scored == "tuned":
        text = f"{method.name} does not apply to all training rows: none is held out to tune thresholds on"
        raise SynaugError(Problem(text, fix="export another cell"), Exit.DATA)
    try:
        pools = make_pools(method, data, options.precision, folds=[NO_FOLD])
        rows = fold_rows(method, data, NO_FOLD, pools)
    except NotApplicable as reason:
        text = f"{method.name} does not apply to all training rows: {reason}"
        raise SynaugError(Problem(text, fix="export another cell"), Exit.DATA) from reason
    y, n_classes = data.y[data.draw.rows], len(data.classes)
    generator = data.streams.generator(Stream.INIT, NUMBER)
    real = take_rows(data.X, data.draw.rows)
    trained = train_one(real, y, rows, n_classes, replace(options, ladder=(steps,)), generator)
    if not np.isfinite(trained.logits).all():
        fix = "export another cell, or sweep with a smaller learning_rate"
        raise SynaugError(Problem("the training on all rows diverged", fix=fix), Exit.DATA)
    mass = mass_of(rows, y, n_classes)
    offset = np.log(mass / mass.sum()) if method.scored == "adjusted" else np.zeros(n_classes)
    weights = Weights(trained.head, trained.head_bias, offset.astype(np.float32), trained.first, trained.bias)
    logits = scores.adjust(trained.logits, mass) if method.scored == "adjusted" else trained.logits
    kept, made = _named(data.classes, y[rows.weight > 0]), _named(data.classes, rows.labels)
    return Final(weights, kept, made, np.asarray(logits, np.float64))


def _named(classes: tuple[str, ...], labels: Codes) -> dict[str, int]:
    """Rows of each class, by name."""
    return dict(zip(classes, np.bincount(labels, minlength=len(classes)).tolist(), strict=True))
