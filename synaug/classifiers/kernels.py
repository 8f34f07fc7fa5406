"""The part of a training step between the two large products, compiled: rows stay in the first cache.

For every row: mix the two parents' first layer, ReLU, head, softmax, and the gradient back to the
parents' first layer. Numba compiles it once for a machine and keeps the result on disk.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from numba import njit

F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]
Function = TypeVar("Function", bound=Callable[..., Any])

# Sums may be taken in another order; NaN and infinity keep their meaning, a diverged training shows them.
_FAST = {"contract", "reassoc", "nsz", "arcp"}
_ZERO, _ONE = np.float32(0), np.float32(1)


def _compiled(function: Function) -> Function:
    """Compile at the first call; keep the code on disk where a folder for it can be written."""
    settings: dict[str, Any] = {"fastmath": _FAST, "error_model": "numpy"}
    try:
        return njit(cache=True, **settings)(function)  # type: ignore[no-any-return]
    except RuntimeError:  # numba has no folder to write to
        return njit(**settings)(function)  # type: ignore[no-any-return]


@_compiled
def _row(
    hidden: F32, label: int, weight: float, head: F32, head_bias: F32, gradients: tuple[F32, F32],
    slope: F32, back: F32,
) -> None:  # fmt: skip
    """Add one row's gradient of the head; leave the gradient of its first layer in ``back`` (H,)."""
    n_classes, width = head.shape
    head_gradient, head_bias_gradient = gradients
    top = np.float32(-np.inf)
    for c in range(n_classes):
        logit = head_bias[c]
        for j in range(width):
            logit += hidden[j] * head[c, j]
        slope[c] = logit
        top = max(top, logit)
    total = _ZERO
    for c in range(n_classes):
        slope[c] = np.exp(slope[c] - top)
        total += slope[c]
    back[:] = _ZERO
    for c in range(n_classes):
        pull = weight * slope[c] / total
        if c == label:
            pull -= weight
        head_bias_gradient[c] += pull
        for j in range(width):
            back[j] += pull * head[c, j]
            head_gradient[c, j] += pull * hidden[j]
    for j in range(width):
        back[j] = back[j] if hidden[j] > _ZERO else _ZERO


@_compiled
def gradients(
    first: F32, bias: F32, head: F32, head_bias: F32,
    labels: I64, weights: F32,
    parents: I64, share: F32, new_labels: I64, new_weights: F32,
    first_gradient: F32, bias_gradient: F32, head_gradient: F32, head_bias_gradient: F32,
) -> None:  # fmt: skip
    """Gradients of the weighted cross-entropy of r rows and s mixtures of two of them.

    The arrays of the last line are overwritten. H hidden units, C classes.

    Args:
        first: the rows times the first layer's weights, without its bias (r, H).
        bias: of the first layer (H,).
        head: weights of the second layer (C, H).
        head_bias: of the second layer (C,).
        labels: classes of the rows (r,).
        weights: of their losses (r,); all weights together sum to 1.
        parents: rows between which a mixture lies (s, 2).
        share: of the second parent (s,).
        new_labels: classes of the mixtures (s,).
        new_weights: of their losses (s,).
        first_gradient: of ``first`` (r, H).
        bias_gradient: of ``bias`` (H,).
        head_gradient: of ``head`` (C, H).
        head_bias_gradient: of ``head_bias`` (C,).
    """
    rows, width = first.shape
    hidden, back, slope = np.empty(width, np.float32), np.empty(width, np.float32), np.empty_like(head_bias)
    bias_gradient[:] = _ZERO
    head_gradient[:] = _ZERO
    head_bias_gradient[:] = _ZERO
    of_head = (head_gradient, head_bias_gradient)
    for i in range(rows):
        for j in range(width):
            hidden[j] = max(first[i, j] + bias[j], _ZERO)
        _row(hidden, labels[i], weights[i], head, head_bias, of_head, slope, back)
        for j in range(width):
            first_gradient[i, j] = back[j]
            bias_gradient[j] += back[j]
    for i in range(len(new_labels)):
        one, two, second = parents[i, 0], parents[i, 1], share[i]
        rest = _ONE - second
        for j in range(width):
            hidden[j] = max(rest * first[one, j] + second * first[two, j] + bias[j], _ZERO)
        _row(hidden, new_labels[i], new_weights[i], head, head_bias, of_head, slope, back)
        for j in range(width):
            bias_gradient[j] += back[j]
        for j in range(width):
            first_gradient[one, j] += rest * back[j]
        for j in range(width):
            first_gradient[two, j] += second * back[j]


@_compiled
def logits(first: F32, bias: F32, head: F32, head_bias: F32, out: F32) -> None:
    """Write the logits (r, C) of rows whose product with the first layer's weights is ``first`` (r, H)."""
    rows, width = first.shape
    hidden = np.empty(width, np.float32)
    for i in range(rows):
        for j in range(width):
            hidden[j] = max(first[i, j] + bias[j], _ZERO)
        for c in range(len(head_bias)):
            logit = head_bias[c]
            for j in range(width):
                logit += hidden[j] * head[c, j]
            out[i, c] = logit


@_compiled
def adam(values: F32, gradient: F32, mean: F32, square: F32, step: int, rate: float, decay: float) -> None:
    """One step of Adam (Kingma and Ba 2015, arXiv:1412.6980) as in ``torch.optim.Adam``, in place.

    Args:
        values: parameters (p,).
        gradient: of the loss (p,).
        mean: running mean of the gradient (p,), zeros at first.
        square: running mean of its square (p,), zeros at first.
        step: number of this step, from 1.
        rate: learning rate.
        decay: L2 penalty, added to the gradient as ``decay * values``.
    """
    scale = np.float32(rate / (1 - 0.9**step))
    root = np.float32(1 / np.sqrt(1 - 0.999**step))
    penalty = np.float32(decay)
    for i in range(len(values)):
        slope = gradient[i] + penalty * values[i]
        mean[i] = np.float32(0.9) * mean[i] + np.float32(0.1) * slope
        square[i] = np.float32(0.999) * square[i] + np.float32(0.001) * slope * slope
        values[i] -= scale * mean[i] / (np.sqrt(square[i]) * root + np.float32(1e-8))
