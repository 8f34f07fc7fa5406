"""The part of a training step between the two large products, compiled: rows stay in the first cache.

For every row: mix the two parents' first layer, ReLU, head, softmax, and the gradient back to the
parents' first layer. Numba compiles it once for a machine and keeps the result on disk.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from numba import config, njit
from numba.core.codegen import get_host_cpu_features

F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]
Function = TypeVar("Function", bound=Callable[..., Any])

# Sums may be taken in another order; NaN and infinity keep their meaning, a diverged training shows them.
_FAST = {"contract", "reassoc", "nsz", "arcp"}
_ZERO, _ONE = np.float32(0), np.float32(1)
BLOCK = 8  # rows that go through the head together, a multiple of 4
MOST_AT_ONCE = 6  # classes


def _use_wide_vectors() -> None:
    """Let the compiler use 512-bit vectors where the processor is too new to slow its clock for them.

    LLVM keeps to 256 bits on Intel's processors. Settings of numba's that a user made stay.
    """
    settings: Any = config
    features = get_host_cpu_features()  # type: ignore[no-untyped-call]
    if "+avx512bf16" in features and settings.CPU_NAME is None and settings.CPU_FEATURES is None:
        settings.CPU_FEATURES = f"{features},-prefer-256-bit"


_use_wide_vectors()


def _compiled(function: Function) -> Function:
    """Compile at the first call; keep the code on disk where a folder for it can be written."""
    settings: dict[str, Any] = {"fastmath": _FAST, "error_model": "numpy"}
    try:
        return njit(cache=True, **settings)(function)  # type: ignore[no-any-return]
    except RuntimeError:  # numba has no folder to write to
        return njit(**settings)(function)  # type: ignore[no-any-return]


def _inlined(function: Function) -> Function:
    """Let the compiler put the body where the function is called, with the caller's constants."""
    inlined: Any = njit(inline="always")
    return inlined(function)  # type: ignore[no-any-return]


@_inlined
def _logits(w: F32, slope: F32, head_bias: F32, n_classes: int, width: int, head: int) -> None:
    """Logits of a block's hidden layer."""
    for r in range(0, BLOCK, 4):
        h = r * width
        for c in range(n_classes):
            p, q, s, t = _ZERO, _ZERO, _ZERO, _ZERO
            for j in range(width):
                weight = w[head + c * width + j]
                p += w[h + j] * weight
                q += w[h + width + j] * weight
                s += w[h + 2 * width + j] * weight
                t += w[h + 3 * width + j] * weight
            slope[r, c], slope[r + 1, c] = p + head_bias[c], q + head_bias[c]
            slope[r + 2, c], slope[r + 3, c] = s + head_bias[c], t + head_bias[c]


@_inlined
def _loss(slope: F32, n: int, labels: I64, weights: F32, n_classes: int) -> None:
    """Put the gradients of the weighted cross-entropy in place of the logits of a block's n rows."""
    for r in range(n):
        most, total = np.float32(-np.inf), _ZERO
        for c in range(n_classes):
            most = max(most, slope[r, c])
        for c in range(n_classes):
            slope[r, c] = np.exp(slope[r, c] - most)
            total += slope[r, c]
        for c in range(n_classes):
            slope[r, c] *= weights[r] / total
        slope[r, labels[r]] -= weights[r]
    slope[n:] = _ZERO


@_inlined
def _focal_loss(slope: F32, n: int, labels: I64, weights: F32, n_classes: int, gamma: float) -> None:
    """The same for the weighted focal loss ``-(1 - p)^gamma log p``, p the probability of a row's class.

    Its gradient is that of the cross-entropy times ``(1 - p)^gamma - gamma p (1 - p)^(gamma - 1) log p``.
    """
    for r in range(n):
        most, others = np.float32(-np.inf), _ZERO
        for c in range(n_classes):
            most = max(most, slope[r, c])
        own = slope[r, labels[r]] - most
        for c in range(n_classes):
            slope[r, c] = np.exp(slope[r, c] - most)
            if c != labels[r]:
                others += slope[r, c]  # not 1 - p, which is 0 long before it should be
        total = others + slope[r, labels[r]]
        missed, e_own = others / total, slope[r, labels[r]]
        log_p = -np.log1p(others / e_own) if others < e_own else own - np.log(total)
        factor = _ZERO
        if missed != _ZERO:
            factor = np.float32(missed**gamma * (_ONE - gamma * e_own / total * log_p / missed))
        for c in range(n_classes):
            slope[r, c] *= weights[r] * factor / total
        slope[r, labels[r]] -= weights[r] * factor
    slope[n:] = _ZERO


@_inlined
def _add_head(w: F32, slope: F32, head_bias_gradient: F32, n_classes: int, width: int, of_head: int) -> None:
    """Add a block's gradients of the head."""
    for c in range(n_classes):
        for r in range(0, BLOCK, 4):
            h = r * width
            p, q, s, t = slope[r, c], slope[r + 1, c], slope[r + 2, c], slope[r + 3, c]
            head_bias_gradient[c] += (p + q) + (s + t)
            for j in range(width):
                w[of_head + c * width + j] += (p * w[h + j] + q * w[h + width + j]) + (
                    s * w[h + 2 * width + j] + t * w[h + 3 * width + j]
                )


@_inlined
def _back(w: F32, slope: F32, tile: int, filled: int, width: int, head: int, back: int, of_bias: int) -> None:
    """Gradients of a block's hidden layer before ReLU, and their sum for the bias; so many classes a loop."""
    last = filled - tile
    for r in range(0, BLOCK, 4):
        h, g = r * width, back + r * width
        for start in range(0, last, tile):
            for j in range(width):
                p, q, s, t = _ZERO, _ZERO, _ZERO, _ZERO
                if start:
                    p, q, s, t = w[g + j], w[g + width + j], w[g + 2 * width + j], w[g + 3 * width + j]
                for k in range(tile):
                    c = start + k
                    weight = w[head + c * width + j]
                    p += slope[r, c] * weight
                    q += slope[r + 1, c] * weight
                    s += slope[r + 2, c] * weight
                    t += slope[r + 3, c] * weight
                w[g + j], w[g + width + j], w[g + 2 * width + j], w[g + 3 * width + j] = p, q, s, t
        for j in range(width):
            p, q, s, t = _ZERO, _ZERO, _ZERO, _ZERO
            if last:
                p, q, s, t = w[g + j], w[g + width + j], w[g + 2 * width + j], w[g + 3 * width + j]
            for c in range(last, filled):
                weight = w[head + c * width + j]
                p += slope[r, c] * weight
                q += slope[r + 1, c] * weight
                s += slope[r + 2, c] * weight
                t += slope[r + 3, c] * weight
            p = p if w[h + j] > _ZERO else _ZERO
            q = q if w[h + width + j] > _ZERO else _ZERO
            s = s if w[h + 2 * width + j] > _ZERO else _ZERO
            t = t if w[h + 3 * width + j] > _ZERO else _ZERO
            w[g + j], w[g + width + j], w[g + 2 * width + j], w[g + 3 * width + j] = p, q, s, t
            w[of_bias + j] += (p + q) + (s + t)


@functools.cache
def gradients_of(n_classes: int, width: int, focal: bool = False) -> Callable[..., None]:
    """Return ``gradients`` for C classes, H hidden units and one of two losses, compiled for these.

    All that a block of rows touches lies in one scratch array ``w``. As every place in it is a constant,
    the compiler sees that no two rows of it overlap, and vectorises all loops. Rows go through the head
    in fours, so that a weight is loaded once for four rows.
    """
    tile = n_classes if n_classes <= MOST_AT_ONCE else 4
    filled = -(-n_classes // tile) * tile  # with classes of weight 0
    back = BLOCK * width  # places in w: a block's hidden layers at 0, their gradients here,
    top = back + BLOCK * width  # the head,
    of_head = top + filled * width  # its gradient,
    base = of_head + n_classes * width  # the first layer's bias,
    of_base = base + width  # its gradient
    size = of_base + width

    def gradients(
        first: F32, bias: F32, head: F32, head_bias: F32,
        labels: I64, weights: F32,
        parents: I64, share: F32, new_labels: I64, new_weights: F32,
        first_gradient: F32, bias_gradient: F32, head_gradient: F32, head_bias_gradient: F32,
        gamma: float = 0.0,
    ) -> None:  # fmt: skip
        """Gradients of the weighted cross-entropy, or focal loss, of r rows and s mixtures of two of them.

        The four gradients are overwritten. H hidden units, C classes.

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
            gamma: exponent of the focal loss; the cross-entropy has no use for it.
        """
        w, slope = np.zeros(size, np.float32), np.zeros((BLOCK, filled), np.float32)
        w[top : top + n_classes * width] = head.ravel()
        w[base:of_base] = bias
        head_bias_gradient[:] = _ZERO
        rows, mixtures = len(labels), len(new_labels)
        row_blocks = -(-rows // BLOCK)
        for block in range(row_blocks + -(-mixtures // BLOCK)):
            mixed = block >= row_blocks
            start = (block - row_blocks if mixed else block) * BLOCK
            n = min(BLOCK, (mixtures if mixed else rows) - start)
            for r in range(n):
                if mixed:
                    one, two, second = parents[start + r, 0], parents[start + r, 1], share[start + r]
                    rest = _ONE - second
                    for j in range(width):
                        between = rest * first[one, j] + second * first[two, j]
                        w[r * width + j] = max(between + w[base + j], _ZERO)
                else:
                    for j in range(width):
                        w[r * width + j] = max(first[start + r, j] + w[base + j], _ZERO)
            _logits(w, slope, head_bias, n_classes, width, top)
            of_block = new_labels[start:] if mixed else labels[start:]
            weights_of_block = new_weights[start:] if mixed else weights[start:]
            if focal:
                _focal_loss(slope, n, of_block, weights_of_block, n_classes, gamma)
            else:
                _loss(slope, n, of_block, weights_of_block, n_classes)
            _add_head(w, slope, head_bias_gradient, n_classes, width, of_head)
            _back(w, slope, tile, filled, width, top, back, of_base)
            for r in range(n):
                if mixed:
                    one, two, second = parents[start + r, 0], parents[start + r, 1], share[start + r]
                    rest = _ONE - second
                    for j in range(width):
                        first_gradient[one, j] += rest * w[back + r * width + j]
                        first_gradient[two, j] += second * w[back + r * width + j]
                else:
                    for j in range(width):
                        first_gradient[start + r, j] = w[back + r * width + j]
        head_gradient.ravel()[:] = w[of_head:base]
        bias_gradient[:] = w[of_base:size]

    return _compiled(gradients)


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
