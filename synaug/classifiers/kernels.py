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
BLOCK = 8  # rows that go through the head together


def _compiled(function: Function) -> Function:
    """Compile at the first call; keep the code on disk where a folder for it can be written."""
    settings: dict[str, Any] = {"fastmath": _FAST, "error_model": "numpy"}
    try:
        return njit(cache=True, **settings)(function)  # type: ignore[no-any-return]
    except RuntimeError:  # numba has no folder to write to
        return njit(**settings)(function)  # type: ignore[no-any-return]


@_compiled
def _block(
    n: int, hidden: F32, labels: I64, weights: F32, head: F32, head_bias: F32,
    gradients: tuple[F32, F32, F32], slope: F32, back: F32,
) -> None:  # fmt: skip
    """Add the gradients of the first n rows of a block but the first layer's, which are left in ``back``.

    Rows go through in fours, so that a weight is loaded once for four rows.

    Args:
        n: rows that count, at most BLOCK.
        hidden: their hidden layer (BLOCK, H); what is in the other rows is finite unless training diverged.
        labels: classes of the rows (n,).
        weights: of their losses (n,).
        head: weights of the second layer (C, H).
        head_bias: of the second layer (C,).
        gradients: of the first layer's bias, ``head`` and ``head_bias``, added to.
        slope: of the logits (BLOCK, C), overwritten.
        back: gradient of the first layer (BLOCK, H), overwritten.
    """
    n_classes, width = head.shape
    bias_gradient, head_gradient, head_bias_gradient = gradients
    for r in range(0, BLOCK, 4):
        for c in range(n_classes):
            one, two, three, four = _ZERO, _ZERO, _ZERO, _ZERO
            for j in range(width):
                weight = head[c, j]
                one += hidden[r, j] * weight
                two += hidden[r + 1, j] * weight
                three += hidden[r + 2, j] * weight
                four += hidden[r + 3, j] * weight
            slope[r, c], slope[r + 1, c] = one + head_bias[c], two + head_bias[c]
            slope[r + 2, c], slope[r + 3, c] = three + head_bias[c], four + head_bias[c]
    for r in range(n):
        top, total = np.float32(-np.inf), _ZERO
        for c in range(n_classes):
            top = max(top, slope[r, c])
        for c in range(n_classes):
            slope[r, c] = np.exp(slope[r, c] - top)
            total += slope[r, c]
        for c in range(n_classes):
            slope[r, c] *= weights[r] / total
        slope[r, labels[r]] -= weights[r]
    slope[n:] = _ZERO
    for c in range(n_classes):
        for r in range(0, BLOCK, 4):
            one, two, three, four = slope[r, c], slope[r + 1, c], slope[r + 2, c], slope[r + 3, c]
            head_bias_gradient[c] += (one + two) + (three + four)
            for j in range(width):
                head_gradient[c, j] += (one * hidden[r, j] + two * hidden[r + 1, j]) + (
                    three * hidden[r + 2, j] + four * hidden[r + 3, j]
                )
    for r in range(n):
        one, two = slope[r, 0], slope[r, 1]
        for j in range(width):
            back[r, j] = one * head[0, j] + two * head[1, j]
        for c in range(2, n_classes - 1, 2):
            one, two = slope[r, c], slope[r, c + 1]
            for j in range(width):
                back[r, j] += one * head[c, j] + two * head[c + 1, j]
        one = slope[r, n_classes - 1] if n_classes % 2 else _ZERO
        for j in range(width):
            pull = back[r, j] + one * head[n_classes - 1, j]
            back[r, j] = pull if hidden[r, j] > _ZERO else _ZERO
    back[n:] = _ZERO
    for r in range(0, BLOCK, 4):
        for j in range(width):
            bias_gradient[j] += (back[r, j] + back[r + 1, j]) + (back[r + 2, j] + back[r + 3, j])


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
        parents: rows between which a mixture lies (s, 2), two different ones.
        share: of the second parent (s,).
        new_labels: classes of the mixtures (s,).
        new_weights: of their losses (s,).
        first_gradient: of ``first`` (r, H).
        bias_gradient: of ``bias`` (H,).
        head_gradient: of ``head`` (C, H).
        head_bias_gradient: of ``head_bias`` (C,).
    """
    (rows, width), n_classes = first.shape, len(head_bias)
    hidden, back = np.zeros((BLOCK, width), np.float32), np.zeros((BLOCK, width), np.float32)
    slope = np.zeros((BLOCK, n_classes), np.float32)
    bias_gradient[:] = _ZERO
    head_gradient[:] = _ZERO
    head_bias_gradient[:] = _ZERO
    sums = (bias_gradient, head_gradient, head_bias_gradient)
    for i in range(0, rows, BLOCK):
        n = min(BLOCK, rows - i)
        for r in range(n):
            for j in range(width):
                hidden[r, j] = max(first[i + r, j] + bias[j], _ZERO)
        _block(n, hidden, labels[i : i + n], weights[i : i + n], head, head_bias, sums, slope, back)
        for r in range(n):
            for j in range(width):
                first_gradient[i + r, j] = back[r, j]
    for i in range(0, len(new_labels), BLOCK):
        n = min(BLOCK, len(new_labels) - i)
        for r in range(n):
            one, two, second = parents[i + r, 0], parents[i + r, 1], share[i + r]
            rest = _ONE - second
            for j in range(width):
                hidden[r, j] = max(rest * first[one, j] + second * first[two, j] + bias[j], _ZERO)
        _block(n, hidden, new_labels[i : i + n], new_weights[i : i + n], head, head_bias, sums, slope, back)
        for r in range(n):
            one, two, second = parents[i + r, 0], parents[i + r, 1], share[i + r]
            rest = _ONE - second
            for j in range(width):
                first_gradient[one, j] += rest * back[r, j]
                first_gradient[two, j] += second * back[r, j]


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
