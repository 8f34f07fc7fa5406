"""The part of a training step between the two large products, compiled: rows stay in the first cache.

For every row: mix the two parents' first layer, ReLU, head, softmax, and the gradient back to the
parents' first layer.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

from .kernels import F32, I64, Function, compiled

_ZERO, _ONE = np.float32(0), np.float32(1)
BLOCK = 16  # rows that go through the head together, a multiple of 4
LANES = 16  # sums of products that are taken side by side, then halved four times
MOST_AT_ONCE = 4  # classes


def _inlined(function: Function) -> Function:
    """Let the compiler put the body where the function is called, with the caller's constants."""
    inlined: Any = njit(inline="always")
    return inlined(function)  # type: ignore[no-any-return]


@_inlined
def _logits(w: F32, u: F32, v: F32, head_bias: F32, n_classes: int, wide: int, head: int) -> None:
    """Logits of a block's hidden layers: of each the sums of every 16th product, then those in halves."""
    for r in range(0, BLOCK, 4):
        h = r * wide
        for c in range(0, n_classes, 2):
            # of the second class there are only zeros where their number is odd
            x, o = head + c * wide, (c * BLOCK + r) * LANES
            y, oo = x + wide, o + BLOCK * LANES
            for lane in range(LANES):
                p, q, s, t = _ZERO, _ZERO, _ZERO, _ZERO
                pp, qq, ss, tt = _ZERO, _ZERO, _ZERO, _ZERO
                for j in range(0, wide, LANES):
                    i = j + lane
                    p += w[h + i] * w[x + i]
                    q += w[h + wide + i] * w[x + i]
                    s += w[h + 2 * wide + i] * w[x + i]
                    t += w[h + 3 * wide + i] * w[x + i]
                    pp += w[h + i] * w[y + i]
                    qq += w[h + wide + i] * w[y + i]
                    ss += w[h + 2 * wide + i] * w[y + i]
                    tt += w[h + 3 * wide + i] * w[y + i]
                u[o + lane], u[o + LANES + lane] = p, q
                u[o + 2 * LANES + lane], u[o + 3 * LANES + lane] = s, t
                u[oo + lane], u[oo + LANES + lane] = pp, qq
                u[oo + 2 * LANES + lane], u[oo + 3 * LANES + lane] = ss, tt
    n, half = n_classes * BLOCK, len(u) // 2  # sums go to and fro between the halves of u
    for i in range(n * 8):
        u[half + i] = u[2 * i] + u[2 * i + 1]
    for i in range(n * 4):
        u[i] = u[half + 2 * i] + u[half + 2 * i + 1]
    for i in range(n * 2):
        u[half + i] = u[2 * i] + u[2 * i + 1]
    for i in range(n):
        v[i] = u[half + 2 * i] + u[half + 2 * i + 1] + head_bias[i]


@_inlined
def _exponential(x: Any) -> Any:
    """Exponential of x, at most 0, as 2^n exp(y) with Taylor's sum for y: a call would keep a loop scalar."""
    x = np.float32(-87) if x < np.float32(-87) else x
    n = np.floor(x * np.float32(1.442695) + np.float32(0.5))
    y = x - n * np.float32(0.6931472)  # at most 0.35, so the next term is 6e-9
    p = np.float32(1 / 5040) * y + np.float32(1 / 720)
    p = p * y + np.float32(1 / 120)
    p = p * y + np.float32(1 / 24)
    p = p * y + np.float32(1 / 6)
    p = p * y + np.float32(1 / 2)
    p = p * y * y + y + _ONE
    return p * np.int32((np.int32(n) + np.int32(127)) << np.int32(23)).view(np.float32)


@_inlined
def _loss(v: F32, n: int, labels: I64, weights: F32, start: int, n_classes: int, filled: int) -> None:
    """Put the gradients of the weighted cross-entropy in place of the logits of a block's n rows.

    Loops over a constant number of rows the compiler would write out one by one instead of vectorising.
    """
    most, total = filled * BLOCK, (filled + 1) * BLOCK  # places in v
    for r in range(n):
        v[most + r], v[total + r] = v[r], _ZERO
    for c in range(1, n_classes):
        for r in range(n):
            one, other = v[most + r], v[c * BLOCK + r]
            v[most + r] = one if one > other else other
    for c in range(n_classes):
        for r in range(n):
            v[c * BLOCK + r] -= v[most + r]
    for i in range(n_classes * BLOCK):
        v[i] = _exponential(v[i])
    for c in range(n_classes):
        for r in range(n):
            v[total + r] += v[c * BLOCK + r]
    for r in range(n):
        v[total + r] = weights[np.uintp(start + r)] / v[total + r]
    for c in range(n_classes):
        for r in range(n):
            v[c * BLOCK + r] *= v[total + r]
        for r in range(n, BLOCK):
            v[c * BLOCK + r] = _ZERO
    for r in range(n):
        row = np.uintp(start + r)  # an index without sign is not looked at for being below 0
        v[np.uintp(labels[row] * BLOCK + r)] -= weights[row]


@_inlined
def _focal_loss(v: F32, n: int, labels: I64, weights: F32, start: int, n_classes: int, gamma: float) -> None:
    """The same for the weighted focal loss ``-(1 - p)^gamma log p``, p the probability of a row's class.

    Its gradient is that of the cross-entropy times ``(1 - p)^gamma - gamma p (1 - p)^(gamma - 1) log p``.
    """
    for r in range(n):
        label, weight = labels[start + r], weights[start + r]
        most, others, own = np.float32(-np.inf), _ZERO, label * BLOCK + r
        for c in range(n_classes):
            most = max(most, v[c * BLOCK + r])
        log_own = v[own] - most
        for c in range(n_classes):
            v[c * BLOCK + r] = np.exp(v[c * BLOCK + r] - most)
            if c != label:
                others += v[c * BLOCK + r]  # not 1 - p, which is 0 long before it should be
        total = others + v[own]
        missed, e_own = others / total, v[own]
        log_p = -np.log1p(others / e_own) if others < e_own else log_own - np.log(total)
        factor = _ZERO
        if missed != _ZERO:
            factor = np.float32(missed**gamma * (_ONE - gamma * e_own / total * log_p / missed))
        for c in range(n_classes):
            v[c * BLOCK + r] *= weight * factor / total
        v[own] -= weight * factor
    for c in range(n_classes):
        for r in range(n, BLOCK):
            v[c * BLOCK + r] = _ZERO


@_inlined
def _back(
    w: F32, v: F32, tile: int, filled: int, wide: int, head: int, of_head: int, back: int, of_bias: int
) -> None:
    """Add a block's gradients of the head and the first bias, write those of its hidden layers before ReLU.

    So many classes a loop, that what a loop needs of ``v`` stays in registers.
    """
    for r in range(0, BLOCK, 4):
        h, g = r * wide, back + r * wide
        for start in range(0, filled, tile):
            for j in range(wide):
                p, q, s, t = _ZERO, _ZERO, _ZERO, _ZERO
                hp, hq, hs, ht = w[h + j], w[h + wide + j], w[h + 2 * wide + j], w[h + 3 * wide + j]
                for k in range(tile):
                    c, i = start + k, (start + k) * BLOCK + r
                    weight = w[head + c * wide + j]
                    p += v[i] * weight
                    q += v[i + 1] * weight
                    s += v[i + 2] * weight
                    t += v[i + 3] * weight
                    w[of_head + c * wide + j] += (v[i] * hp + v[i + 1] * hq) + (v[i + 2] * hs + v[i + 3] * ht)
                p, q = p if hp > _ZERO else _ZERO, q if hq > _ZERO else _ZERO
                s, t = s if hs > _ZERO else _ZERO, t if ht > _ZERO else _ZERO
                w[of_bias + j] += (p + q) + (s + t)
                if start:
                    p, q = p + w[g + j], q + w[g + wide + j]
                    s, t = s + w[g + 2 * wide + j], t + w[g + 3 * wide + j]
                w[g + j], w[g + wide + j], w[g + 2 * wide + j], w[g + 3 * wide + j] = p, q, s, t


@functools.cache
def gradients_of(n_classes: int, width: int, focal: bool = False) -> Callable[..., None]:
    """Return ``gradients`` for C classes, H hidden units and one of two losses, compiled for these.

    All that a block of rows touches lies in three scratch arrays: ``w``, where classes and rows are padded
    with zeros, ``u`` for sums of products and ``v`` for logits and their gradients, class by class. As
    every place in them is a constant, the compiler sees that no two rows overlap, and vectorises all
    loops. Rows go through the head in fours, so that a weight is loaded once for four rows.
    """
    tiles = -(-n_classes // MOST_AT_ONCE)
    tile = -(-n_classes // tiles)
    filled = tile * tiles
    wide = -(-width // LANES) * LANES
    back = BLOCK * wide  # places in w: a block's hidden layers at 0, their gradients here,
    top = back + BLOCK * wide  # the head and one class of zeros,
    of_head = top + (filled + 1) * wide  # its gradient,
    base = of_head + filled * wide  # the first layer's bias,
    of_base = base + wide  # its gradient
    size = of_base + wide
    sums = 2 * (n_classes + n_classes % 2) * BLOCK * LANES

    def gradients(
        first: F32, bias: F32, head: F32, head_bias: F32,
        labels: I64, weights: F32, parents: I64, share: F32,
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
            labels: classes of the rows, then of the mixtures (r + s,).
            weights: of their losses (r + s,), which sum to 1.
            parents: rows between which a mixture lies (s, 2), two different ones.
            share: of the second parent (s,).
            first_gradient: of ``first`` (r, H).
            bias_gradient: of ``bias`` (H,).
            head_gradient: of ``head`` (C, H).
            head_bias_gradient: of ``head_bias`` (C,).
            gamma: exponent of the focal loss; the cross-entropy has no use for it.
        """
        w, u = np.zeros(size, np.float32), np.zeros(sums, np.float32)
        v = np.zeros((filled + 2) * BLOCK, np.float32)
        biases, of_biases = np.repeat(head_bias, BLOCK), np.zeros(n_classes * BLOCK, np.float32)
        for c in range(n_classes):
            w[top + c * wide : top + c * wide + width] = head[c]
        w[base : base + width] = bias
        rows, mixtures = len(first), len(share)
        row_blocks = -(-rows // BLOCK)
        for block in range(row_blocks + -(-mixtures // BLOCK)):
            mixed = block >= row_blocks
            start = (block - row_blocks if mixed else block) * BLOCK
            n = min(BLOCK, (mixtures if mixed else rows) - start)
            if mixed:
                for r in range(n):
                    row = np.uintp(start + r)
                    one, two, second = np.uintp(parents[row, 0]), np.uintp(parents[row, 1]), share[row]
                    rest = _ONE - second
                    for j in range(width):
                        between = rest * first[one, j] + second * first[two, j]
                        w[r * wide + j] = max(between + w[base + j], _ZERO)
            else:
                for r in range(n):
                    row = np.uintp(start + r)
                    for j in range(width):
                        w[r * wide + j] = max(first[row, j] + w[base + j], _ZERO)
            _logits(w, u, v, biases, n_classes, wide, top)
            of_block = rows + start if mixed else start
            if focal:
                _focal_loss(v, n, labels, weights, of_block, n_classes, gamma)
            else:
                _loss(v, n, labels, weights, of_block, n_classes, filled)
            for i in range(n_classes * BLOCK):
                of_biases[i] += v[i]
            _back(w, v, tile, filled, wide, top, of_head, back, of_base)
            if mixed:
                for r in range(n):
                    row = np.uintp(start + r)
                    one, two, second = np.uintp(parents[row, 0]), np.uintp(parents[row, 1]), share[row]
                    rest = _ONE - second
                    for j in range(width):
                        first_gradient[one, j] += rest * w[back + r * wide + j]
                        first_gradient[two, j] += second * w[back + r * wide + j]
            else:
                for r in range(n):
                    row = np.uintp(start + r)
                    for j in range(width):
                        first_gradient[row, j] = w[back + r * wide + j]
        for c in range(n_classes):
            head_gradient[c] = w[of_head + c * wide : of_head + c * wide + width]
            head_bias_gradient[c] = of_biases[c * BLOCK : (c + 1) * BLOCK].sum()
        bias_gradient[:] = w[of_base : of_base + width]

    return compiled(gradients)
