"""One cell on one replicate: pools, what each fold trains on, training, scores."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from . import scores, thresholds
from .classifiers import Classifier
from .classifiers.options import FoldRows, LadderLogits
from .diagnostics import diagnose
from .errors import NotApplicable
from .imbalance import Draw
from .methods.base import POOL_RATIO, Method, Pool, Selection, TrainingPart, requested
from .neighbors import NeighborGraph
from .outcome import Outcome
from .pool_cache import PoolCache
from .randomness import Stream, Streams
from .readings import Fits, Part, read
from .tokens import Tokens

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
        tokens: of the texts (N), where a classifier reads them.
    """

    X: F32
    y: Codes
    classes: tuple[str, ...]
    draw: Draw
    graphs: Mapping[str, NeighborGraph]
    streams: Streams
    tokens: Tokens | None = None

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
        options: Classifier,
        scored: Codes,
        generators: Sequence[np.random.Generator],
    ) -> LadderLogits:
        """Return the logits of the held-out rows and of the rows of X in ``scored``."""


def train_here(
    data: Replicate,
    rows: Sequence[FoldRows],
    options: Classifier,
    scored: Codes,
    generators: Sequence[np.random.Generator],
    device: str = "cpu",
) -> LadderLogits:
    """Train in this process, fold by fold; on its processor, but for a classifier that can use ``device``."""
    return options.train_on(data, rows, scored, generators, device)


def evaluate(
    method: Method,
    data: Replicate,
    options: Classifier,
    steps: int | None = None,
    pools: Sequence[Pool] | None = None,
    test: Codes | None = None,
    cache: PoolCache | None = None,
    train: Train | None = None,
    diagnosed: bool = True,
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
        diagnosed: look at the synthetic rows, too; never beside test rows.

    Returns:
        Scores, or the reason why there are none: the method or the classifier does not apply, or a training
        diverged.
    """
    started = time.perf_counter()
    try:
        options.check(method)
        pools = make_pools(method, data, options.precision, cache=cache) if pools is None else pools
        rows = [fold_rows(method, data, fold, pools) for fold in range(data.n_folds)]
        made = time.perf_counter()
        fits = fit(method, data, rows, options, data.draw.dev if test is None else test, train)
    except NotApplicable as reason:
        return Outcome("not_applicable", str(reason), seconds={"total": time.perf_counter() - started})
    trained = time.perf_counter()
    if not fits.finite:
        return Outcome("failed", "non_finite: the training diverged; use a smaller learning_rate")
    part: Part = "test" if test is not None else "dev" if len(data.draw.dev) else "cv"
    readings = read(fits, steps, part)
    scored = time.perf_counter()
    wanted = diagnosed and part != "test"
    diagnostics = diagnose(method, data, rows[0], options.precision, cache) if wanted else {}
    ended = time.perf_counter()
    seconds = {
        "synthesis": made - started,
        "training": trained - made,
        "diagnostics": ended - scored,
        "total": ended - started,
    }
    counts = count_rows(method, data, rows)
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
    return [data.training_part(fold, precision) for fold in folds], [_random(method, data, f) for f in folds]


def _random(method: Method, data: Replicate, fold: int) -> np.random.RandomState:
    """The arm's random numbers for a fold, at their start."""
    return data.streams.random_state(method.stream, data.draw.replicate, fold)


def _no_rows(part: TrainingPart) -> Pool:
    """The pool of ratio 0, which applies everywhere, whatever a method needs."""
    wanted = requested(part.counts, POOL_RATIO)
    return Pool(part.y[:0], np.empty((0, 2), np.int64), np.empty(0, np.float32), None, wanted)


def count_rows(method: Method, data: Replicate, rows: Sequence[FoldRows]) -> dict[str, dict[str, int]]:
    """Rows of each class in the draw; summed over folds, synthetic rows asked for and trained on.

    Where an arm takes real rows away, also how many: ``removed``.
    """
    y, n_classes = data.y[data.draw.rows], len(data.classes)
    counts = {"real": np.bincount(y, minlength=n_classes)}
    if method.synthesises():
        ratio = float(method.settings()["ratio"])
        asked = [requested(data.training_part(fold).counts, ratio) for fold in range(data.n_folds)]
        made = [np.bincount(fold.labels, minlength=n_classes) for fold in rows]
        counts |= {"requested": np.sum(asked, axis=0), "achieved": np.sum(made, axis=0)}
    away = [y[(fold.weight == 0) & (data.draw.folds != number)] for number, fold in enumerate(rows)]
    removed = np.bincount(np.concatenate(away), minlength=n_classes)
    if removed.any():
        counts["removed"] = removed
    return {key: dict(zip(data.classes, v.tolist(), strict=True)) for key, v in counts.items()}


def selected(method: Method, data: Replicate, fold: int, pool: Pool | None) -> Selection:
    """What the model of a fold trains on at the arm's ratio; ``pool`` is None for arms without one.

    Raises:
        NotApplicable: the rows do not allow it; the message says why.
    """
    return method.select(data.training_part(fold), pool, _random(method, data, fold))


def fold_rows(method: Method, data: Replicate, fold: int, pools: Sequence[Pool]) -> FoldRows:
    """What the model of one fold trains on: real rows, and each class's first rows of the pool.

    Raises:
        NotApplicable: the rows do not allow what the arm does with them; the message says why.
    """
    y, n_classes = data.y[data.draw.rows], len(data.classes)
    pool = pools[fold] if pools else None
    selection = selected(method, data, fold, pool)
    train, taken = np.flatnonzero(data.draw.folds != fold), selection.taken
    real, labels = train[selection.kept], pool.labels[taken] if pool else taken
    by_class = np.ones(n_classes, dtype=np.float32)
    if method.loss_weights == "balanced":
        total = np.bincount(np.concatenate([y[real], labels]), minlength=n_classes)
        by_class = (total.sum() / (n_classes * np.maximum(1, total))).astype(np.float32)
    weight = np.zeros(len(y), dtype=np.float32)
    weight[real] = by_class[y[real]]
    if pool is None or not len(taken):
        none = np.empty((0, 2), np.int64)
        return FoldRows(weight, taken, weight[:0], none, weight[:0], None, method.focus())
    dense = None if pool.rows is None else pool.rows[taken]
    parents = pool.parents[taken] if dense is not None else train[pool.parents[taken]]
    return FoldRows(weight, labels, by_class[labels], parents, pool.weight[taken], dense, method.focus())


def fit(
    method: Method,
    data: Replicate,
    rows: Sequence[FoldRows],
    options: Classifier,
    scored: Codes,
    train: Train | None = None,
) -> Fits:
    """Train the fold models and score held-out rows and ``scored`` rows at every rung."""
    draw, n_classes = data.draw, len(data.classes)
    y = data.y[draw.rows]
    generators = [data.streams.generator(Stream.INIT, draw.replicate, f) for f in range(len(rows))]
    logits = (train or train_here)(data, rows, options, scored, generators)
    mass = np.stack([mass_of(fold, y, n_classes) for fold in rows])  # (F, C)
    held_adjusted = scores.adjust(logits.held, mass[draw.folds])
    scored_adjusted = scores.adjust(logits.scored, mass[:, None, :])
    held: scores.Floats = logits.held
    moved: scores.Floats = logits.scored
    if method.scored == "adjusted":
        held, moved = held_adjusted, scored_adjusted
    elif method.scored == "tuned":
        held, moved = thresholds.tuned(held_adjusted, scored_adjusted, y, draw.folds)
    return Fits(
        y=y,
        folds=draw.folds,
        held=held,
        held_adjusted=held_adjusted,
        y_scored=data.y[scored],
        scored=moved,
        scored_adjusted=scored_adjusted,
        train_recall=logits.train_recall,
        classes=data.classes,
        ladder=options.ladder,
        tuned=method.scored == "tuned",
    )


def mass_of(fold: FoldRows, y: Codes, n_classes: int) -> npt.NDArray[np.float64]:
    """Effective training mass of each class: rows, synthetic ones included, times loss weights."""
    real = np.bincount(y, fold.weight, n_classes).astype(np.float64)
    return real + np.bincount(fold.labels, fold.label_weight, n_classes)
