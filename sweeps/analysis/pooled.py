"""Effects of several data sets taken together, and how effects differ between settings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from .paired import Difference, student


@dataclass(frozen=True)
class Pooled:
    """A random-effects summary of one effect over data sets.

    Attributes:
        estimate: mean effect over data sets like these; None when ``reason`` says why.
        se: its standard error (DerSimonian and Laird).
        interval: 95 % interval of the mean effect, normal.
        adjusted: the same by Hartung, Knapp, Sidik and Jonkman with t: to be preferred with few data
            sets, where the normal one is too short.
        prediction: 95 % interval of the effect on a new data set (Higgins, Thompson and Spiegelhalter
            2009, doi:10.1111/j.1467-985X.2008.00552.x); None with fewer than three data sets.
        tau2: variance of the true effects between data sets.
        q: Cochran's Q.
        i2: share of the variation that is between data sets, 0 to 1.
        data_sets: the data sets behind it.
        reason: why there is no summary.
    """

    estimate: float | None = None
    se: float | None = None
    interval: tuple[float, float] | None = None
    adjusted: tuple[float, float] | None = None
    prediction: tuple[float, float] | None = None
    tau2: float | None = None
    q: float | None = None
    i2: float | None = None
    data_sets: tuple[str, ...] = ()
    reason: str | None = None


def pooled(effects: Mapping[str, Difference]) -> Pooled:
    """Summarise one comparison over data sets by their estimates and standard errors.

    A data set without a standard error above 0 is left out: nothing says how much it weighs.
    """
    usable = {name: d for name, d in effects.items() if d.estimate is not None and d.se}
    names = tuple(usable)
    if len(usable) < 2:
        return Pooled(data_sets=names, reason="a summary needs two data sets with an interval")
    from statsmodels.stats.meta_analysis import combine_effects

    effect = np.array([d.estimate for d in usable.values()], dtype=np.float64)
    variance = np.array([d.se for d in usable.values()], dtype=np.float64) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):  # where its tau2 is below 0, which it leaves there
        result = combine_effects(effect, variance, method_re="dl")
    tau2, q, df = max(0.0, float(result.tau2)), float(result.q), len(names) - 1
    model = "re" if tau2 > 0 else "fe"  # without variance between data sets both are the same
    estimate, se = float(getattr(result, f"mean_effect_{model}")), float(getattr(result, f"sd_eff_w_{model}"))
    hksj = float(getattr(result, f"sd_eff_w_{model}_hksj"))
    t = float(stats.t.ppf(0.975, df))
    spread = math.sqrt(tau2 + se**2)
    return Pooled(
        estimate,
        se,
        _around(estimate, float(stats.norm.ppf(0.975)) * se),
        _around(estimate, t * hksj),
        _around(estimate, float(stats.t.ppf(0.975, df - 1)) * spread) if df > 1 else None,
        tau2,
        q,
        max(0.0, 1 - df / q) if q > 0 else 0.0,
        names,
    )


def difference_in_differences(first: pd.Series, second: pd.Series, *, same_draws: bool) -> Difference:
    """How much larger a gain is in the second setting than in the first.

    Each gain is a paired difference a replicate. Over the same draws (two classifiers, two budgets)
    the gains are paired again; over other draws (two data sets, natural and induced imbalance) they
    are independent, and the interval is Welch's with its degrees of freedom rounded down.

    Args:
        first: gains by replicate in the first setting.
        second: gains by replicate in the second.
        same_draws: whether a replicate is the same training draw in both.
    """
    if same_draws:
        return student((second - first).dropna().to_numpy(dtype=np.float64))
    parts = [student(gains.dropna().to_numpy(dtype=np.float64)) for gains in (first, second)]
    a, b = parts
    if a.estimate is None or b.estimate is None:
        return Difference(None, reason="a setting has no replicate")
    estimate, count = b.estimate - a.estimate, min(a.n, b.n)
    if a.se is None or b.se is None or a.df is None or b.df is None:
        return Difference(estimate, n=count, reason="an interval needs two replicates in each setting")
    variance = a.se**2 + b.se**2
    if variance == 0:
        return Difference(estimate, 0.0, 0.0, min(a.df, b.df), count, a.n + b.n)
    df = math.floor(variance**2 / (a.se**4 / a.df + b.se**4 / b.df))
    return Difference(estimate, None, math.sqrt(variance), df, count, a.n + b.n)


def _around(centre: float, half: float) -> tuple[float, float]:
    return centre - half, centre + half
