"""Differences without pairs, shares of a gap, and the size up to which a gain pays."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from sweeps.analysis.gap import gap_closed
from sweeps.analysis.paired import Difference, nadeau_bengio, student
from sweeps.analysis.paying import paying_up_to
from sweeps.analysis.unpaired import independent


def test_independent_sides_are_welch_as_scipy_has_it() -> None:
    random = np.random.default_rng(1)
    a, b = random.normal(0, 1, 12), random.normal(1, 3, 8)
    d = independent(student(a), student(b))
    expected = stats.ttest_ind(b, a, equal_var=False)
    assert d.estimate == pytest.approx(b.mean() - a.mean())
    assert d.df == int(expected.df)
    assert d.se is not None
    assert d.estimate / d.se == pytest.approx(expected.statistic)
    assert (d.n_first, d.n) == (12, 8)


def test_repetitions_bring_their_own_standard_error() -> None:
    folds = nadeau_bengio([1.0, 2.0, 3.0, 2.0], 1 / 3)
    draws = student([0.0, 1.0, 0.5])
    d = independent(folds, draws)
    assert folds.se is not None
    assert draws.se is not None
    assert d.se == pytest.approx(np.hypot(folds.se, draws.se))


def test_no_interval_without_one_on_both_sides() -> None:
    d = independent(student([1.0]), student([1.0, 2.0]))
    assert (d.estimate, d.se) == (0.5, None)
    assert d.reason == "an interval needs two replicates in common"
    assert independent(Difference(None, reason="nothing"), student([1.0, 2.0])).reason == "nothing"
    exact = independent(student([1.0, 1.0]), student([3.0, 3.0, 3.0]))
    assert (exact.estimate, exact.se, exact.df) == (2.0, 0.0, 1)


def test_the_ends_of_a_closed_share_are_where_the_t_test_turns() -> None:
    random = np.random.default_rng(2)
    gap = pd.Series(random.normal(4, 1, 10))
    change = 0.6 * gap + random.normal(0, 0.5, 10)
    closed = gap_closed(change, gap)
    assert closed.share == pytest.approx(change.mean() / gap.mean())
    for end in (closed.low, closed.high):
        assert end is not None
        assert stats.ttest_1samp(change - end * gap, 0).pvalue == pytest.approx(0.05)
    assert closed.moved()


def test_closed_shares_cover_the_truth() -> None:
    random = np.random.default_rng(3)
    gaps = random.normal(2, 1, (1000, 10))
    changes = 0.5 * gaps + random.normal(0, 1, (1000, 10))
    found = [gap_closed(pd.Series(c), pd.Series(g)) for c, g in zip(changes, gaps, strict=True)]
    known = [c for c in found if c.low is not None and c.high is not None]
    inside = np.mean([c.low <= 0.5 <= c.high for c in known])  # type: ignore[operator]
    assert len(known) > 950
    assert 0.93 <= inside <= 0.97


def test_no_gap_cannot_be_closed() -> None:
    assert gap_closed(pd.Series([1.0, 2.0]), pd.Series([0.5, -0.5])).reason == "no gap could be shown"
    assert gap_closed(pd.Series([1.0, 2.0]), pd.Series([-5.0, -5.1])).reason == "no gap could be shown"
    assert (
        gap_closed(pd.Series([1.0]), pd.Series([1.0])).reason
        == "a share of a gap needs two replicates in common"
    )


def gains(truth: dict[int, float], sd: float, n: int = 10, seed: int = 0) -> pd.DataFrame:
    noise = np.random.default_rng(seed).normal(0, sd, (n, len(truth)))
    return pd.DataFrame(np.array(list(truth.values())) + noise, columns=list(truth))


def test_the_size_is_where_the_line_over_the_logarithm_crosses() -> None:
    found = paying_up_to(gains({10: 2.0, 100: 1.0, 1000: 0.0}, 0.0), 0.5)
    assert found.size == pytest.approx(10**2.5, rel=1e-6)
    assert (found.pays_first, found.pays_last) == (True, False)
    assert found.low is not None
    assert found.high is not None
    assert found.low == pytest.approx(found.size, rel=0.02)


def test_the_interval_of_the_size_covers_the_truth() -> None:
    truth = {20: 4.0, 60: 2.5, 200: 0.5, 600: 0.0}
    crossing = 60 * (200 / 60) ** ((2.5 - 1.0) / (2.5 - 0.5))
    inside = []
    for seed in range(400):
        found = paying_up_to(gains(truth, 0.8, seed=seed), 1.0)
        low, high = found.low or 0.0, found.high or np.inf
        inside.append(low <= crossing <= high)
    assert np.mean(inside) >= 0.93


def test_what_is_open_stays_open() -> None:
    always = paying_up_to(gains({10: 5.0, 100: 5.0}, 0.1), 0.5)
    assert (always.size, always.low, always.high, always.pays_last) == (None, None, None, True)
    never = paying_up_to(gains({10: 0.0, 100: 0.0}, 0.1), 0.5)
    assert (never.size, never.pays_first, never.pays_last) == (None, False, False)
    noisy = paying_up_to(gains({10: 0.6, 100: 0.4}, 5.0), 0.5)
    assert (noisy.low, noisy.high, noisy.pays_first, noisy.pays_last) == (None, None, None, None)
    assert paying_up_to(gains({10: 1.0}, 0.1), 0.5).reason is not None
    assert paying_up_to(gains({10: 1.0, 20: 0.0}, 0.1, n=1), 0.5).reason is not None
