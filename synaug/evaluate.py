"""One cell on one replicate: pools, what each fold trains on, training, scores."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from . import scores
from .classifiers.options import FoldRows, LadderLogits, MlpOptions
from .diagnostics import diagnose
from .errors import NotApplicable
from .imbalance import Draw
from .methods.base import POOL_RATIO, Method, Pool, TrainingPart, requested
from .neighbors import NeighborGraph
from .pool_cache import PoolCache
from .randomness import Stream, Streams
from .readings import Fits, Part, read

Codes = npt.NDArray[np.int64]
F32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Replicate:
    """What every cell of one replicate shares; arrays are read only.

    Attributes:
        X: embeddings (N, d), float32.
        y: class codes of its rows (N,).
        classes: class names.
        draw: training rows, folds and dev rows.
        graphs: neighbour graphs of the training rows by metric.
        streams: random streams of the data set.
    """

    X: F32
    y: Codes
    classes: tuple[str, ...]
    draw: Draw
    graphs: Mapping[str, NeighborGraph]
    streams: Streams

    @property
    def n_folds(self) -> int:
        """Number of folds."""
        return int(self.draw.folds.max()) + 1

    def training_part(self, fold: int, precision: str = "float32") -> TrainingPart:
        """The rows that the model of a fold may see, and the precision of a method's large products."""
        rows = self.draw.rows[self.draw.folds != fold]
        graph = self.graphs.__getitem__
        names = self.classes
        return TrainingPart(self.X, rows, self.y[rows], len(names), graph, names, precision=precision)


class Train(Protocol):
    """Trains the models of a cell's folds and scores them along the ladder."""

    def __call__(
        self,
        data: Replicate,
        rows: Sequence[FoldRows],
        options: MlpOptions,
        scored: Codes,
        generators: Sequence[np.random.Generator],
    ) -> LadderLogits:
        """Return the logits of the held-out rows and of the rows of X in ``scored``."""


def train_here(
    data: Replicate,
    rows: Sequence[FoldRows],
    options: MlpOptions,
    scored: Codes,
    generators: Sequence[np.random.Generator],
) -> LadderLogits:
    """Train on this process's processor, fold by fold."""
    from .classifiers.mlp import train_ladder

    draw, y = data.draw, data.y[data.draw.rows]
    real, extra = take_rows(data.X, draw.rows), take_rows(data.X, scored)
    return train_ladder(real, y, draw.folds, rows, extra, len(data.classes), options, generators)


@dataclass(frozen=True)
class Outcome:
    """What one cell gave on one replicate, in the words of a ledger line."""

    status: Literal["ok", "not_applicable", "failed"]
    reason: str | None = None
    scored_on: Part | None = None
    chosen_steps: int | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    curve: tuple[Mapping[str, Any], ...] = ()
    folds: tuple[Mapping[str, float], ...] = ()
    per_class: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    confusion: tuple[tuple[int, ...], ...] = ()
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    diagnostics: Mapping[str, float] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)


def evaluate(
    method: Method,
    data: Replicate,
    options: MlpOptions,
    steps: int | None = None,
    pools: Sequence[Pool] | None = None,
    test: Codes | None = None,
    cache: PoolCache | None = None,
    train: Train | None = None,
) -> Outcome:
    """Train one arm on one replicate by cross-validation and score it.

    Args:
        method: the arm with its knobs set.
        data: the replicate.
        options: the classifier.
        steps: a rung of the ladder, or None to let the folds choose.
        pools: the arm's synthetic rows, one pool a fold, where they are already made.
        test: rows behind the gate to score instead of dev rows, ascending.
        cache: keeps the pools of costly arms; changes no number.
        train: trains the models; None: ``train_here``.

    Returns:
        Scores, or the reason why there are none: the method does not apply, or a training diverged.
    """
    started = time.perf_counter()
    try:
        pools = make_pools(method, data, options.precision, cache=cache) if pools is None else pools
    except NotApplicable as reason:
        return Outcome("not_applicable", str(reason), seconds={"total": time.perf_counter() - started})
    made = time.perf_counter()
    rows = [fold_rows(method, data, fold, pools) for fold in range(data.n_folds)]
    fits = fit(method, data, rows, options, data.draw.dev if test is None else test, train)
    trained = time.perf_counter()
    if not fits.finite:
        return Outcome("failed", "non_finite: the training diverged; use a smaller learning_rate")
    part: Part = "test" if test is not None else "dev" if len(data.draw.dev) else "cv"
    readings = read(fits, steps, part)
    scored = time.perf_counter()
    diagnostics = {} if part == "test" else diagnose(method, data, rows[0], options.precision, cache)
    ended = time.perf_counter()
    seconds = {
        "synthesis": made - started,
        "training": trained - made,
        "diagnostics": ended - scored,
        "total": ended - started,
    }
    counts = count_rows(method, data, pools)
    return Outcome("ok", None, **readings, counts=counts, diagnostics=diagnostics, seconds=seconds)


def make_pools(
    method: Method,
    data: Replicate,
    precision: str = "float32",
    folds: Sequence[int] | None = None,
    cache: PoolCache | None = None,
) -> list[Pool]:
    """Make the arm's 200 % pool of the folds (all by default); none for arms without synthetic rows.

    At ratio 0 the pools are empty. A costly arm's pools are taken from the cache, if there is one, and
    kept there, always those of all folds. ``precision`` is that of the products where a method trains.
    """
    if not method.synthesises():
        return []
    folds = range(data.n_folds) if folds is None else folds
    if not method.settings()["ratio"]:
        return [_no_rows(data.training_part(fold)) for fold in folds]
    if method.costly and cache is not None and cache.usable:
        pools = cache.pools(method, *_parts(method, data, precision, range(data.n_folds)))
        return [pools[fold] for fold in folds]
    return [method.pool(*given) for given in zip(*_parts(method, data, precision, folds), strict=True)]


def _parts(
    method: Method, data: Replicate, precision: str, folds: Sequence[int]
) -> tuple[list[TrainingPart], list[np.random.RandomState]]:
    """What the pools of the folds are made from: training rows and random numbers."""
    states = [data.streams.random_state(method.stream, data.draw.replicate, fold) for fold in folds]
    return [data.training_part(fold, precision) for fold in folds], states


def _no_rows(part: TrainingPart) -> Pool:
    """The pool of ratio 0, which applies everywhere, whatever a method needs."""
    wanted = requested(part.counts, POOL_RATIO)
    return Pool(part.y[:0], np.empty((0, 2), np.int64), np.empty(0, np.float32), None, wanted)


def count_rows(method: Method, data: Replicate, pools: Sequence[Pool]) -> dict[str, dict[str, int]]:
    """Rows of each class in the draw, and synthetic rows asked for and made, summed over folds."""
    y = data.y[data.draw.rows]
    counts = {"real": np.bincount(y, minlength=len(data.classes))}
    if pools:
        asked = [_wanted(method, data, fold) for fold in range(data.n_folds)]
        made = [
            np.bincount(pool.labels[pool.prefix(wanted)], minlength=len(data.classes))
            for pool, wanted in zip(pools, asked, strict=True)
        ]
        counts |= {"requested": np.sum(asked, axis=0), "achieved": np.sum(made, axis=0)}
    return {key: dict(zip(data.classes, v.tolist(), strict=True)) for key, v in counts.items()}


def _wanted(method: Method, data: Replicate, fold: int) -> Codes:
    train = data.draw.rows[data.draw.folds != fold]
    counts = np.bincount(data.y[train], minlength=len(data.classes))
    return requested(counts, float(method.settings()["ratio"]))


def fold_rows(method: Method, data: Replicate, fold: int, pools: Sequence[Pool]) -> FoldRows:
    """What the model of one fold trains on: real rows, and each class's first rows of the pool."""
    y, n_classes = data.y[data.draw.rows], len(data.classes)
    train = np.flatnonzero(data.draw.folds != fold)
    pool = pools[fold] if pools else None
    taken = pool.prefix(_wanted(method, data, fold)) if pool else train[:0]
    labels = pool.labels[taken] if pool else taken
    by_class = np.ones(n_classes, dtype=np.float32)
    if method.loss_weights == "balanced":
        total = np.bincount(np.concatenate([y[train], labels]), minlength=n_classes)
        by_class = (total.sum() / (n_classes * np.maximum(1, total))).astype(np.float32)
    weight = np.zeros(len(y), dtype=np.float32)
    weight[train] = by_class[y[train]]
    if pool is None or not len(taken):
        return FoldRows(weight, taken, weight[:0], np.empty((0, 2), np.int64), weight[:0], None)
    dense = None if pool.rows is None else pool.rows[taken]
    parents = pool.parents[taken] if dense is not None else train[pool.parents[taken]]
    return FoldRows(weight, labels, by_class[labels], parents, pool.weight[taken], dense)


def fit(
    method: Method,
    data: Replicate,
    rows: Sequence[FoldRows],
    options: MlpOptions,
    scored: Codes,
    train: Train | None = None,
) -> Fits:
    """Train the fold models and score held-out rows and ``scored`` rows at every rung."""
    draw, n_classes = data.draw, len(data.classes)
    y = data.y[draw.rows]
    generators = [data.streams.generator(Stream.INIT, draw.replicate, f) for f in range(len(rows))]
    logits = (train or train_here)(data, rows, options, scored, generators)
    mass = np.stack([_mass(fold, y, n_classes) for fold in rows])  # (F, C)
    held_adjusted = scores.adjust(logits.held, mass[draw.folds])
    scored_adjusted = scores.adjust(logits.scored, mass[:, None, :])
    moved = method.scored == "adjusted"
    return Fits(
        y=y,
        folds=draw.folds,
        held=held_adjusted if moved else logits.held,
        held_adjusted=held_adjusted,
        y_scored=data.y[scored],
        scored=scored_adjusted if moved else logits.scored,
        scored_adjusted=scored_adjusted,
        train_recall=logits.train_recall,
        classes=data.classes,
        ladder=options.ladder,
    )


def _mass(fold: FoldRows, y: Codes, n_classes: int) -> npt.NDArray[np.float64]:
    """Effective training mass of each class: rows, synthetic ones included, times loss weights."""
    real = np.bincount(y, fold.weight, n_classes).astype(np.float64)
    return real + np.bincount(fold.labels, fold.label_weight, n_classes)


def take_rows(X: F32, rows: Codes) -> F32:
    """Rows of a shared array; a view, not a copy, where they are consecutive."""
    if len(rows) and rows[-1] - rows[0] + 1 == len(rows):
        return X[rows[0] : rows[-1] + 1]
    return X[rows]
