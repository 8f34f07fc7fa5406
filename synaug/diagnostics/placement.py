"""What lies next to synthetic rows: copies, other classes, islands of their own."""

from __future__ import annotations

import numpy as np

from .pairs import Pair, distances

NEAREST = 5
ISLAND_NEAREST = 10
ISLAND_SHARE = 0.95  # of the nearest rows that are synthetic, at least
ISLAND_QUANTILE = 0.99  # of the distances of real rows from their nearest


def nearest_distance_ratio(pair: Pair) -> float:
    """Mean distance to the nearest real row, over that of a real row to another one.

    0 for copies, 1 for rows as far from the real ones as these are from each other; NaN where every
    real row has a duplicate.
    """
    usual = pair.within_real.min(axis=1).mean()
    return float(pair.across.min(axis=1).mean() / usual) if usual > 0 else float("nan")


def copies(pair: Pair) -> float:
    """Share of synthetic rows that equal a real row in every digit."""
    known = {row.tobytes() for row in pair.real}
    return float(np.mean([row.tobytes() in known for row in pair.synthetic]))


def unique_neighbor_rate(pair: Pair) -> float:
    """Different real rows that are the nearest one of a synthetic row, for each synthetic row."""
    return len(np.unique(pair.across.argmin(axis=1))) / len(pair.synthetic)


def crossing_rate(pair: Pair, k: int = NEAREST) -> float:
    """Share of synthetic rows most of whose k nearest real rows are of other classes.

    Every class has as many real rows to choose from, so that no prior decides.
    """
    classes, each, d = pair.others.shape
    foreign = distances(pair.synthetic, pair.others.reshape(classes * each, d))
    found = np.hstack([pair.across[:, :each], foreign])  # (m, classes * each)
    k = min(k, found.shape[1])
    near = np.argpartition(found, k - 1, axis=1)[:, :k]
    return float(((near >= each).sum(axis=1) > k / 2).mean())


def island_rate(pair: Pair) -> float:
    """Share of synthetic rows that keep to themselves: few real rows nearby, and none of them close.

    A row counts where at least 95 % of the 10 nearest rows of all are synthetic and the nearest real
    row is farther than 99 % of real rows are from theirs.
    """
    m = len(pair.synthetic)
    k = min(ISLAND_NEAREST, m - 1)
    found = np.hstack([pair.within_synthetic, pair.across])
    near = np.argpartition(found, k - 1, axis=1)[:, :k]
    alone = (near < m).mean(axis=1) >= ISLAND_SHARE
    usual = np.quantile(pair.within_real.min(axis=1), ISLAND_QUANTILE)
    return float((alone & (pair.across.min(axis=1) > usual)).mean())
