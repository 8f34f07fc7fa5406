"""Ranks over data sets: Demsar's example, and what is no data set."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from sweeps.analysis.ranks import (
    Friedman,
    against_control,
    critical_difference,
    data_set_means,
    friedman,
    nemenyi,
)

# Demsar (2006), table 6: AUC of C4.5 and three variants on 14 data sets. On the voting data two entries are
# printed alike; the fifth digit breaks their tie as the printed ranks do.
AUC = [
    [0.763, 0.768, 0.771, 0.798],
    [0.599, 0.591, 0.590, 0.569],
    [0.954, 0.971, 0.968, 0.967],
    [0.628, 0.661, 0.654, 0.657],
    [0.882, 0.888, 0.886, 0.898],
    [0.936, 0.931, 0.916, 0.931],
    [0.661, 0.668, 0.609, 0.685],
    [0.583, 0.583, 0.563, 0.625],
    [0.775, 0.838, 0.866, 0.875],
    [1, 1, 1, 1],
    [0.940, 0.962, 0.965, 0.962],
    [0.619, 0.666, 0.614, 0.669],
    [0.972, 0.981, 0.97501, 0.975],
    [0.957, 0.978, 0.946, 0.970],
]
METHODS = ["C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf"]


@pytest.fixture(scope="module")
def scores() -> pd.DataFrame:
    return pd.DataFrame(AUC, columns=METHODS, index=[f"data{i}" for i in range(14)])


@pytest.fixture(scope="module")
def demsar(scores: pd.DataFrame) -> Friedman:
    return friedman(scores)


def test_A1_ranks_and_statistics(demsar: Friedman) -> None:
    assert list(demsar.ranks.values()) == pytest.approx([3.143, 2.000, 2.893, 1.964], abs=5e-4)
    assert demsar.chi2 == pytest.approx(9.2786, abs=5e-5)
    assert (demsar.F, demsar.p_F) == (pytest.approx(3.6863, abs=5e-5), pytest.approx(0.01982, abs=5e-6))
    assert not demsar.exploratory


def test_A1_the_correction_for_ties_is_that_of_scipy(demsar: Friedman, scores: pd.DataFrame) -> None:
    expected = stats.friedmanchisquare(*scores.to_numpy().T)
    assert demsar.chi2_tied == pytest.approx(10.228, abs=5e-4)
    assert demsar.chi2_tied == pytest.approx(expected.statistic)
    assert demsar.p_tied == pytest.approx(expected.pvalue)


def test_A1_the_tie_left_in(scores: pd.DataFrame) -> None:
    assert friedman(scores.round(3)).chi2_tied == pytest.approx(10.952, abs=5e-4)


def test_A1_critical_differences(demsar: Friedman) -> None:
    assert critical_difference(demsar) == pytest.approx(1.2536, abs=5e-5)
    assert critical_difference(demsar) / demsar.rank_error == pytest.approx(2.5690, abs=6e-5)
    assert critical_difference(demsar, 0.1) == pytest.approx(1.1181, abs=5e-5)
    assert critical_difference(demsar, 0.1) / demsar.rank_error == pytest.approx(2.2913, abs=6e-5)
    assert critical_difference(demsar, kind="bonferroni_dunn") == pytest.approx(1.168, abs=5e-4)


def test_A1_nemenyi(demsar: Friedman) -> None:
    p = {(pair.first, pair.second): pair.p for pair in nemenyi(demsar)}
    assert len(p) == 6
    assert p["C4.5", "C4.5+m"] == pytest.approx(0.0887, abs=5e-5)
    assert p["C4.5", "C4.5+m+cf"] == pytest.approx(0.0742, abs=5e-5)


def test_A1_holm_against_c45(demsar: Friedman) -> None:
    pairs = {pair.second: pair for pair in against_control(demsar, "C4.5")}
    z = [abs(pairs[name].difference) / demsar.rank_error for name in ("C4.5+m+cf", "C4.5+m", "C4.5+cf")]
    assert z == pytest.approx([2.415, 2.342, 0.512], abs=5e-4)
    p = [pairs[name].p for name in ("C4.5+m+cf", "C4.5+m", "C4.5+cf")]
    assert p == pytest.approx([0.04716, 0.04716, 0.6084], abs=5e-5)
    assert sum(value <= 0.05 for value in p) == 2


def test_a_larger_score_has_the_smaller_rank() -> None:
    table = pd.DataFrame([[1.0, 2.0, 3.0]] * 4, columns=list("abc"), index=list("wxyz"))
    assert friedman(table).ranks == {"a": 3.0, "b": 2.0, "c": 1.0}
    assert friedman(table).exploratory


@pytest.mark.parametrize(
    ("index", "words"),
    [
        (pd.MultiIndex.from_product([["sst2"], range(10)], names=["data", "fold"]), "rows by data, fold"),
        (["sst2"] * 10, "several rows"),
        (pd.MultiIndex.from_product([["a", "b"], range(5)], names=["data", "replicate"]), "replicate"),
    ],
)
def test_folds_and_replicates_are_no_blocks(index: object, words: str) -> None:
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(10, 3)), columns=list("abc"), index=index)
    found = friedman(table)
    assert (found.chi2, found.ranks) == (None, {})
    assert words in (found.reason or "")


def test_tables_that_cannot_be_ranked_say_why() -> None:
    table = pd.DataFrame(np.arange(6.0).reshape(2, 3), columns=list("abc"), index=["x", "y"])
    assert friedman(table).reason is None
    assert "need two" in (friedman(table.iloc[:1]).reason or "")
    assert "three methods" in (friedman(table[["a", "b"]]).reason or "")
    assert "equal scores" in (friedman(table * 0).reason or "")


def test_replicates_become_one_row_a_data_set() -> None:
    one = pd.DataFrame({"a": [1.0, 3.0, 9.0], "b": [2.0, 2.0, np.nan]})
    means = data_set_means({"sst2": one, "imdb": one + 1})
    assert means.loc["sst2"].to_dict() == {"a": 2.0, "b": 2.0}
    assert means.index.tolist() == ["sst2", "imdb"]
