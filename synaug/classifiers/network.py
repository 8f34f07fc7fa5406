"""The network that all trainers train: the shapes and first values of its parameters, and its recall."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .options import F32

Codes = npt.NDArray[np.int64]


def shapes_of(dimensions: int, hidden: int, n_classes: int) -> tuple[tuple[int, ...], ...]:
    """Shapes of the parameters: first layer (d, H), its bias (H,), head (C, H), its bias (C,)."""
    return (dimensions, hidden), (hidden,), (n_classes, hidden), (n_classes,)


def first_values(generator: np.random.Generator, dimensions: int, hidden: int, n_classes: int) -> F32:
    """Initial parameters in one array (p,), as torch's linear layers start: uniform by their fan in."""
    shapes = shapes_of(dimensions, hidden, n_classes)
    values = np.empty(sum(map(math.prod, shapes)), np.float32)
    first, bias, head, head_bias = parts(values, shapes)
    first[:] = _uniform(generator, first.shape, dimensions)
    bias[:] = _uniform(generator, bias.shape, dimensions)
    head[:] = _uniform(generator, (hidden, n_classes), hidden).T
    head_bias[:] = _uniform(generator, head_bias.shape, hidden)
    return values


def parts(values: F32, shapes: Sequence[tuple[int, ...]]) -> list[F32]:
    """Views of one array, one after the other, in the given shapes."""
    ends = np.cumsum([math.prod(shape) for shape in shapes])
    blocks = np.split(values, ends[:-1])
    return [block.reshape(shape) for block, shape in zip(blocks, shapes, strict=True)]


def _uniform(generator: np.random.Generator, shape: tuple[int, ...], fan_in: int) -> F32:
    bound = fan_in**-0.5
    return generator.uniform(-bound, bound, shape).astype(np.float32)


def recall_by_class(predicted: Codes, y: Codes, n_classes: int) -> F32:
    """Share of the rows of each class that are recognised (C,); 0 for a class without rows."""
    hit = np.bincount(y[predicted == y], minlength=n_classes)
    return (hit / np.maximum(1, np.bincount(y, minlength=n_classes))).astype(np.float32)
