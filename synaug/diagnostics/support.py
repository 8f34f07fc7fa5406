"""Where rows lie: precision, recall, density and coverage of balls about the nearest rows."""

from __future__ import annotations

import numpy as np

from .pairs import F64, Pair

NEAREST = 5


def precision(pair: Pair, k: int = NEAREST) -> float:
    """Share of synthetic rows within a ball about a real row that reaches its k-th nearest real row.

    Kynkäänniemi et al. 2019, arXiv:1904.06991. A collapse to the mean of many dimensions has precision 1.
    """
    return float((pair.across < _radius(pair.within_real, k)).any(axis=1).mean())


def recall(pair: Pair, k: int = NEAREST) -> float:
    """Share of real rows within a ball about a synthetic row that reaches its k-th nearest synthetic one."""
    return float((pair.across < _radius(pair.within_synthetic, k)[:, None]).any(axis=0).mean())


def density(pair: Pair, k: int = NEAREST) -> float:
    """Mean number of real rows' balls that a synthetic row lies in, over k; 1 in the same distribution.

    Naeem et al. 2020, arXiv:2002.09797. It grows without bound as rows gather in the middle.
    """
    return float((pair.across < _radius(pair.within_real, k)).sum(axis=1).mean() / k)


def coverage(pair: Pair, k: int = NEAREST) -> float:
    """Share of real rows whose ball holds a synthetic row.

    In the same distribution its mean is ``1 - prod((n - i) / (n + m - i), i = 1..k)`` for n real and m
    synthetic rows; a collapse to the mean of many dimensions covers everything.
    """
    return float((pair.across.min(axis=0) < _radius(pair.within_real, k)).mean())


def _radius(within: F64, k: int) -> F64:
    """Distance of each row from its k-th nearest other row (n,)."""
    return np.asarray(np.partition(within, k - 1, axis=1)[:, k - 1])
