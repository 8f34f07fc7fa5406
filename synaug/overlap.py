"""How many rows draws have in common."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import numpy.typing as npt

from .imbalance import Draw, Rows


def overlap(draws: list[Draw], labels: Rows, n_classes: int) -> npt.NDArray[np.float64]:
    """Mean share of a class's rows that two replicates have in common (n_classes,)."""
    return _mean_share(list(combinations(draws, 2)), labels, n_classes)


def overlap_of(
    draws: list[Draw], others: list[Draw], labels: Rows, n_classes: int
) -> npt.NDArray[np.float64]:
    """Mean share of the rows of a class in one of ``draws`` that one of ``others`` has too (n_classes,)."""
    return _mean_share(list(product(draws, others)), labels, n_classes)


def _mean_share(pairs: list[tuple[Draw, Draw]], labels: Rows, n_classes: int) -> npt.NDArray[np.float64]:
    shares = [
        [
            len(np.intersect1d(a.rows[labels[a.rows] == code], b.rows[labels[b.rows] == code]))
            / max(1, int((labels[a.rows] == code).sum()))
            for code in range(n_classes)
        ]
        for a, b in pairs
    ]
    return np.mean(shares, axis=0) if shares else np.zeros(n_classes)
