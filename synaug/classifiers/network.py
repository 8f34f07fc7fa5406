"""The network that all trainers train: the shapes and first values of its parameters, and its recall."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from .options import F32, MlpOptions

Codes = npt.NDArray[np.int64]

# Bounds of the first values of a layer by its inputs and outputs: those of torch's linear layers, and the
# wider ones of scikit-learn's MLPClassifier (Glorot and Bengio 2010, proceedings.mlr.press/v9/glorot10a).
BOUNDS: Mapping[str, Callable[[int, int], float]] = {
    "torch": lambda fan_in, fan_out: fan_in**-0.5,
    "glorot": lambda fan_in, fan_out: (6 / (fan_in + fan_out)) ** 0.5,
}


def shapes_of(dimensions: int, hidden: int, n_classes: int) -> tuple[tuple[int, ...], ...]:
    """Shapes of the parameters: first layer (d, H), its bias (H,), head (C, H), its bias (C,)."""
    return (dimensions, hidden), (hidden,), (n_classes, hidden), (n_classes,)


def first_values(generator: np.random.Generator, dimensions: int, n_classes: int, options: MlpOptions) -> F32:
    """Initial parameters in one array (p,): uniform within a bound of their layer, biases too."""
    hidden = options.hidden
    shapes = shapes_of(dimensions, hidden, n_classes)
    values = np.empty(sum(map(math.prod, shapes)), np.float32)
    first, bias, head, head_bias = parts(values, shapes)
    bound, head_bound = BOUNDS[options.init](dimensions, hidden), BOUNDS[options.init](hidden, n_classes)
    first[:] = uniform(generator, first.shape, bound)
    bias[:] = uniform(generator, bias.shape, bound)
    head[:] = uniform(generator, (hidden, n_classes), head_bound).T
    head_bias[:] = uniform(generator, head_bias.shape, head_bound)
    return values


def parts(values: F32, shapes: Sequence[tuple[int, ...]]) -> list[F32]:
    """Views of one array, one after the other, in the given shapes."""
    ends = np.cumsum([math.prod(shape) for shape in shapes])
    blocks = np.split(values, ends[:-1])
    return [block.reshape(shape) for block, shape in zip(blocks, shapes, strict=True)]


def uniform(generator: np.random.Generator, shape: tuple[int, ...], bound: float) -> F32:
    """Numbers within a bound of 0."""
    return generator.uniform(-bound, bound, shape).astype(np.float32)


def recall_by_class(predicted: Codes, y: Codes, n_classes: int) -> F32:
    """Share of the rows of each class that are recognised (C,); 0 for a class without rows."""
    hit = np.bincount(y[predicted == y], minlength=n_classes)
    return (hit / np.maximum(1, np.bincount(y, minlength=n_classes))).astype(np.float32)
