"""What a sweep will cost and can show: a probe of its training, and the power of its design."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from synaug.classifiers import Classifier
from synaug.classifiers.options import MlpOptions
from synaug.errors import NotApplicable
from synaug.evaluate import Replicate, evaluate, make_pools
from synaug.methods import METHODS, Method
from synaug.methods.base import Pool
from synaug.neighbors import NeighborGraph, depth_for

from .job import neighborhoods
from .plan import Cell
from .prepare import AnyEncoder, Prepared
from .resume import replicates_of, with_precision
from .spec import Spec
from .text_readers import read_tokens, readers

PROBE_STEPS = 8  # of training, and epochs of a VAE, that are timed; the rest is extrapolated
SEED = 1  # of the random rows that stand for embeddings


@dataclass(frozen=True)
class Cost:
    """Seconds of one core for one cell and replicate.

    Attributes:
        synthesis: making the synthetic rows of all folds; a costly arm's ratios share them.
        training: training and scoring all folds.
    """

    synthesis: float
    training: float


Costs = Mapping[tuple[str, str, str], Cost]  # by encoder as cells name it, classifier and arm


def probe(prepared: Prepared) -> Costs:
    """Time every arm's default with every classifier on random rows of the shape of the first draw.

    Encoders whose embeddings are of one length are timed once.

    Of the network the first few steps are timed, and of an arm that trains a model the first epochs, on
    one thread; longer trainings are taken to go on at that pace. What does not apply costs nothing.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        spec = with_precision(prepared.spec)
        shapes = [_shape(encoder, spec) for encoder in prepared.encoders.values()]
        timed: dict[tuple[int, str], dict[tuple[str, str], Cost]] = {}
        for shape, encoder in zip(shapes, prepared.encoders.values(), strict=True):
            if shape not in timed:
                timed[shape] = _timed(spec, _random_rows(prepared, encoder))
        names = ("", *spec.other_encoders)
        return {
            (name, *pair): cost
            for name, shape in zip(names, shapes, strict=True)
            for pair, cost in timed[shape].items()
        }
    finally:
        torch.set_num_threads(threads)


def _timed(spec: Spec, data: Replicate) -> dict[tuple[str, str], Cost]:
    """Costs by classifier and arm."""
    found, tuned = {}, _tuned(data, spec)
    for arm in spec.arms:
        synthesis, pools = _synthesis(METHODS[arm](), data, spec.precision)
        for classifier in spec.every_classifier:
            seconds = tuned.get(classifier.name)
            if seconds is None:
                options = classifier.options(spec.precision)
                seconds = _training(METHODS[arm](), data, options, pools)
            found[classifier.name, arm] = Cost(synthesis, seconds)
    return found


def _shape(encoder: AnyEncoder, spec: Spec) -> tuple[int, str]:
    """What the costs depend on: an encoder's numbers a row and, where it is trained itself, which it is."""
    return encoder.dimensions, encoder.digest if readers(spec) else ""


def _random_rows(prepared: Prepared, encoder: AnyEncoder) -> Replicate:
    spec, draw, corpus = prepared.spec, prepared.draws[0], prepared.corpus
    used = np.concatenate([draw.rows, draw.dev])
    random = np.random.default_rng(SEED)
    X = random.standard_normal((len(used), encoder.dimensions), dtype=np.float32)
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    n, y = len(draw.rows), corpus.labels[used]
    small = dataclasses.replace(draw, rows=np.arange(n), dev=np.arange(n, len(used)))
    cells = [Cell(arm, (), "design", 0) for arm in spec.arms]
    metrics, most = neighborhoods(cells, spec)
    depth = depth_for(most, spec.folds)
    graphs = {m: NeighborGraph.build(X, small.rows, y[:n], m, depth) for m in metrics}
    tokens = read_tokens(prepared, encoder, used)
    return Replicate(X, y, corpus.classes, small, graphs, prepared.streams, tokens)


def _synthesis(method: Method, data: Replicate, precision: str) -> tuple[float, list[Pool]]:
    """Seconds that the pools of all folds take, and pools of the same size."""
    epochs = method.settings().get("epochs")
    few: dict[str, Any] = {} if epochs is None else {"epochs": min(PROBE_STEPS, int(epochs))}
    short, seconds = dataclasses.replace(method, **few), 0.0
    pools: list[Pool] = []
    for _ in range(2):  # the first compiles
        started = time.perf_counter()
        try:
            pools = make_pools(short, data, precision)
        except NotApplicable:
            return 0.0, []
        seconds = time.perf_counter() - started
    return seconds if epochs is None else seconds * int(epochs) / few["epochs"], pools


def _training(method: Method, data: Replicate, options: Classifier, pools: Sequence[Pool]) -> float:
    if method.synthesises() and not pools:
        return 0.0
    last, steps = options.ladder[-1], options.ladder[-1]
    if isinstance(options, MlpOptions):
        steps = min(PROBE_STEPS, last)
        options = dataclasses.replace(options, ladder=(steps,))
        evaluate(method, data, options, None, pools=pools)  # compiles
    started = time.perf_counter()
    evaluate(method, data, options, None, pools=pools)
    return (time.perf_counter() - started) * last / steps


def _tuned(data: Replicate, spec: Spec) -> dict[str, float]:
    """Seconds that each classifier that reads texts takes, whatever the arm."""
    every = [classifier.options(spec.precision) for classifier in spec.every_classifier]
    return {options.name: _fine_tuning(data, options) for options in every if options.reads_texts}


def _fine_tuning(data: Replicate, options: Classifier) -> float:
    """Seconds that an encoder takes, from two folds with one step and with two.

    A text of a step passes the layers forth and back, which counts as three of those that are scored.
    """
    folds, n_scored = data.n_folds, len(data.draw.rows) + len(data.draw.dev)
    few = dataclasses.replace(data, draw=dataclasses.replace(data.draw, folds=data.draw.folds % 2))
    seconds = []
    for ladder in ((1,), (1,), (1, 2)):  # the first loads what the others find loaded
        started = time.perf_counter()
        evaluate(METHODS["none"](), few, dataclasses.replace(options, ladder=ladder), diagnosed=False)
        seconds.append(time.perf_counter() - started)
    both = max(0.0, seconds[2] - seconds[1]) / 2  # a step and a scoring
    once = max(0.0, seconds[1] - 2 * both)  # the frozen layers
    stepped = 3 * int(getattr(options, "batch_size", 1))
    step = both * stepped / (stepped + n_scored)
    return once + folds * (options.ladder[-1] * step + len(options.ladder) * (both - step))


def core_seconds(spec: Spec, cells: Iterable[Cell], costs: Costs) -> float:
    """Seconds of one core for all cells and replicates, by the costs of their arms' defaults."""
    total, pools = 0.0, Counter[tuple[object, ...]]()
    for cell in cells:
        cost, replicates = costs[cell.encoder, cell.classifier, cell.arm], replicates_of(spec, cell)
        total += replicates * cost.training
        settings = tuple(pair for pair in cell.settings if pair[0] != "ratio")
        pool = (cell.encoder, cell.arm, settings, cell.extras)
        if not METHODS[cell.arm].costly or not pools[pool]:
            total += replicates * cost.synthesis
        pools[pool] += 1
    return total


def detectable_in_sd(spec: Spec) -> float | None:
    """The paired difference that the design sees with 80 % power at 5 %, in standard deviations.

    Of the differences between replicates; with natural imbalance of those between folds, by the variance
    of Nadeau and Bengio. None for a single replicate, which has no interval.
    """
    from .analysis.power import detectable_effect

    r = spec.replicates
    if spec.imbalance.kind == "natural":
        values = r * spec.folds
        return detectable_effect((1 / values + 1 / (spec.folds - 1)) ** 0.5, values - 1)
    return detectable_effect(r**-0.5, r - 1) if r > 1 else None
