"""A small picture of where synthetic rows lie: two dimensions, points and lines to parents."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness

from .errors import NotApplicable
from .evaluate import Replicate, make_pools, selected
from .methods.base import Method
from .pool_cache import PoolCache

REAL, SYNTHETIC, LINES = 400, 200, 30


def sketch(
    method: Method, data: Replicate, precision: str = "float32", cache: PoolCache | None = None
) -> dict[str, Any]:
    """Coordinates of real and synthetic rows of fold 0 in the plane of the real rows' two main axes.

    The plane is fitted on the real training rows alone. ``precision`` and ``cache`` are those of the
    cell's evaluation.

    Returns:
        ``real`` and ``synthetic``: lists of ``[x, y, class code]``; ``lines``: ``[i, x, y]`` from the
        synthetic row i to one of its parents; ``explained``: share of variance in the plane;
        ``trustworthiness``: of the real rows shown, as scikit-learn computes it, 1 where neighbours in
        the plane are neighbours in the embedding, None for fewer than 4; ``parents``: for the first rows
        ``[class code, row, row, share of the second]``, row numbers of X. Empty where the method makes
        no rows or does not apply.
    """
    try:
        pools = make_pools(method, data, precision, folds=(0,), cache=cache)
    except NotApplicable:
        return {}
    if not pools:
        return {}
    part, pool = data.training_part(0), pools[0]
    taken = selected(method, data, 0, pool).taken
    if not len(taken):
        return {}
    generator = np.random.default_rng(0)  # which points are shown is no part of a result
    shown = np.sort(generator.permutation(taken)[:SYNTHETIC])
    order = generator.permutation(len(part.rows))
    order = order[np.argsort(part.counts[part.y[order]], kind="stable")]  # the smallest class first
    real = np.concatenate([order[: REAL // 2], generator.permutation(order[REAL // 2 :])[: REAL // 2]])
    plane = PCA(2, svd_solver="covariance_eigh").fit(part.X[part.rows])
    where_real = plane.transform(part.X[part.rows[real]])
    made = pool.materialise(part)[shown]
    where_made = plane.transform(made)
    lines = []
    if pool.rows is None:
        for index in range(min(LINES, len(shown))):
            for parent in pool.parents[shown[index]]:
                lines.append([index, *_short(plane.transform(part.X[[part.rows[parent]]])[0])])
    parents = [
        [int(pool.labels[i]), *(int(r) for r in part.rows[pool.parents[i]]), float(pool.weight[i])]
        for i in shown[:LINES]
        if pool.rows is None
    ]
    return {
        "real": [[*_short(xy), int(c)] for xy, c in zip(where_real, part.y[real], strict=True)],
        "synthetic": [[*_short(xy), int(c)] for xy, c in zip(where_made, pool.labels[shown], strict=True)],
        "lines": lines,
        "explained": float(plane.explained_variance_ratio_.sum()),
        "trustworthiness": _trust(part.X[part.rows[real]], where_real),
        "parents": parents,
    }


def _trust(X: np.ndarray, where: np.ndarray) -> float | None:
    near = min(5, (len(X) - 1) // 2)  # scikit-learn's default, and what it allows for few rows
    return float(trustworthiness(X, where, n_neighbors=near)) if len(X) > 3 else None


def _short(point: np.ndarray) -> list[float]:
    return [round(float(value), 4) for value in point]
