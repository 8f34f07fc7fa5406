"""The model that goes to work: one arm trained on all training rows, none held out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from . import scores
from .classifiers import Classifier
from .errors import Exit, NotApplicable, Problem, SynaugError
from .evaluate import Codes, Replicate, fold_rows, make_pools, mass_of
from .imbalance import Draw
from .methods.base import Method
from .neighbors import NeighborGraph
from .randomness import Stream, Streams
from .scorers import Scorer
from .tokens import Tokens

NUMBER = 2**32 - 1  # of the draw: no replicate of a sweep has it, so its random streams are its own
NO_FOLD = 0  # all rows are in fold 1, so this one holds none of them out

F32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Final:
    """A model trained on all training rows.

    Attributes:
        scorer: from embeddings to scores.
        real: real rows of each class that it was trained on, by name; some arms leave rows out.
        synthetic: synthetic rows of each class, by name.
        logits: what the trainer itself gives all real rows (n, C), the offset taken off.
        embeddings: of all real rows (n, d), by the encoder that the scorer stands on.
        encoder: the encoder where it was trained too, a model of transformers; else None.
    """

    scorer: Scorer
    real: Mapping[str, int]
    synthetic: Mapping[str, int]
    logits: npt.NDArray[np.float64]
    embeddings: F32
    encoder: Any = None


def whole(
    X: F32,
    y: Codes,
    classes: tuple[str, ...],
    rows: Codes,
    streams: Streams,
    neighbors: int,
    tokens: Tokens | None = None,
) -> Replicate:
    """All training rows as one draw; neighbour graphs are found when an arm asks for one.

    Args:
        X: embeddings (N, d).
        y: class codes (N,).
        classes: class names.
        rows: numbers of the training rows (n,), ascending.
        streams: random streams of the data set.
        neighbors: the largest number of neighbours that the arm may ask for.
        tokens: of the texts (N), for a classifier that reads them.
    """
    draw = Draw(NUMBER, rows, np.ones(len(rows), np.int64), rows[:0])
    graphs = _Graphs(lambda metric: NeighborGraph.build(X, rows, y[rows], metric, neighbors))
    return Replicate(X, y, classes, draw, graphs, streams, tokens)


class _Graphs(dict[str, NeighborGraph]):
    """Neighbour graphs by metric, each found when it is first asked for."""

    def __init__(self, find: Callable[[str], NeighborGraph]):
        super().__init__()
        self._find = find

    def __missing__(self, metric: str) -> NeighborGraph:
        self[metric] = self._find(metric)
        return self[metric]


def train_final(method: Method, data: Replicate, options: Classifier, steps: int) -> Final:
    """Train an arm's classifier on all rows of ``whole``.

    Args:
        method: the arm with its knobs set.
        data: from ``whole``.
        options: the classifier.
        steps: the rung to train to.

    Raises:
        SynaugError: the method or the classifier does not apply to these rows, or the training diverged
            (exit 4).
    """
    if method.scored == "tuned":
        text = f"{method.name} does not apply to all training rows: none is held out to tune thresholds on"
        raise SynaugError(Problem(text, fix="export another cell"), Exit.DATA)
    generator = data.streams.generator(Stream.INIT, NUMBER)
    try:
        options.check(method)
        pools = make_pools(method, data, options.precision, folds=[NO_FOLD])
        rows = fold_rows(method, data, NO_FOLD, pools)
        trained = replace(options, ladder=(steps,)).finish(data, rows, generator)
    except NotApplicable as reason:
        text = f"{method.name} does not apply to all training rows: {reason}"
        raise SynaugError(Problem(text, fix="export another cell"), Exit.DATA) from reason
    if not np.isfinite(trained.logits).all():
        fix = "export another cell, or sweep with a smaller learning_rate"
        raise SynaugError(Problem("the training on all rows diverged", fix=fix), Exit.DATA)
    y, n_classes = data.y[data.draw.rows], len(data.classes)
    mass, scorer, logits = mass_of(rows, y, n_classes), trained.scorer, trained.logits
    if method.scored == "adjusted":
        scorer = replace(scorer, offset=np.log(mass / mass.sum()).astype(np.float32))
        logits = np.asarray(scores.adjust(logits, mass), np.float64)
    kept, made = _named(data.classes, y[rows.weight > 0]), _named(data.classes, rows.labels)
    return Final(scorer, kept, made, logits, trained.embeddings, trained.encoder)


def _named(classes: tuple[str, ...], labels: Codes) -> dict[str, int]:
    """Rows of each class, by name."""
    return dict(zip(classes, np.bincount(labels, minlength=len(classes)).tolist(), strict=True))
