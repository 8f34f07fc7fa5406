"""Critical values for many paired comparisons at a time: the largest t, by parametric bootstrap."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
DRAWS = 2000


def t_between_levels(table: Array, random: np.random.Generator, draws: int = DRAWS) -> Array:
    """Draw paired t statistics of every two levels as they are when no level differs.

    Each draw stands for a normal table of as many replicates; see ``shrunk_covariance`` for its
    covariance.

    Args:
        table: scores (R, L), no value missing.
        random: makes the draws.
        draws: how many.

    Returns:
        (draws, L, L): entry i, j is the t of level i less level j; 0 on the diagonal.
    """
    means, covariance = _draw(table, random, draws)
    own = np.diagonal(covariance, axis1=1, axis2=2)
    variance = own[:, :, None] + own[:, None, :] - 2 * covariance
    np.einsum("bii->bi", variance)[:] = 1.0
    return np.asarray((means[:, :, None] - means[:, None, :]) / np.sqrt(variance / len(table)))


def p_of_largest_t(table: Array, contrasts: Array, random: np.random.Generator, draws: int = DRAWS) -> float:
    """The p-value of the largest |t| among contrasts of the levels, when all of them are 0.

    Args:
        table: scores (R, L), no value missing.
        contrasts: (m, L), each row sums to 0.
        random: makes the draws.
        draws: how many.
    """
    means, covariance = _draw(table, random, draws)
    variance = np.einsum("ml,bln,mn->bm", contrasts, covariance, contrasts, optimize=True)
    null = np.abs(means @ contrasts.T / np.sqrt(variance / len(table))).max(axis=1)
    values = table @ contrasts.T
    sizes, errors = np.abs(values.mean(axis=0)), values.std(axis=0, ddof=1) / np.sqrt(len(table))
    if not errors.all():
        return 0.0 if sizes[errors == 0].max() > 0 else 1.0
    return (1 + int((null >= (sizes / errors).max()).sum())) / (1 + draws)


def shrunk_covariance(table: Array) -> Array:
    """Covariance (L, L) of the levels within replicates, shrunk towards equal independent noise.

    The weight of the target is L / (L + R - 1): a covariance of many levels from few replicates makes
    levels look more alike than they are, and a critical value from it would be too small. Only
    differences of levels mean anything here, so what a replicate adds to all levels is taken out; the
    scale is 1.
    """
    count, levels = table.shape
    within = table - table.mean(axis=1, keepdims=True)
    within = within - within.mean(axis=0)
    sample = within.T @ within / (count - 1)
    scale = float(np.trace(sample)) / (levels - 1)
    if scale == 0:
        return np.eye(levels)
    weight = levels / (levels + count - 1)
    common = np.full((levels, levels), 1 / levels)  # of all levels: it makes the matrix regular
    return np.asarray((1 - weight) * sample / scale + weight * (np.eye(levels) - common) + common)


def _draw(table: Array, random: np.random.Generator, draws: int) -> tuple[Array, Array]:
    """Means (draws, L) and covariances (draws, L, L) of normal tables with equal true levels."""
    count, levels = table.shape
    root = np.linalg.cholesky(shrunk_covariance(table)).T
    means = random.normal(size=(draws, levels)) @ root / np.sqrt(count)
    residuals = random.normal(size=(draws, count - 1, levels)) @ root
    return means, residuals.transpose(0, 2, 1) @ residuals / (count - 1)
