"""Whether a gain holds over settings: at each of them, how it varies, which setting moves it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from .families import adjusted_p
from .paired import Difference, student
from .variance import VarianceShares, variance_shares

Array = npt.NDArray[np.float64]
AXIS = "setting"


@dataclass(frozen=True)
class Robust:
    """A gain over settings.

    Attributes:
        mean: the gain averaged over the settings.
        points: the gain at each setting, in the order of the columns.
        above: settings where it is above 0 after Holm's correction over settings.
        below: settings where it is below 0 after it.
        everywhere: 1 or -1 where every setting by itself shows the gain above, or below, 0 (each
            one-sided at 5 %, an intersection-union test, which needs no correction); else 0.
        varies: how much of the variance of the gains the settings explain.
    """

    mean: Difference
    points: tuple[Difference, ...]
    above: int
    below: int
    everywhere: int
    varies: VarianceShares


def over_settings(gains: pd.DataFrame, random: np.random.Generator) -> Robust:
    """Judge paired gains (rows replicates, columns settings); a replicate without all is left out."""
    complete = gains.dropna()
    points = tuple(student(complete[column].to_numpy(dtype=np.float64)) for column in complete)
    p = {str(i): d.p for i, d in enumerate(points) if d.p is not None}
    told = [points[int(i)] for i, value in adjusted_p(p).items() if value <= 0.05]
    signs = {_one_sided(d) for d in points}
    axes = {column: {AXIS: i} for i, column in enumerate(complete)}
    return Robust(
        student(complete.mean(axis=1).to_numpy(dtype=np.float64)),
        points,
        sum((d.estimate or 0.0) > 0 for d in told),
        sum((d.estimate or 0.0) < 0 for d in told),
        signs.pop() if len(signs) == 1 else 0,
        variance_shares(complete, axes, random),
    )


def _one_sided(d: Difference) -> int:
    """The sign that a one-sided test at 5 % shows: an end of the 90 % interval; 0 for none."""
    interval = d.interval(0.9)
    if interval is None:
        return 0
    return int(interval[0] > 0) - int(interval[1] < 0)


def slopes(gains: pd.DataFrame, settings: Sequence[Mapping[str, float]]) -> dict[str, Difference]:
    """What ten times as much of each setting changes, by least squares on the logarithms of all of them.

    The coefficients are found for each replicate and then averaged, so that the interval is that of
    independent replicates. Empty where the settings are too few to tell their parts apart.

    Args:
        gains: rows replicates, columns settings.
        settings: for each column the values, all above 0, of the same names.
    """
    complete = gains.dropna()
    names = [name for name in settings[0] if len({point[name] for point in settings}) > 1] if settings else []
    places = np.log10([[float(point[name]) for name in names] for point in settings])  # (m, names)
    if (
        not names
        or len(settings) < len(names) + 2
        or np.linalg.matrix_rank(places - places.mean(0)) < len(names)
    ):
        return {}
    design = np.column_stack([np.ones(len(places)), places])
    found = np.linalg.lstsq(design, complete.to_numpy(dtype=np.float64).T, rcond=None)[0]  # (1 + names, R)
    return {name: student(row) for name, row in zip(names, found[1:], strict=True)}
