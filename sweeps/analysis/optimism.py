"""Selection optimism: how much the best of many settings looks better than it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import integrate, stats

CHUNK = 8_000_000  # numbers of resampled scores that are held at a time


@dataclass(frozen=True)
class Optimism:
    """The score of the best setting, as it looks and as it is to be expected.

    Attributes:
        winner: the setting with the best mean.
        naive: its mean, which its selection has made too good.
        corrected: the expected score of what such a selection chooses; None where ``reason`` says why.
        low: lower end of the 95 % interval of ``corrected``.
        high: upper end.
        rows: how many rows were resampled.
        settings: how many settings the winner was chosen from.
        reason: why there is no correction.
    """

    winner: Any = None
    naive: float | None = None
    corrected: float | None = None
    low: float | None = None
    high: float | None = None
    rows: int = 0
    settings: int = 0
    reason: str | None = None

    @property
    def optimism(self) -> float | None:
        """What selection alone added: naive less corrected."""
        return None if self.naive is None or self.corrected is None else self.naive - self.corrected


def bbc(scores: pd.DataFrame, random: np.random.Generator, *, resamples: int = 1000) -> Optimism:
    """Correct the score of the best setting by bootstrap bias-corrected cross-validation.

    Rows are resampled; the best setting of each resample is scored on the rows that it lacks
    (Tsamardinos, Greasidou and Borboudakis 2018, doi:10.1007/s10994-018-5714-4). It costs no training.

    Args:
        scores: rows what is exchangeable (items with out-of-fold scores, or replicates), columns
            settings, larger is better; rows that lack a setting are left out.
        random: draws the resamples.
        resamples: how many; one that holds every row is left out.
    """
    complete = scores.dropna()
    table = complete.to_numpy(dtype=np.float64)
    count, settings = table.shape
    if settings == 0 or count < 2:
        return Optimism(rows=count, settings=settings, reason="a correction needs two rows with all settings")
    means = table.mean(axis=0)
    best = int(means.argmax())
    size = max(1, CHUNK // (count + settings))
    parts = [_out_of_bag(table, random, min(size, resamples - start)) for start in range(0, resamples, size)]
    found = np.concatenate(parts)
    low, high = (float(end) for end in np.quantile(found, [0.025, 0.975]))
    return Optimism(
        complete.columns[best], float(means[best]), float(found.mean()), low, high, count, settings
    )


def _out_of_bag(
    table: np.ndarray[Any, np.dtype[np.float64]], random: np.random.Generator, resamples: int
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Score each resample's best setting on the rows that are not in the resample."""
    count = len(table)
    inside = random.multinomial(count, [1 / count] * count, size=resamples).astype(np.float64)
    outside = (inside == 0).astype(np.float64)
    some = outside.any(axis=1)
    inside, outside = inside[some], outside[some]
    best = (inside @ table).argmax(axis=1)
    return np.asarray((outside * table.T[best]).sum(axis=1) / outside.sum(axis=1))


def expected_maximum(count: int) -> float:
    """Expected largest of ``count`` independent standard normal values.

    By so many standard errors the best of equal settings is too good.
    """
    if count < 1:
        raise ValueError(f"count: expected an integer >= 1, got {count}")

    def density(x: float) -> float:
        return float(x * count * stats.norm.pdf(x) * stats.norm.cdf(x) ** (count - 1))

    return float(integrate.quad(density, -12, 12, limit=200)[0])
