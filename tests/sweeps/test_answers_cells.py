"""Two cells, the winner, tuned arms, and the noise floor."""

from typing import Any

import numpy as np
import pytest

from sweeps.analysis.evidence import gather
from sweeps.analysis.scores import own_budget
from sweeps.answers import Answer, arm_table, ask, forbidden_words, unsourced_numbers
from sweeps.answers.tuned import tuned
from synaug.errors import Exit, SynaugError
from tests.sweeps.planted_cells import Lines, Plant, ledger

BASE = [Plant("none", 64.0, adjusted=72), Plant("logit_adjust", 72.0)]
SMOTE = [Plant("smote", s, {"k": k}) for k, s in ((5, 72.0), (1, 70.0), (9, 74.0))]


def said(lines: Lines, question: str, kind: str, second: str | None = None, **wanted: Any) -> list[Answer]:
    answers = ask(lines, question, second=second).answers
    for answer in answers:
        assert unsourced_numbers(answer) == (), answer.sentence
        assert forbidden_words(answer) == (), answer.sentence
    found = [answer for answer in answers if answer.detail["kind"] == kind]
    return [a for a in found if wanted.items() <= {**a.detail, **vars(a)}.items()]


def test_two_cells_by_the_first_characters_of_their_keys() -> None:
    lines = ledger([*BASE, *SMOTE])
    one, two = SMOTE[1].key, SMOTE[2].key
    own, adjusted, *common = said(lines, one, "cells", two)
    assert own.estimate == pytest.approx(4, abs=0.4)
    assert "smote (k 9) gains +" in own.sentence
    assert own.cells == (one, two)
    assert adjusted.detail["measure"] == "adjusted"
    assert "with every threshold moved by the prior" in adjusted.sentence
    assert [a.detail["steps"] for a in common] == [1, 8, 64]
    assert next(a.estimate for a in said(lines, two, "cells", one)) == pytest.approx(-4, abs=0.4)


def test_one_cell_alone_is_compared_with_none() -> None:
    own = said(ledger([*BASE, *SMOTE]), SMOTE[2].key, "cells")[0]
    assert own.estimate == pytest.approx(10, abs=0.4)


def test_cells_of_other_data_are_not_paired() -> None:
    lines = ledger([*BASE, Plant("none", 70.0, context={"data": "f"})])
    own = said(lines, BASE[0].key, "cells", "data=f")[0]
    assert "none [data f] gains +" in own.sentence
    assert "10 and 10 independent replicates, not paired" in own.sentence


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ("data=d", None, "5 cells have a trial key that begins with 'data=d'"),
        (SMOTE[0].key, "nothing", "no cell with results has a trial key nothing..."),
        (SMOTE[0].key, SMOTE[0].key, "are the same cell"),
    ],
)
def test_cells_that_are_not_there(first: str, second: str | None, message: str) -> None:
    with pytest.raises(SynaugError, match=message.replace("(", r"\(")) as caught:
        ask(ledger([*BASE, *SMOTE]), first, second=second)
    assert caught.value.exit is Exit.USAGE


def test_each_replicate_is_scored_at_the_cell_that_the_others_choose() -> None:
    lines = ledger([*BASE, *SMOTE], sd=4, replicates=5)
    scores: dict[str, dict[int, tuple[float, float]]] = {}
    for line in lines[1:]:
        found = (line["scores"]["cv_balanced_accuracy"], line["scores"]["dev_balanced_accuracy"])
        scores.setdefault(line["trial_key"], {})[line["replicate"]] = found
    keys = [plant.key for plant in SMOTE]
    expected = []
    for r in range(5):
        chosen = max(keys, key=lambda key: np.mean([scores[key][o][0] for o in range(5) if o != r]))
        expected.append(100 * (scores[chosen][r][1] - scores[BASE[0].key][r][1]))
    (answer,) = said(lines, "method", "pair", first="none", estimand="tuned")[-1:]
    assert answer.estimate == pytest.approx(np.mean(expected))
    assert "is chosen on the folds of the other replicates among 3 cells" in answer.sentence


def test_the_best_of_equal_cells_gains_nothing_by_being_chosen() -> None:
    gains = []
    for seed in range(20):
        plants = [Plant("none", 70.0), *(Plant("smote", 70.0, {"k": k}) for k in range(1, 13))]
        lines = ledger(plants, sd=1.0, seed=seed, replicates=6)
        for line in lines[1:]:  # the folds are the very scores that are compared: the worst case
            score = line["scores"]["dev_balanced_accuracy"]
            line["curve"] = []
            line["scores"] = {"dev_balanced_accuracy": score, "cv_balanced_accuracy": score}
        (part,) = gather(lines).contexts()
        chosen = [tuned(part, own_budget(part), arm) for arm in ("none", "smote")]
        assert chosen[0] is not None
        assert chosen[1] is not None
        gains.append(float((chosen[1].values - chosen[0].values).mean()))
    standard_error = np.std(gains, ddof=1) / np.sqrt(len(gains))
    assert abs(np.mean(gains)) < 3 * standard_error  # the naive choice gains 0.66 points here


def test_tunability_is_tuned_less_default() -> None:
    (answer,) = said(ledger([*BASE, *SMOTE]), "method", "tunability")
    assert answer.estimate == pytest.approx(2, abs=0.4)
    assert answer.detail["choices"]["smote"] == {
        "cells": 3,
        "agreeing": 10,
        "replicates": 10,
        "adaptive": False,
    }
    flat = [Plant("smote", 72.0, {"k": k}) for k in (5, 1, 9)]
    (none,) = said(ledger([*BASE, *flat], sd=0.1), "method", "tunability")
    assert none.verdict == "equivalent"


WINNER = Plant("smote", 75.0, {"k": 7}, stage="exploit", test=73.0)
CONFIRM = [
    Plant("smote", 74.0, {"k": 7}, stage="confirm"),
    Plant("none", 64.0, stage="confirm"),
    Plant("logit_adjust", 72.0, stage="confirm"),
]


def test_the_winner_by_four_estimates_side_by_side() -> None:
    lines = ledger([*BASE, *SMOTE, WINNER, *CONFIRM])
    (answer,) = said(lines, "winner", "winner")
    estimates = answer.detail["estimates"]
    drift = [float(np.random.default_rng(0).normal(0, 2, size=(2, 10))[i].mean()) for i in (0, 1)]
    assert estimates["cv"]["estimate"] == pytest.approx(75 - 2 + drift[0], abs=0.4)
    assert estimates["bbc_cv"]["estimate"] == pytest.approx(estimates["cv"]["estimate"], abs=1.0)
    assert estimates["confirm"]["estimate"] == pytest.approx(74 + drift[1], abs=0.4)
    assert estimates["test"]["estimate"] == pytest.approx(73 + drift[0], abs=0.4)
    assert answer.estimate == estimates["test"]["estimate"]
    assert answer.detail["adaptive"] is True
    assert "smote (k 7) wins among 6 cells on the folds; an adaptive search proposed it" in answer.sentence
    pairs = said(lines, "winner", "pair")
    assert [a.detail["first"] for a in pairs] == ["none on fresh draws", "logit_adjust on fresh draws"]
    assert [a.estimate for a in pairs] == pytest.approx([10, 2], abs=0.4)


def test_what_the_winner_lacks_is_said() -> None:
    (answer,) = said(ledger([*BASE, *SMOTE]), "winner", "winner")
    assert "not confirmed on fresh draws; the test rows not read." in answer.sentence
    assert answer.detail["adaptive"] is False
    assert "adaptive" not in answer.sentence
    assert answer.estimate == answer.detail["estimates"]["bbc_cv"]["estimate"]


def test_confirm_and_control_cells_answer_no_question_of_sensitivity() -> None:
    clones = [Plant("none", 90.0, stage="control", nuisance=1)]
    plain, more = ledger([*BASE, *SMOTE]), ledger([*BASE, *SMOTE, WINNER, *CONFIRM, *clones])
    for question in ("budget", "k"):
        before, after = (ask(lines, question).answers for lines in (plain, more))
        assert len(before) == len(after)
        assert {a.cells for a in before} == {a.cells for a in after}
    table = arm_table(more).set_index("arm")
    assert (table.loc["none", "cells"], table.loc["smote", "cells"]) == (1, 4)


def clones(sd: float) -> Lines:
    plants = [*BASE, *(Plant("none", 64.0, stage="control", nuisance=n) for n in (1, 2))]
    return ledger(plants, sd=sd, replicates=20)


def test_clones_are_the_noise_floor_and_not_told_apart() -> None:
    (floor,) = said(clones(0.5), "noise", "floor")
    assert floor.detail["floor"]["low"] < 0.5 * np.sqrt(2) < floor.detail["floor"]["high"]
    sources = {c["source"]: c for c in floor.detail["sources"]["none"]}
    assert sources["own randomness"]["low"] < 0.5 < sources["own randomness"]["high"]
    assert sources["draw"]["low"] < 2 < sources["draw"]["high"]
    pairs = said(clones(0.5), "noise", "clones")
    assert len(pairs) == 3
    assert all(a.verdict in ("equivalent", "inconclusive") for a in pairs)
    assert all("in family A/A of 3" in a.sentence for a in pairs)


def test_a_clone_that_differs_is_told() -> None:
    plants = [*BASE, Plant("none", 60.0, stage="control", nuisance=1)]
    (pair,) = said(ledger(plants), "noise", "clones")
    assert pair.verdict == "worse"


def test_the_detectable_difference_is_that_of_the_spread() -> None:
    lines = ledger(BASE, replicates=10)
    (answer,) = said(lines, "noise", "detectable")
    (pair,) = said(lines, "method", "pair", budget="own_best", estimand="default")
    assert answer.detail["differences"] == {"logit_adjust against none": pair.detail["detectable"]}
    assert any("its noise floor is not measured" in text for text in ask(lines, "noise").warnings)
