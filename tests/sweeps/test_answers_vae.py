"""The question of the VAE: what it loses by, and the ablation that closes the gap or none."""

from typing import Any

import pytest

from sweeps.answers import Answer, ask, forbidden_words, unsourced_numbers
from tests.sweeps.planted_cells import Plant, ledger

KNOBS = {"latent": 16, "decoder_noise": 0.0, "ratio": 100.0}
SHRUNK = {"variance_ratio": 0.4, "variance_ratio_null_low": 0.9, "variance_ratio_null_high": 1.1}


def study(vae: float = 68.0, noisy: float = 71.0, moments: float = 68.0, sd: float = 0.2) -> list[Plant]:
    return [
        Plant("none", 64.0),
        Plant("ros", 71.5, {"ratio": 100.0}),
        Plant("smote", 72.0, {"ratio": 100.0}),
        Plant("vae", vae, KNOBS, diagnostics=SHRUNK),
        Plant("vae", vae, {**KNOBS, "latent": 2}),
        Plant("vae", noisy, {**KNOBS, "decoder_noise": 1.0}),
        Plant("vae_gaussian", moments, {"ratio": 100.0}),
    ]


def said(plants: list[Plant], kind: str, **options: Any) -> list[Answer]:
    answers = ask(ledger(plants, **options), "vae").answers
    for answer in answers:
        assert unsourced_numbers(answer) == (), answer.sentence
        assert forbidden_words(answer) == (), answer.sentence
    return [answer for answer in answers if answer.detail["kind"] == kind]


def test_what_the_vae_loses_against_each_reference() -> None:
    pairs = said(study(), "pair")
    assert [a.detail["first"] for a in pairs] == ["ros", "smote"]
    assert [a.estimate for a in pairs] == pytest.approx([-3.5, -4.0], abs=0.4)
    assert all(a.verdict == "worse" for a in pairs)


@pytest.mark.parametrize(
    ("changed", "helping", "text"),
    [
        ({}, 1, "is closed by 1 of 1 changes of it: vae with decoder_noise 1 ("),
        ({"noisy": 68.0}, 0, "That gap or a part of it is closed by none of 1 changes of it."),
        ({"vae": 73.0, "noisy": 75.0}, 1, "No loss could be shown that a change could close; the score is"),
        ({"vae": 73.0, "noisy": 73.0}, 0, "the score is raised by none of 1 changes of it."),
    ],
)  # fmt: skip
def test_the_summary_says_what_closes_the_gap_or_that_nothing_does(
    changed: dict[str, float], helping: int, text: str
) -> None:
    (summary,) = said(study(**changed), "summary")
    assert text in summary.sentence
    assert "vae against smote, the highest of smote, ros: " in summary.sentence
    assert summary.detail["helping"] == helping
    (pair,) = (a for a in said(study(**changed), "pair") if a.detail["first"] == "smote")
    assert (summary.estimate, summary.low, summary.high) == (pair.estimate, pair.low, pair.high)


def test_the_summary_without_a_change_says_so() -> None:
    plants = [p for p in study() if p.knobs.get("decoder_noise") != 1.0]
    (summary,) = said(plants, "summary")
    assert summary.sentence.endswith("No change of it was run.")


def test_an_ablation_that_moves_names_the_cause() -> None:
    (answer,) = said(study(), "ablation")
    assert answer.detail["moved"] is True
    assert answer.detail["closed"] == pytest.approx(75, abs=10)
    assert answer.detail["closed_low"] < 75 < answer.detail["closed_high"]
    assert (
        "evidence that the VAE loses because of variance that the decoder's mean leaves out"
        in answer.sentence
    )
    assert answer.sentence.endswith("for the larger part.")


def test_an_ablation_that_does_not_move_names_none() -> None:
    (answer,) = said(study(noisy=68.0), "ablation")
    assert answer.detail["moved"] is False
    assert "because" not in answer.sentence
    assert "which is no evidence that the VAE loses by variance" in answer.sentence


def test_diagnostics_are_associated_and_no_cause() -> None:
    (idle,) = said(study(noisy=68.0), "associated")
    assert "variance ratio 0.40 where real rows have 0.90 to 1.10" in idle.sentence
    assert idle.sentence.endswith("not shown to cause it.")
    assert "because" not in idle.sentence
    (moved,) = said(study(), "associated")
    assert "not shown to cause it" not in moved.sentence


def test_without_a_gap_there_is_nothing_to_close() -> None:
    (answer,) = said(study(vae=73.0, noisy=73.0, moments=73.0), "ablation")
    assert answer.detail["closed"] is None
    assert "no gap could be shown" in answer.sentence


def test_moments_alone_explain_it_or_do_not() -> None:
    (same,) = said(study(), "moments", sd=0.1)
    assert same.verdict == "equivalent"
    assert "what the VAE loses is in the mean and covariance of its rows" in same.sentence
    (other,) = said(study(moments=72.0), "moments")
    assert other.verdict == "better"
    assert "differ from a Gaussian by more than moments" in other.sentence


def test_a_sweep_without_ablations_says_what_to_add() -> None:
    plants = [p for p in study() if p.knobs.get("decoder_noise") != 1.0]
    answers = ask(ledger(plants), "vae")
    assert [text for text in answers.warnings if "vae.decoder_noise" in text]
    assert not [a for a in answers.answers if a.detail["kind"] == "ablation"]
    alone = ask(ledger(plants[:1]), "vae").answers
    assert [a.verdict for a in alone] == ["not_applicable"]
