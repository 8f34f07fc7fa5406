"""Effects over data sets, and differences of gains."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from sweeps.analysis import Difference
from sweeps.analysis.pooled import difference_in_differences, pooled

EFFECTS = dict(zip("abcde", [0.5, 1.5, 0.2, 2.0, 0.8], strict=True))
VARIANCES = [0.04, 0.09, 0.04, 0.16, 0.09]


def differences() -> dict[str, Difference]:
    return {
        name: Difference(effect, se=variance**0.5, df=9, n=10)
        for (name, effect), variance in zip(EFFECTS.items(), VARIANCES, strict=True)
    }


def test_A10_dersimonian_laird() -> None:
    found = pooled(differences())
    assert found.estimate == pytest.approx(0.9415, abs=5e-5)
    assert found.interval == pytest.approx((0.3622, 1.5209), abs=5e-5)
    assert found.tau2 == pytest.approx(0.357, abs=5e-4)
    assert found.q == pytest.approx(25.03, abs=5e-3)
    assert found.i2 == pytest.approx(0.840, abs=5e-4)


def test_the_prediction_interval_is_that_of_higgins() -> None:
    found = pooled(differences())
    assert found.tau2 is not None
    assert found.se is not None
    assert found.estimate is not None
    assert found.prediction is not None
    half = stats.t.ppf(0.975, 3) * (found.tau2 + found.se**2) ** 0.5
    assert found.prediction == pytest.approx((found.estimate - half, found.estimate + half))


def test_the_interval_for_few_data_sets_covers_the_mean_effect() -> None:
    random = np.random.default_rng(41)
    hits = {"normal": 0, "adjusted": 0, "prediction": 0}
    for _ in range(600):
        true = random.normal(1.0, 0.6, size=5)
        se = random.uniform(0.2, 0.4, size=4)
        seen = random.normal(true[:4], se)
        found = pooled({str(i): Difference(seen[i], se=se[i], df=9) for i in range(4)})
        assert found.interval is not None
        assert found.adjusted is not None
        assert found.prediction is not None
        hits["normal"] += found.interval[0] <= 1.0 <= found.interval[1]
        hits["adjusted"] += found.adjusted[0] <= 1.0 <= found.adjusted[1]
        hits["prediction"] += found.prediction[0] <= true[4] <= found.prediction[1]
    assert 0.92 <= hits["adjusted"] / 600 <= 0.98
    assert 0.92 <= hits["prediction"] / 600 <= 0.99
    assert hits["normal"] < hits["adjusted"]


def test_equal_effects_have_no_variance_between_data_sets() -> None:
    found = pooled({name: Difference(1.0, se=0.2, df=9) for name in "abc"})
    assert (found.tau2, found.i2) == (0.0, 0.0)
    assert found.estimate == pytest.approx(1.0)


def test_two_data_sets_have_no_prediction_interval() -> None:
    one, two = list(differences().items())[:2]
    found = pooled(dict([one, two, ("c", Difference(1.0, reason="one replicate"))]))
    assert found.data_sets == ("a", "b")
    assert found.prediction is None
    assert pooled(dict([one])).reason == "a summary needs two data sets with an interval"


def test_gains_over_the_same_draws_are_paired() -> None:
    random = np.random.default_rng(2)
    shared = random.normal(0, 2, size=10)
    first = pd.Series(1 + shared)
    second = pd.Series(1.5 + shared + random.normal(0, 0.1, size=10))
    paired = difference_in_differences(first, second, same_draws=True)
    apart = difference_in_differences(first, second, same_draws=False)
    assert paired.estimate == pytest.approx(apart.estimate)
    assert paired.excludes_zero()
    assert not apart.excludes_zero()


def test_gains_over_other_draws_are_compared_by_welch() -> None:
    random = np.random.default_rng(6)
    first, second = random.normal(0, 1, size=8), random.normal(2, 3, size=12)
    found = difference_in_differences(pd.Series(first), pd.Series(second), same_draws=False)
    expected = stats.ttest_ind(second, first, equal_var=False)
    assert found.estimate is not None
    assert found.se is not None
    assert found.estimate / found.se == pytest.approx(expected.statistic)
    assert found.df == int(expected.df)
    assert found.p == pytest.approx(expected.pvalue, rel=0.05)


def test_settings_that_are_too_small_say_so() -> None:
    two = pd.Series([1.0, 2.0])
    assert difference_in_differences(two, two[:0], same_draws=False).estimate is None
    assert difference_in_differences(two, two[:1], same_draws=False).interval() is None
