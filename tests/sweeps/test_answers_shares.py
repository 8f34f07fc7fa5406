"""Shares of variance and their second view: on a factorial with a known truth, and why there are none."""

from itertools import product
from typing import Any

import pytest

from sweeps.answers import Answer, ask, forbidden_words, unsourced_numbers
from tests.sweeps.planted_cells import Lines, Plant, ledger

RATIOS = (100.0, 25.0, 50.0, 200.0)


@pytest.fixture(scope="module")
def factorial() -> Lines:
    """k matters, the metric does not, the ratio matters most; vae is moved one knob at a time."""
    smote = [
        Plant("smote", 80 - 0.2 * abs(k - 5) + r / 50, {"k": k, "metric": metric, "ratio": r})
        for k, metric, r in product((5, 1, 3), ("euclidean", "cosine"), RATIOS)
    ]
    ros = [Plant("ros", 70 + r / 50, {"ratio": r}) for r in RATIOS]
    vae = [Plant("vae", 75, {"ratio": r, "latent": size}) for r, size in ((100.0, 4), (50.0, 4), (100.0, 8))]
    return ledger([Plant("none", 64), *smote, *ros, *vae], replicates=5)


def said(lines: Lines, question: str, kind: str, **wanted: Any) -> list[Answer]:
    answers = ask(lines, question).answers
    for answer in answers:
        assert unsourced_numbers(answer) == (), answer.sentence
        assert forbidden_words(answer) == (), answer.sentence
    found = [answer for answer in answers if answer.detail["kind"] == kind]
    return [answer for answer in found if wanted.items() <= answer.detail.items()]


def test_the_second_view_stands_beside_the_share_and_agrees_with_it(factorial: Lines) -> None:
    views = {q: said(factorial, q, "second_view", arm="smote")[0] for q in ("k", "metric", "ratio")}
    shares = {q: said(factorial, q, "share", arm="smote", knob=q)[0].detail["share"] for q in views}
    fanova = {q: views[q].detail["fanova"][q]["value"] for q in views}
    assert sorted(fanova, key=fanova.__getitem__) == sorted(shares, key=shares.__getitem__)
    assert fanova["ratio"] > 0.5 > 0.05 > fanova["metric"]
    low, high = views["ratio"].detail["fanova"]["ratio"]["range"]
    assert low <= fanova["ratio"] <= high
    assert "Neither is a share of variance" in views["k"].sentence
    assert (views["k"].verdict, views["k"].estimate, views["k"].n) == ("not_applicable", None, 5)


def test_a_surrogate_of_noise_gives_no_second_view() -> None:
    plants = [Plant("smote", 70, {"k": k, "ratio": r}) for k, r in product((5, 1, 3, 7, 9), RATIOS)]
    (view,) = said(ledger(plants, replicates=3, sd=1), "k", "second_view")
    assert "no answer: the surrogate explains unseen cells too badly" in view.sentence
    assert view.detail["fanova"] == {}


def test_arms_are_crossed_with_the_ratios_that_all_have(factorial: Lines) -> None:
    (share,) = said(factorial, "method", "share", knob="arm")
    assert share.detail["where"] == "over smote, ros, vae at their default knobs and ratios 50, 100 %"
    assert share.detail["share"] > 90
    assert share.detail["cells_compared"] == 6
    (view,) = said(factorial, "method", "second_view")
    assert "a surrogate needs 20 cells" in view.sentence


@pytest.mark.parametrize("question", ["latent", "all"])
def test_a_design_that_crosses_nothing_says_what_to_run(factorial: Lines, question: str) -> None:
    (none,) = said(factorial, question, "no_shares")
    assert none.verdict == "not_applicable"
    assert "each knob of vae explains has no answer" in none.sentence
    assert "design: factorial" in none.sentence


def test_two_replicates_are_too_few_for_shares() -> None:
    plants = [Plant("smote", 70, {"k": k, "ratio": r}) for k, r in product((5, 1), RATIOS)]
    (none,) = said(ledger(plants, replicates=2), "k", "no_shares")
    assert "--extend replicates=3" in none.sentence
