"""The question of the encoder on planted ledgers: levels, differences in differences, metrics, groups."""

from __future__ import annotations

from typing import Any

import pytest

from sweeps.answers import Answer, ask, forbidden_words, unsourced_numbers
from tests.sweeps.planted_cells import Lines, Plant, ledger


def arms(smote: float, none: float = 64.0, **context: Any) -> list[Plant]:
    return [
        Plant("none", none, adjusted=72.0, context=context),
        Plant("logit_adjust", 72.0, context=context),
        Plant("smote", smote, {"ratio": 100.0}, context=context),
    ]


def said(lines: Lines, question: str, kind: str, **wanted: Any) -> list[Answer]:
    answers = ask(lines, question).answers
    for answer in answers:
        assert unsourced_numbers(answer) == (), answer.sentence
        assert forbidden_words(answer) == (), answer.sentence
    found = [answer for answer in answers if answer.detail["kind"] == kind]
    return [answer for answer in found if wanted.items() <= answer.detail.items()]


def three(sd: float = 0.2) -> Lines:
    """``minilm/64`` is as ``minilm``; on ``minilm/raw`` all is 5 points up and SMOTE's gain 3 more."""
    plants = [
        *arms(74.0, encoder="minilm"),
        *arms(74.0, encoder="minilm/64"),
        *arms(82.0, none=69.0, encoder="minilm/raw"),
    ]
    return ledger(plants, sd=sd)


def test_each_pair_of_encoders_is_compared_for_each_arm() -> None:
    found = said(three(), "encoder", "encoders")
    assert len(found) == 3 * 3
    by = {(a.detail["arm"], a.detail["first"], a.detail["second"]): a for a in found}
    same = by["smote", "smote on minilm", "smote on minilm/64"]
    assert same.verdict == "equivalent"
    assert "smote on minilm/64 and smote on minilm are equivalent at the 0.50 point margin" in same.sentence
    up = by["none", "none on minilm/64", "none on minilm/raw"]
    assert up.verdict == "better"
    assert up.estimate == pytest.approx(5, abs=0.4)
    assert "none on minilm/raw gains +" in up.sentence
    assert "Holm p < 0.001 in family encoder of 9" in up.sentence


def test_the_leader_of_an_arm_and_who_is_not_told_apart() -> None:
    (leads,) = said(three(), "encoder", "summary", arm="smote")
    assert leads.detail["leader"] == "smote on minilm/raw"
    assert leads.detail["not_told_apart"] == []
    assert "smote on minilm/raw leads on the folds" in leads.sentence
    noisy = three(sd=20)
    (unclear,) = said(noisy, "encoder", "summary", arm="smote")
    assert len(unclear.detail["not_told_apart"]) == 2


def test_differences_of_gains_between_each_pair() -> None:
    found = said(three(), "encoder", "transfer", arm="smote", base="none")
    assert [(a.detail["first"], a.detail["second"], a.verdict) for a in found] == [
        ("minilm", "minilm/64", "equivalent"),
        ("minilm", "minilm/raw", "better"),
        ("minilm/64", "minilm/raw", "better"),
    ]
    assert found[1].estimate == pytest.approx(3, abs=0.5)
    assert found[1].detail["paired"] is True
    assert "it transfers, the two are equivalent" in found[0].sentence
    assert "with encoder minilm/raw" in found[1].sentence
    assert "larger by a margin that matters" in found[1].sentence


def test_one_encoder_is_not_applicable() -> None:
    (answer,) = ask(ledger(arms(74.0)), "encoder").answers
    assert answer.verdict == "not_applicable"
    assert "`encoders`" in answer.sentence


def test_two_varied_things_are_told_apart_in_both_questions() -> None:
    plants = [
        plant
        for encoder, classifier, smote in (
            ("e", "mlp", 74.0), ("f", "mlp", 76.0), ("e", "knn", 74.0), ("f", "knn", 74.0),
        )
        for plant in arms(smote, encoder=encoder, classifier=classifier)
    ]  # fmt: skip
    lines = ledger(plants, sd=0.2)
    by_classifier = said(lines, "classifier", "transfer", arm="smote", base="none")
    assert [a.sentence.partition("]")[0] for a in by_classifier] == ["[encoder e", "[encoder f"]
    assert [round(a.estimate or 0) for a in by_classifier] == [0, -2]
    by_encoder = said(lines, "encoder", "transfer", arm="smote", base="none")
    assert [a.detail["context"] for a in by_encoder] == [{"classifier": "mlp"}, {"classifier": "knn"}]
    assert [a.verdict for a in by_encoder] == ["better", "equivalent"]
    pairs = said(lines, "method", "pair", second="smote", first="none")
    assert {a.sentence.partition("]")[0] for a in pairs} == {
        f"[encoder {e}, classifier {c}" for e in "ef" for c in ("mlp", "knn")
    }


FACTS = {"digest": "a" * 64, "dimensions": 8}
MADE = {"unit": FACTS | {"normalized": True}, "unit/raw": FACTS | {"normalized": False}}


def test_metrics_are_one_on_normalised_embeddings_alone() -> None:
    plants = [
        Plant("smote", 74.0, {"metric": metric, "ratio": 100.0}, context={"encoder": encoder})
        for encoder in MADE
        for metric in ("euclidean", "cosine")
    ]
    plants += [Plant("none", 64.0, context={"encoder": encoder}) for encoder in MADE]
    lines = ledger(plants, encoders=MADE)
    results = {(line["trial_key"], line["replicate"]): line for line in lines if line["kind"] == "result"}
    for (key, replicate), line in results.items():
        if line["config"]["encoder"] == "unit" and line["config"].get("metric") == "cosine":
            twin = results[key.replace("cosine", "euclidean"), replicate]
            line.update({name: twin[name] for name in ("scores", "curve")})
    found = ask(lines, "metric")
    (same,) = [a for a in found.answers if a.detail["kind"] == "identical"]
    assert same.sentence.startswith("[encoder unit] ")
    assert "identical by construction on normalised embeddings for smote" in same.sentence
    (warning,) = [text for text in found.warnings if "cosine" in text]
    assert warning.startswith("embeddings of unit/raw are not normalised")
    (said_once,) = [text for text in ask(lines, "encoder").warnings if "cosine" in text]
    assert said_once.endswith("with unit, not with unit/raw")
