"""Gains in two settings: classifiers, imbalances, sizes and a second sweep."""

from typing import Any

import pytest

from sweeps.answers import Answer, ask, forbidden_words, unsourced_numbers
from synaug.errors import Exit, SynaugError
from tests.sweeps.planted_cells import Lines, Plant, ledger

DIGESTS = {"data_digest": "a" * 64, "sizes": {"neg": 10, "pos": 90}}


def arms(smote: float, none: float = 64.0, moved: float = 72.0, **context: Any) -> list[Plant]:
    return [
        Plant("none", none, adjusted=moved, context=context),
        Plant("logit_adjust", moved, context=context),
        Plant("smote", smote, {"ratio": 100.0}, context=context),
    ]


def said(lines: Lines, question: str, kind: str, against: Lines | None = None, **wanted: Any) -> list[Answer]:
    answers = ask(lines, question, against=against).answers
    for answer in answers:
        assert unsourced_numbers(answer) == (), answer.sentence
        assert forbidden_words(answer) == (), answer.sentence
    found = [answer for answer in answers if answer.detail["kind"] == kind]
    return [answer for answer in found if wanted.items() <= answer.detail.items()]


@pytest.mark.parametrize(
    ("smote", "verdict", "words"),
    [
        (74.0, "equivalent", "it transfers, the two are equivalent at the 0.50 point margin"),
        (70.0, "worse", "smaller by a margin that matters"),
        (78.0, "better", "larger by a margin that matters"),
    ],
)
def test_a_gain_transfers_to_another_classifier_or_does_not(smote: float, verdict: str, words: str) -> None:
    lines = ledger([*arms(smote, classifier="logistic"), *arms(74.0, classifier="mlp")], sd=0.2)
    (answer,) = said(lines, "classifier", "transfer", arm="smote", base="none")
    assert (answer.detail["first"], answer.detail["second"]) == ("mlp", "logistic")
    assert answer.estimate == pytest.approx(smote - 74, abs=0.4)
    assert answer.verdict == verdict
    assert words in answer.sentence
    assert "10 independent replicates x 10 folds, paired; Holm p" in answer.sentence
    assert answer.detail["family_size"] == 3  # over none: two arms; over logit_adjust: one


def test_noise_shows_no_transfer() -> None:
    lines = ledger([*arms(74.0, classifier="mlp"), *arms(74.2, classifier="knn")], sd=3)
    (answer,) = said(lines, "classifier", "transfer", arm="smote", base="none")
    assert answer.verdict == "inconclusive"
    assert "not shown whether it transfers" in answer.sentence


def test_a_gain_of_the_other_sign_is_told() -> None:
    lines = ledger([*arms(74.0, classifier="mlp"), *arms(60.0, classifier="knn")])
    (answer,) = said(lines, "classifier", "transfer", arm="smote", base="none")
    assert answer.sentence.endswith("of the other sign.")


def test_one_classifier_is_not_applicable() -> None:
    (answer,) = ask(ledger(arms(74.0)), "classifier").answers
    assert answer.verdict == "not_applicable"


def test_natural_is_what_induced_imbalances_are_compared_with() -> None:
    plants = [*arms(74.0, imbalance="2000:60"), *arms(76.0, imbalance="natural")]
    (answer,) = said(ledger(plants, sd=0.2), "imbalance", "transfer", arm="smote", base="none")
    assert (answer.detail["first"], answer.detail["second"]) == ("natural", "2000:60")
    assert answer.estimate == pytest.approx(-2, abs=0.4)


def test_ratio_and_rows_that_change_together_are_warned_of() -> None:
    both = ledger([*arms(74.0, imbalance="2000:60"), *arms(73.0, imbalance="2000:200")])
    assert any("not told apart" in text for text in ask(both, "imbalance").warnings)
    rows = ledger([*arms(74.0, imbalance="2000:60"), *arms(73.0, imbalance="4000:120")])
    assert not any("not told apart" in text for text in ask(rows, "imbalance").warnings)


def test_a_sweep_s_own_size_is_that_of_its_header() -> None:
    lines = ledger([*arms(74.0), *arms(76.0, imbalance="90:5")], sizes={"neg": 10, "pos": 90})
    (answer,) = said(lines, "imbalance", "transfer", arm="smote", base="none")
    assert (answer.detail["first"], answer.detail["second"]) == ("90:10", "90:5")
    starts = {a.sentence.partition("]")[0] for a in ask(lines, "method").answers}
    assert starts == {"[imbalance 90:10", "[imbalance 90:5"}
    (paying,) = said(lines, "size", "size", arm="smote", base="none")
    assert [point["size"] for point in paying.detail["points"]] == [5, 10]


def sized(truth: dict[int, float]) -> list[Plant]:
    return [p for rows, gain in truth.items() for p in arms(64 + gain, imbalance=f"2000:{rows}")]


def test_below_how_many_rows_it_pays() -> None:
    lines = ledger(sized({20: 6.0, 60: 3.0, 200: 0.0, 600: -1.0}), sd=0.2)
    (answer,) = said(lines, "size", "size", arm="smote", base="none")
    crossing = 60 * (200 / 60) ** (2.5 / 3)
    paying = answer.detail["paying"]
    assert paying["size"] == pytest.approx(crossing, rel=0.1)
    assert paying["low"] < crossing < paying["high"]
    assert "up to about" in answer.sentence
    assert "minority rows (95 % CI" in answer.sentence
    assert [p["size"] for p in answer.detail["points"]] == [20, 60, 200, 600]


@pytest.mark.parametrize(
    ("truth", "sd", "words"),
    [
        ({20: 6.0, 200: 5.0}, 0.2, "it does at every size from 20 to 200"),
        ({20: 0.0, 200: 0.0}, 0.1, "it does at no size from 20 to 200"),
        ({20: 1.0, 200: 0.0}, 3.0, "undecided"),
    ],
)
def test_sizes_at_which_it_always_never_or_perhaps_pays(
    truth: dict[int, float], sd: float, words: str
) -> None:
    (answer,) = said(ledger(sized(truth), sd=sd), "size", "size", arm="smote", base="none")
    assert words in answer.sentence


def test_a_second_sweep_of_the_same_draws_is_paired() -> None:
    first = ledger(arms(74.0), **DIGESTS)
    second = ledger(arms(72.0, encoder="other"), **{**DIGESTS, "sweep": "second"})
    (answer,) = [a for a in said(first, "method", "against", second) if "smote" in a.detail["first"]]
    assert answer.detail["paired"] is True
    assert answer.estimate == pytest.approx(-2, abs=0.4)
    assert "smote (ratio 100) in second loses -" in answer.sentence
    (gain,) = said(first, "method", "transfer", second, arm="smote", base="none")
    assert gain.detail["paired"] is True
    assert gain.estimate == pytest.approx(-2, abs=0.4)


def test_a_second_sweep_of_other_draws_is_not_paired() -> None:
    first = ledger(arms(74.0), **DIGESTS)
    second = ledger(arms(72.0, data="f"), seed=9, replicates=6, sweep="second", data_digest="b" * 64)
    found = said(first, "method", "against", second)
    assert all("10 and 6 independent replicates, not paired" in a.sentence for a in found)
    answers = ask(first, "method", against=second)
    assert any("do not share their draws" in text for text in answers.warnings)
    (gain,) = said(first, "imbalance", "transfer", second, arm="smote", base="none")
    assert gain.detail["paired"] is False
    assert gain.estimate == pytest.approx(-2, abs=0.5)


def test_natural_repetitions_against_induced_replicates() -> None:
    natural = ledger(arms(74.0), inference="repetitions", replicates=2)
    for line in natural[1:]:
        noise = [0.004, -0.002, 0.001, -0.003]
        score = line["scores"]["dev_balanced_accuracy"]
        shift = len(line["trial_key"]) % 3
        line["folds"] = [
            {"fold": f, "cv_balanced_accuracy": score + noise[(f + shift) % 4]} for f in range(4)
        ]
        line["scored_on"] = "cv"
    induced = ledger(arms(76.0), sweep="induced")
    (gain,) = said(natural, "imbalance", "transfer", induced, arm="smote", base="none")
    assert gain.detail["paired"] is False
    assert gain.low is not None
    assert gain.estimate == pytest.approx(2, abs=0.6)


def test_one_cell_against_a_second_sweep() -> None:
    first, second = ledger(arms(74.0), **DIGESTS), ledger(arms(75.0), **{**DIGESTS, "sweep": "second"})
    key = next(line["trial_key"] for line in first if "smote" in line.get("trial_key", ""))
    (answer,) = said(first, key, "against", second)
    assert answer.estimate == pytest.approx(1, abs=0.4)
    with pytest.raises(SynaugError, match="has no results of smote") as caught:
        ask(first, key, against=ledger(arms(75.0)[:2]))
    assert caught.value.exit is Exit.USAGE
    with pytest.raises(SynaugError, match="two sweeps are not compared on 'ratio'"):
        ask(first, "ratio", against=second)


def test_contexts_of_two_sweeps_are_matched_each_once() -> None:
    plants = [*arms(74.0), *arms(75.0, classifier="knn")]
    first, second = ledger(plants, **DIGESTS), ledger(plants[::-1], seed=3, sweep="second")
    found = said(first, "method", "against", second)
    assert len(found) == 6
    assert [a.sentence.partition("]")[0] for a in found] == ["[classifier mlp"] * 3 + ["[classifier knn"] * 3
    assert all(("knn" in a.cells[0]) == ("knn" in a.cells[1]) for a in found)
    assert len(said(first, "method", "against", ledger(arms(74.0), seed=3, sweep="second"))) == 3
