"""How probable it is that one side is better: the Bayesian correlated t test."""

from __future__ import annotations

from dataclasses import dataclass

from scipy import stats

from .paired import Difference


@dataclass(frozen=True)
class Posterior:
    """Posterior probabilities of a difference, given a flat prior.

    Attributes:
        worse: that it is below -rope.
        equivalent: that it lies within +-rope; 0 when the rope is 0.
        better: that it is above rope.
        rope: half width of the region of practical equivalence, in the unit of the difference.
    """

    worse: float
    equivalent: float
    better: float
    rope: float


def posterior(difference: Difference, rope: float = 0.0) -> Posterior | None:
    """Posterior of a difference's true value: a t distribution about the estimate.

    With a difference from ``nadeau_bengio`` this is the correlated t test of Corani and Benavoli (2015,
    doi:10.1007/s10994-015-5486-z), as ``baycomp.two_on_single`` computes it; with one from
    ``student`` the replicates are independent. None where the difference has no interval.
    """
    estimate, se, df = difference.estimate, difference.se, difference.df
    if estimate is None or se is None or df is None:
        return None
    if se == 0:
        below, above = float(estimate < -rope), float(estimate > rope)
        return Posterior(below, 1 - below - above, above, rope)
    below = float(stats.t.cdf(-rope, df, estimate, se))
    above = float(stats.t.sf(rope, df, estimate, se))
    return Posterior(below, max(0.0, 1 - below - above) if rope > 0 else 0.0, above, rope)
