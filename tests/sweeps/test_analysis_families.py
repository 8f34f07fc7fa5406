"""Families of comparisons, paired proportions, and whether all levels are equivalent."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.contingency_tables import mcnemar as exact
from statsmodels.stats.multitest import multipletests

from sweeps.analysis import student
from sweeps.analysis.families import adjusted_p, family, mcnemar
from sweeps.analysis.intersection import all_equivalent

P = dict(zip("abcde", [0.001, 0.012, 0.021, 0.040, 0.30], strict=True))
NOISE = np.array([-1.0, 1.0] * 5)


@pytest.mark.parametrize(
    ("correction", "expected"),
    [
        ("holm", [0.005, 0.048, 0.063, 0.080, 0.300]),
        ("bh", [0.005, 0.030, 0.035, 0.050, 0.300]),
        ("bonferroni", [0.005, 0.060, 0.105, 0.200, 1.0]),
    ],
)
def test_A10_corrections(correction: str, expected: list[float]) -> None:
    shuffled = {name: P[name] for name in "cadeb"}
    found = adjusted_p(shuffled, correction)  # type: ignore[arg-type]
    assert [found[name] for name in P] == pytest.approx(expected)
    assert list(found) == list(shuffled)


@pytest.mark.parametrize(
    ("correction", "theirs"), [("holm", "holm"), ("bh", "fdr_bh"), ("bonferroni", "bonferroni")]
)
@pytest.mark.parametrize("size", [1, 2, 7, 40])
def test_corrections_are_those_of_statsmodels(correction: str, theirs: str, size: int) -> None:
    values = np.random.default_rng(size).uniform(size=size).round(1) ** 2  # with ties, 0 and 1
    found = adjusted_p({str(i): value for i, value in enumerate(values)}, correction)  # type: ignore[arg-type]
    assert list(found.values()) == pytest.approx(multipletests(values, method=theirs)[1])


def test_A10_mcnemar() -> None:
    found = mcnemar(10, 25, 1000)
    assert found.p == pytest.approx(0.016674, abs=5e-7)
    assert 100 * found.difference == pytest.approx(1.5)
    assert (100 * found.low, 100 * found.high) == pytest.approx((0.344, 2.656), abs=5e-4)
    assert mcnemar(25, 10, 1000).difference == -found.difference
    assert mcnemar(0, 0, 50).p == 1.0
    assert found.p == pytest.approx(exact([[500, 10], [25, 465]], exact=True).pvalue)


def test_a_family_counts_the_comparisons_that_have_an_interval() -> None:
    found = family(
        "F1", {"none": student(NOISE + 2), "ros": student(NOISE + 0.1), "vae": student([1.0])}, "holm"
    )
    assert found.size == 2
    assert found.without == {"vae": "an interval needs two replicates in common"}
    assert found.rejected() == ("none",)
    assert found.adjusted["none"] == pytest.approx(2 * found.p["none"])


def test_an_empty_family() -> None:
    assert family("F1", {}).adjusted == {}


def levels(*means: float, sd: float = 0.1) -> pd.DataFrame:
    random = np.random.default_rng(3)
    draws = random.normal(size=(10, 1)) * 3
    noise = random.normal(size=(10, len(means))) * sd
    return pd.DataFrame(80 + draws + noise + np.array(means), columns=range(len(means)))


def test_all_levels_equivalent() -> None:
    found = all_equivalent(levels(0.0, 0.05, 0.1), 0.5)
    assert (found.verdict, len(found.pairs), found.more_replicates) == ("equivalent", 3, None)
    assert found.largest is not None
    assert (found.largest.first, found.largest.second) == (0, 2)


def test_one_pair_that_fails_is_enough() -> None:
    found = all_equivalent(levels(0.0, 0.1, 1.0), 0.5)
    assert not found.equivalent
    assert found.verdict == "different"
    assert {(pair.first, pair.second) for pair in found.different} >= {(0, 2), (1, 2)}
    assert found.more_replicates is None


def test_not_shown_says_how_many_more() -> None:
    found = all_equivalent(levels(0.0, 0.0, sd=1.0), 0.3)
    assert found.verdict == "inconclusive"
    assert found.more_replicates is not None
    assert found.more_replicates > 10
    assert found.farthest is not None
    assert found.farthest.reach > 0.3


def test_one_level_is_no_claim() -> None:
    found = all_equivalent(levels(0.0), 0.5)
    assert (found.verdict, found.largest, found.farthest) == ("inconclusive", None, None)


def test_at_the_margin_the_claim_is_wrong_in_one_of_twenty() -> None:
    random = np.random.default_rng(29)
    wrong = 0
    for _ in range(1000):
        table = pd.DataFrame(random.normal([0.0, 0.5], 0.3, size=(10, 2)))
        wrong += all_equivalent(table, 0.5).equivalent
    assert 0.03 <= wrong / 1000 <= 0.07
