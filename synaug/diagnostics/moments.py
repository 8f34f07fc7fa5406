"""Means and covariances: total variance, norm, rank of the spectrum, Fréchet distance."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .pairs import F64, Pair

COMPONENTS = 16  # the Fréchet distance of few rows in more dimensions is mostly bias


def variance_ratio(pair: Pair) -> float:
    """Total variance of synthetic rows over that of real rows; NaN where the real rows do not vary."""
    real = total_variance(pair.real)
    return total_variance(pair.synthetic) / real if real > 0 else float("nan")


def total_variance(rows: npt.NDArray[np.floating]) -> float:
    """Trace of the covariance about the mean, divided by n."""
    return float(rows.var(axis=0, dtype=np.float64).sum())


def norm_shift(pair: Pair) -> float:
    """Mean length of synthetic rows over that of real rows, less 1; NaN where the real rows are zero."""
    real = np.linalg.norm(pair.real, axis=1).mean()
    return float(np.linalg.norm(pair.synthetic, axis=1).mean() / real - 1) if real > 0 else float("nan")


def effective_rank(rows: F64) -> float:
    """Exponential of the entropy of the covariance's eigenvalues, 1 for rows that do not vary.

    After Roy and Vetterli 2007, EUSIPCO, who take singular values of the matrix itself.
    """
    share = spectrum(rows)
    share = share[share > 0]
    return float(np.exp(-(share * np.log(share)).sum())) if len(share) else 1.0


def participation_ratio(rows: F64) -> float:
    """Squared sum of the covariance's eigenvalues over the sum of their squares, 1 without variance."""
    share = spectrum(rows)
    return float(1 / (share**2).sum()) if share.any() else 1.0


def spectrum(rows: F64) -> F64:
    """Eigenvalues of the covariance as shares of their sum, (min(n, d),); zeros without variance."""
    values = _eigen(rows - rows.mean(axis=0))[0]
    total = values.sum()
    return np.asarray(values / total if total > 0 else values)


def frechet(pair: Pair) -> float:
    """Fréchet distance in the first principal components of the real rows, 16 at most.

    The components see neither the synthetic rows nor, for the band of real against real, the rows
    that take their place. NaN where the real rows do not vary.
    """
    center = pair.real.mean(axis=0)
    rows = pair.real - center
    values, vectors = _eigen(rows)
    first = np.argsort(values)[::-1][: min(COMPONENTS, np.count_nonzero(values))]
    if not len(first):
        return float("nan")
    axes = vectors[:, first]
    if len(rows) <= rows.shape[1]:  # they are combinations of the rows: make directions of them
        axes = rows.T @ axes / np.sqrt(values[first])
    return frechet_distance((pair.synthetic - center) @ axes, rows @ axes)


def _eigen(centered: F64) -> tuple[F64, F64]:
    """Eigenvalues and eigenvectors of the smaller of the two matrices of products.

    Eigenvalues are those of n times the covariance; what is no more than rounding is 0.
    """
    n, d = centered.shape
    values, vectors = np.linalg.eigh(centered @ centered.T if n <= d else centered.T @ centered)
    return np.where(values > values[-1] * 1e-12, values, 0.0), vectors


def frechet_distance(rows: F64, others: F64) -> float:
    """Squared Fréchet distance of the Gaussians with the moments of two sets of rows.

    ``|m - m'|^2 + tr(S + S' - 2 (S S')^(1/2))`` (Dowson and Landau 1982, doi:10.1016/0047-259X(82)90077-X;
    Heusel et al. 2017, arXiv:1706.08500), with covariances divided by n - 1.
    """
    S, T = (np.atleast_2d(np.cov(each, rowvar=False)) for each in (rows, others))
    values, vectors = np.linalg.eigh(S)
    root = vectors * np.sqrt(values.clip(0)) @ vectors.T
    cross = np.sqrt(np.linalg.eigvalsh(root @ T @ root).clip(0)).sum()
    apart = rows.mean(axis=0) - others.mean(axis=0)
    return float(max(0.0, apart @ apart + np.trace(S) + np.trace(T) - 2 * cross))
