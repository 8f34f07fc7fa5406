"""Answers on knobs: planted effects, equivalence, identity, and what falls beyond balance."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from sweeps.answers import Answer, ask, unsourced_numbers

Lines = list[dict[str, Any]]
DEFAULT = {"k": 5, "metric": "euclidean", "ratio": 100.0}


def cell(truth: Mapping[str, float], arm: str = "smote", sd: float = 0.2, n: int = 10, **knobs: Any) -> Lines:
    """Result lines of one cell with the true score, adjusted, auc and gap in per cent; draws are shared."""
    settings = {**DEFAULT, **knobs} if arm == "smote" else knobs
    key = "/".join([arm, *(f"{name}={value}" for name, value in settings.items())])
    lines = []
    for replicate in range(n):
        draw = np.random.default_rng(replicate).normal(0, 3)
        own = np.random.default_rng([replicate, *key.encode()])
        score, adjusted, auc, gap = (
            (truth.get(name, 70.0) + draw + own.normal(0, sd)) / 100
            for name in ("score", "adjusted", "auc", "gap")
        )
        lines.append(
            {
                "kind": "result",
                "trial_key": key,
                "config": {"arm": arm, **settings},
                "replicate": replicate,
                "scores": {
                    "dev_balanced_accuracy": score,
                    "dev_adjusted_balanced_accuracy": adjusted,
                    "dev_auc": auc,
                    "cv_balanced_accuracy": score - 0.02 + own.normal(0, sd) / 100,
                },
                "counts": {"real": {"neg": 10, "pos": 90}},
                "per_class": {"neg": {"recall": 0.2, "train_recall": 0.2 + gap}},
            }
        )
    return lines


def sound(lines: Lines, question: str, kind: str) -> list[Answer]:
    """The answers of a kind, after a look at the sentences of all."""
    answers = ask(lines, question).answers
    for answer in answers:
        assert unsourced_numbers(answer) == (), answer.sentence
        assert not re.search(r"\b(significant|proves|because)\b", answer.sentence)
    return [answer for answer in answers if answer.detail["kind"] == kind]


def scores(knob: str, truth: Mapping[Any, float], sd: float = 0.2, n: int = 10) -> Lines:
    """The default cell first, then the others."""
    first = sorted(truth, key=lambda level: level != DEFAULT[knob])
    return [x for level in first for x in cell({"score": truth[level]}, sd=sd, n=n, **{knob: level})]


def test_a_planted_effect_of_k_and_its_opposite() -> None:
    (up,) = sound(scores("k", {3: 70, 5: 70, 10: 73}), "k", "summary")
    assert up.estimate == pytest.approx(3, abs=0.3)
    assert (up.verdict, up.detail["leader"], up.detail["not_told_apart"]) == ("better", 10, [])
    assert "smote with k 10 gains +" in up.sentence
    (down,) = sound(scores("k", {3: 73, 5: 73, 10: 70}), "k", "summary")
    assert (down.detail["last"], len(down.detail["not_told_apart"])) == (10, 1)


def test_levels_are_compared_to_the_default_one() -> None:
    pairs = sound(scores("k", {3: 71, 5: 70, 10: 68}), "k", "pair")
    assert [(a.detail["level"], a.detail["default"]) for a in pairs] == [(3, 5), (10, 5)]
    assert [a.estimate for a in pairs] == pytest.approx([1, -2], abs=0.3)
    assert pairs[1].verdict == "worse"


def test_a_knob_that_does_not_matter_is_called_so_only_when_shown() -> None:
    truth = {3: 70.0, 5: 70.0, 10: 70.0}
    (shown,) = sound(scores("k", truth), "k", "summary")
    assert shown.verdict == "equivalent"
    assert "k in 3, 5, 10 does not matter for smote at the 0.50 point margin" in shown.sentence
    (not_shown,) = sound(scores("k", truth, sd=2.0), "k", "summary")
    assert not_shown.verdict == "inconclusive"
    assert "we could not show that k does not matter for smote" in not_shown.sentence
    assert not_shown.detail["more_for_equivalence"] > 10
    (single,) = sound(scores("k", truth, n=1), "k", "summary")
    assert single.verdict == "inconclusive"
    assert single.low is None


def test_a_factorial_is_averaged_over_the_other_knobs() -> None:
    lines = [
        x
        for k in (5, 10)
        for ratio, lift in ((100.0, 2.0), (50.0, 4.0))
        for x in cell({"score": 70 + (lift if k == 10 else 0)}, k=k, ratio=ratio)
    ]
    (answer,) = sound(lines, "k", "summary")
    assert (answer.estimand, answer.detail["settings"]) == ("average", 2)
    assert answer.estimate == pytest.approx(3, abs=0.3)


def test_a_default_beside_the_factorial_does_not_hide_it() -> None:
    crossed = [x for k in (3, 10) for r in (50.0, 150.0) for x in cell({"score": 60 + k}, k=k, ratio=r)]
    (answer,) = sound([*cell({"score": 70}), *crossed], "k", "summary")
    assert (answer.detail["levels"], answer.detail["settings"]) == ([3, 10], 2)
    assert answer.estimate == pytest.approx(7, abs=0.3)


def test_euclidean_and_cosine_are_identical_by_construction_only_when_they_are() -> None:
    euclidean = cell({})
    cosine = [{**x, "trial_key": "c", "config": {**x["config"], "metric": "cosine"}} for x in euclidean]
    (same,) = sound([*euclidean, *cosine], "metric", "identical")
    assert (
        "identical by construction on normalised embeddings for smote (same score in every replicate"
        in same.sentence
    )
    assert same.verdict == "equivalent"
    (summary,) = sound([*euclidean, *cosine], "metric", "summary")
    assert "same score in every replicate" in summary.sentence
    assert "leads" not in summary.sentence
    cosine[4]["scores"] = {**cosine[4]["scores"], "dev_balanced_accuracy": 0.71}
    assert sound([*euclidean, *cosine], "metric", "identical") == []


NONE = cell({"score": 60}, arm="none")


def test_ratio_is_compared_to_none_and_the_smallest_good_one_recommended() -> None:
    lines = NONE + scores("ratio", {25.0: 66, 50.0: 70, 100.0: 70, 150.0: 68})
    (summary,) = sound(lines, "ratio", "summary")
    assert summary.detail["levels"] == [0.0, 25.0, 50.0, 100.0, 150.0]
    assert "the smallest of these, 50 %, is recommended" in summary.sentence
    pairs = sound(lines, "ratio", "pair")
    assert [a.detail["level"] for a in pairs] == [25.0, 50.0, 100.0, 150.0]
    assert {a.detail["first"] for a in pairs} == {"none"}
    assert pairs[0].estimate == pytest.approx(6, abs=0.3)


@pytest.mark.parametrize(
    ("change", "reading", "words"),
    [
        ({"score": 68}, "over_shift", "consistent with prior over-shift"),
        ({"score": 68, "auc": 69.8, "gap": 74}, "over_shift", "consistent with prior over-shift"),
        ({"score": 68, "adjusted": 68, "gap": 74}, "overfit", "it overfits the minority"),
        ({"score": 68, "auc": 68, "gap": 74}, "overfit", "it overfits the minority"),
        ({"score": 68, "adjusted": 68}, "undecided", "undecided"),
        ({"score": 71, "gap": 74}, "rises", "the score does not fall"),
        ({"score": 70, "adjusted": 68, "gap": 74}, "rises", "the score does not fall"),
    ],
)
def test_beyond_balance(change: dict[str, float], reading: str, words: str) -> None:
    lines = NONE + cell({"score": 70}) + cell({**change}, ratio=200.0)
    (answer,) = sound(lines, "ratio", "beyond_balance")
    assert answer.detail["reading"] == reading
    assert words in answer.sentence
    assert ("overfits" in answer.sentence) == (reading == "overfit")
    assert answer.detail["score"]["estimate"] == pytest.approx(change["score"] - 70, abs=0.3)


def test_noise_beyond_balance_shows_no_fall() -> None:
    lines = NONE + cell({}, sd=3) + cell({"score": 69.5}, sd=3, ratio=200.0)
    assert sound(lines, "ratio", "beyond_balance")[0].detail["reading"] == "unseen"


@pytest.mark.parametrize("question", ["k", "latent"])
def test_a_knob_without_two_levels_is_not_applicable_and_says_what_to_add(question: str) -> None:
    (answer,) = ask(NONE + cell({}), question).answers
    assert answer.verdict == "not_applicable"
    assert f"two or more levels of {question} in the spec" in answer.sentence


def test_any_knob_of_the_sweep_can_be_asked_for() -> None:
    lines = cell({"score": 70}, arm="vae", beta=1.0) + cell({"score": 75}, arm="vae", beta=4.0)
    (answer,) = sound(lines, "beta", "summary")
    assert answer.estimate == pytest.approx(5, abs=0.3)
