"""Where noise comes from: variance components of nested repetitions, and the floor from clones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Component:
    """The standard deviation that one source of randomness adds.

    Attributes:
        source: its name.
        sd: estimate; 0 where the variance comes out below 0.
        low: lower end of the 95 % interval of the standard deviation.
        high: upper end.
        df: degrees of freedom of its mean square.
    """

    source: str
    sd: float
    low: float
    high: float
    df: int


@dataclass(frozen=True)
class Components:
    """Standard deviations of nested sources, the outermost first.

    Attributes:
        components: one a source; empty when ``reason`` says why.
        reason: why there are none.
    """

    components: tuple[Component, ...] = ()
    reason: str | None = None

    def __getitem__(self, source: str) -> Component:
        """The component of a source by its name."""
        return next(component for component in self.components if component.source == source)


@dataclass(frozen=True)
class NoiseFloor:
    """How much two runs of one setting differ on one draw.

    Attributes:
        sd: standard deviation of the difference of two clones on a replicate; None where ``reason`` says
            why.
        low: lower end of its 95 % interval.
        high: upper end.
        df: degrees of freedom of ``sd``.
        n: replicates behind it.
        reason: why there is no floor.
    """

    sd: float | None = None
    low: float | None = None
    high: float | None = None
    df: int = 0
    n: int = 0
    reason: str | None = None


def variance_components(values: pd.Series) -> Components:
    """Estimate what each of several nested sources adds to the spread, by nested analysis of variance.

    The intervals are those of the innermost source by chi-square and of the others by the modified
    large-sample method of Ting et al. (1990, doi:10.1080/00949659008811240); they assume normal noise.

    Args:
        values: one value a repetition, indexed by the sources, the outermost first: draw, init, sampler.
            Every draw has as many inits, every init as many samplers.
    """
    sources = [str(name) for name in values.index.names]
    sizes = _sizes(values)
    if sizes is None:
        text = "the repetitions are not balanced: every level needs as many of the next one"
        return Components(reason=text)
    if min(sizes) < 2:
        return Components(reason=f"{sources[int(np.argmin(sizes))]} has a single level")
    table = values.sort_index().to_numpy(dtype=np.float64).reshape(sizes)
    squares, freedom = _mean_squares(table)
    components = []
    for i, source in enumerate(sources):
        inner = math.prod(sizes[i + 1 :])
        if i + 1 < len(sources):
            low, high = _difference_interval(squares[i], freedom[i], squares[i + 1], freedom[i + 1])
            variance = squares[i] - squares[i + 1]
        else:
            low, high = _chi2_interval(squares[i], freedom[i])
            variance = squares[i]
        sd, low, high = (math.sqrt(max(0.0, v) / inner) for v in (variance, low, high))
        components.append(Component(source, sd, low, high, freedom[i]))
    return Components(tuple(components))


def noise_floor(clones: Sequence[pd.DataFrame]) -> NoiseFloor:
    """Measure what is left between clones of a setting when all but their own seeds is equal.

    Args:
        clones: one table a setting: rows replicates, columns its clones; rows that lack one are left out.
    """
    tables = [table.dropna().to_numpy(dtype=np.float64) for table in clones]
    tables = [table for table in tables if table.shape[1] > 1 and len(table)]
    freedom = sum(table.shape[0] * (table.shape[1] - 1) for table in tables)
    if freedom == 0:
        return NoiseFloor(reason="a noise floor needs two clones of a setting with a replicate in common")
    squares = sum(float(((table - table.mean(axis=1, keepdims=True)) ** 2).sum()) for table in tables)
    variance = 2 * squares / freedom  # of the difference of two
    low, high = _chi2_interval(variance, freedom)
    replicates = max(len(table) for table in tables)
    return NoiseFloor(math.sqrt(variance), math.sqrt(low), math.sqrt(high), freedom, replicates)


def _sizes(values: pd.Series) -> tuple[int, ...] | None:
    """Levels of each source within one of the source around it; None when not balanced."""
    if not values.index.is_unique or bool(values.isna().any()) or values.empty:
        return None
    keys = [tuple(key) if isinstance(key, tuple) else (key,) for key in values.index]
    sizes, outer = [], 1
    for depth in range(1, len(keys[0]) + 1):
        prefixes = {key[:depth] for key in keys}
        counts = pd.Series([prefix[: depth - 1] for prefix in prefixes]).value_counts()
        if counts.nunique() != 1:
            return None
        sizes.append(len(prefixes) // outer)
        outer = len(prefixes)
    return tuple(sizes)


def _mean_squares(table: Array) -> tuple[list[float], list[int]]:
    """Mean square and degrees of freedom of each source, the outermost first."""
    squares, freedom = [], []
    for depth in range(1, table.ndim + 1):
        means = table.mean(axis=tuple(range(depth, table.ndim)))
        df = math.prod(table.shape[: depth - 1]) * (table.shape[depth - 1] - 1)
        inner = math.prod(table.shape[depth:])
        squares.append(float(((means - means.mean(axis=-1, keepdims=True)) ** 2).sum()) * inner / df)
        freedom.append(df)
    return squares, freedom


def _chi2_interval(variance: float, df: int, level: float = 0.95) -> tuple[float, float]:
    tail = (1 - level) / 2
    return df * variance / float(stats.chi2.isf(tail, df)), df * variance / float(stats.chi2.ppf(tail, df))


def _difference_interval(s1: float, n1: int, s2: float, n2: int, level: float = 0.95) -> tuple[float, float]:
    """Interval of the difference of two expected mean squares, s1 the larger one in expectation."""
    tail = (1 - level) / 2
    f_high, f_low = float(stats.f.isf(tail, n1, n2)), float(stats.f.ppf(tail, n1, n2))
    g1, g2 = 1 - n1 / float(stats.chi2.isf(tail, n1)), 1 - n2 / float(stats.chi2.isf(tail, n2))
    h1, h2 = n1 / float(stats.chi2.ppf(tail, n1)) - 1, n2 / float(stats.chi2.ppf(tail, n2)) - 1
    g12 = ((f_high - 1) ** 2 - (g1 * f_high) ** 2 - h2**2) / f_high
    h12 = ((1 - f_low) ** 2 - (h1 * f_low) ** 2 - g2**2) / f_low
    below = (g1 * s1) ** 2 + (h2 * s2) ** 2 + g12 * s1 * s2
    above = (h1 * s1) ** 2 + (g2 * s2) ** 2 + h12 * s1 * s2
    centre = s1 - s2
    return centre - math.sqrt(max(0.0, below)), centre + math.sqrt(max(0.0, above))
