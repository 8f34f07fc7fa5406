"""Differences between sides that share no draws: Welch's interval on two estimates."""

from __future__ import annotations

import math
from dataclasses import replace

from .paired import Difference

NO_INTERVAL = "an interval needs one on both sides"


def independent(first: Difference, second: Difference) -> Difference:
    """``second - first`` of two estimates from independent draws, each with its own standard error.

    The degrees of freedom are Welch and Satterthwaite's (Welch 1947, doi:10.1093/biomet/34.1-2.28),
    rounded down. Without a standard error on both sides there is no interval.
    """
    if first.estimate is None or second.estimate is None:
        return Difference(None, reason=first.reason or second.reason)
    estimate = second.estimate - first.estimate
    alone = Difference(estimate, n=second.n, values=second.values, n_first=first.n)
    if first.se is None or first.df is None or second.se is None or second.df is None:
        return replace(alone, reason=first.reason or second.reason or NO_INTERVAL)
    one, two = first.se**2, second.se**2
    if one + two == 0:
        return replace(alone, se=0.0, df=min(first.df, second.df))
    df = (one + two) ** 2 / (one**2 / first.df + two**2 / second.df)
    return replace(alone, se=math.sqrt(one + two), df=max(1, int(df)))
