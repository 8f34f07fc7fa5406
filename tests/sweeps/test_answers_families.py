"""Families of comparisons: declared ones by Holm, knobs of an arm by Holm, the rest by BH."""

import pytest

from sweeps.answers import Answer, ask
from sweeps.spec import diff_fields, load_spec
from synaug.errors import Exit, SynaugError
from tests.sweeps.planted_cells import Lines, Plant, ledger

ARMS = [
    Plant("none", 64.0, adjusted=72),
    Plant("logit_adjust", 71.9),
    Plant("class_weight", 72.1),
    Plant("ros", 72.0, {"ratio": 100.0}),
    Plant("smote", 72.2, {"ratio": 100.0}),
    Plant("vae", 72.15, {"ratio": 100.0}),
]


def holm(p: list[float]) -> list[float]:
    """Holm's adjusted p-values, step by step from the smallest."""
    order = sorted(range(len(p)), key=lambda i: p[i])
    adjusted, highest = [0.0] * len(p), 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, (len(p) - rank) * p[i]))
        adjusted[i] = highest
    return adjusted


def pairs(lines: Lines, question: str = "method") -> list[Answer]:
    return [
        a
        for a in ask(lines, question).answers
        if a.detail["kind"] == "pair" and a.budget == "own_best" and a.estimand == "default"
    ]


def test_the_confirmatory_family_is_corrected_by_holm_over_its_five() -> None:
    found = [a for a in pairs(ledger(ARMS)) if a.detail["family"] == "F1"]
    assert {a.detail["first"] for a in found} | {a.detail["second"] for a in found} == {p.arm for p in ARMS}
    assert [a.detail["p_adjusted"] for a in found] == pytest.approx(holm([a.detail["p"] for a in found]))
    assert {a.detail["family_size"] for a in found} == {5}
    for answer in found:
        p = answer.detail["p_adjusted"]
        shown = "< 0.001" if p < 0.001 else f"= {p:.3f}"
        assert f"; Holm p {shown} in family F1 of 5" in answer.sentence


def test_a_family_counts_the_same_whichever_question_prints_it() -> None:
    lines = ledger(ARMS)
    (by_method,) = [a for a in pairs(lines) if {a.detail["first"], a.detail["second"]} == {"smote", "vae"}]
    (by_vae,) = [a for a in pairs(lines, "vae") if a.detail["first"] == "smote"]
    assert by_vae.detail["p_adjusted"] == by_method.detail["p_adjusted"]
    assert "in family F1 of 5" in by_vae.sentence


def test_what_is_not_declared_is_exploratory() -> None:
    rest = [a for a in ask(ledger(ARMS), "method").answers if a.detail.get("family") == "F3"]
    assert len(rest) == rest[0].detail["family_size"] > 5
    assert all("; exploratory, BH p" in a.sentence for a in rest)
    ranked = sorted(rest, key=lambda a: a.detail["p"])
    highest = 1.0
    for rank in range(len(ranked), 0, -1):
        highest = min(highest, ranked[rank - 1].detail["p"] * len(ranked) / rank)
        assert ranked[rank - 1].detail["p_adjusted"] == pytest.approx(highest)


def test_families_and_margin_of_the_header_rule() -> None:
    lines = ledger(ARMS, families={"mine": ["vae against ros"]}, margin=3.0)
    found = [a for a in pairs(lines) if a.detail["family"] == "mine"]
    assert [(a.detail["first"], a.detail["second"], a.detail["family_size"]) for a in found] == [
        ("ros", "vae", 1)
    ]
    assert found[0].detail["p_adjusted"] == found[0].detail["p"]
    assert found[0].verdict == "equivalent"
    assert "at the 3.00 point margin" in found[0].sentence


def test_a_difference_that_the_correction_leaves_open_is_told_so() -> None:
    found = [a for seed in range(4) for a in pairs(ledger(ARMS, seed=seed)) if a.detail["family"] == "F1"]
    left = [a for a in found if a.detail["p"] <= 0.05 < a.detail["p_adjusted"]]
    assert left
    assert all("in family F1 of 5, which leaves it open" in a.sentence for a in left)
    assert all("leaves it open" not in a.sentence for a in found if a not in left)


def test_no_sentence_keeps_the_place_of_a_correction() -> None:
    for replicates in (1, 10):
        assert not [a for a in ask(ledger(ARMS, replicates), "all").answers if "{" in a.sentence]


def test_knobs_of_an_arm_are_one_family() -> None:
    plants = [
        Plant("smote", 70 + (2.0 if k == 5 else 0.0), {"k": k, "metric": m, "ratio": r})
        for k in (1, 5)
        for m in ("cosine", "euclidean")
        for r in (50.0, 100.0)
    ]
    shares = {
        a.detail["knob"]: a
        for q in ("k", "metric", "ratio")
        for a in ask(ledger(plants), q).answers
        if a.detail["kind"] == "share"
    }
    k, metric = shares["k"], shares["metric"]
    assert k.estimate == pytest.approx(100, abs=5)
    assert (k.unit, k.detail["family_size"]) == ("percent", 3)
    assert k.detail["p_adjusted"] == pytest.approx(3 * k.detail["p"])
    assert "in family F2 of 3" in k.sentence
    assert k.sentence.startswith(
        "At each arm's own best budget (chosen on the folds), within smote, k explains "
    )
    assert metric.detail["p_adjusted"] > 0.05
    assert metric.estimate is not None
    assert metric.estimate < metric.detail["null"]


def test_the_spec_declares_families_and_margin() -> None:
    base = load_spec({"arms": ["none", "smote"]})
    assert base.margin == 0.5
    assert base.families["F1"][0] == "smote against none"
    for override, field in (("margin=1.0", "margin"), ("families={A: [smote against none]}", "families.A")):
        other = load_spec({"arms": ["none", "smote"]}, [override])
        assert other.hash != base.hash
        assert field in diff_fields(base, other)
        assert load_spec({"arms": ["none", "smote"]}, [override]).hash == other.hash


@pytest.mark.parametrize(
    ("families", "message"),
    [
        ("{A: [smot against none]}", "unknown arm 'smot'"),
        ("{A: [smote]}", "expected two arms such as 'smote against none'"),
        ("{A: [smote against smote]}", "expected two arms"),
        ("{F3: [smote against none]}", "F2 and F3 are made by the analysis"),
        ("{A: [smote against none], B: [none against smote]}", "each comparison in one family"),
        ("{A: []}", "families"),
    ],
)
def test_families_that_cannot_be(families: str, message: str) -> None:
    with pytest.raises(SynaugError, match=message) as caught:
        load_spec({}, [f"families={families}"])
    assert caught.value.exit is Exit.SPEC
