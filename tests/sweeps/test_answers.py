"""Answers to planted ledgers: what was planted is said, the opposite turns the sentence round."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from sweeps.answers import Answer, arm_table, ask, unsourced_numbers
from synaug.errors import Exit, SynaugError

LADDER = (1, 8, 64)
Lines = list[dict[str, Any]]


@dataclass(frozen=True)
class Plant:
    """A cell whose true scores in per cent are known at every rung; the best one is chosen."""

    arm: str
    curve: tuple[float, float, float]
    adjusted: tuple[float, float, float] | None = None
    knobs: Mapping[str, Any] = field(default_factory=dict)
    stage: str = "design"
    auc: float = 80.0
    gap: float = 10.0
    twin: str | None = None  # shares all its noise with the cells of the same twin
    context: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return "/".join([self.arm, *(f"{k}={v}" for k, v in {**self.context, **self.knobs}.items())])


def sweep(plants: Sequence[Plant], replicates: int = 10, sd: float = 0.3) -> Lines:
    """Result lines of planted cells: draws are shared by all cells, noise of ``sd`` points is their own."""
    return [_line(plant, replicate, sd) for plant in plants for replicate in range(replicates)]


def _line(plant: Plant, replicate: int, sd: float) -> dict[str, Any]:
    draw = np.random.default_rng(replicate).normal(0, 3)
    name = [ord(letter) for letter in plant.twin or plant.key]
    own = np.random.default_rng([replicate, *name])

    def noisy(value: float) -> float:
        return float((value + draw + own.normal(0, sd)) / 100)

    adjusted = plant.adjusted or plant.curve
    rungs = [
        {
            "steps": steps,
            "cv_balanced_accuracy": noisy(score - 2),
            "dev_balanced_accuracy": noisy(score),
            "dev_adjusted_balanced_accuracy": noisy(moved),
        }
        for steps, score, moved in zip(LADDER, plant.curve, adjusted, strict=True)
    ]
    chosen = rungs[int(np.argmax(plant.curve))]
    recall = {"recall": 0.5, "train_recall": 0.5 + noisy(plant.gap)}
    return {
        "kind": "result",
        "stage": plant.stage,
        "trial_key": plant.key,
        "config": {"data": "d", "steps": "folds", **plant.context, "arm": plant.arm, **plant.knobs},
        "replicate": replicate,
        "status": "ok",
        "scored_on": "dev",
        "chosen_steps": chosen["steps"],
        "scores": {name: v for name, v in chosen.items() if name != "steps"} | {"dev_auc": noisy(plant.auc)},
        "curve": rungs,
        "counts": {"real": {"neg": 10, "pos": 90}},
        "per_class": {"neg": recall, "pos": {"recall": 0.9, "train_recall": 0.9}},
    }


def flat(arm: str, score: float, **more: Any) -> Plant:
    return Plant(arm, (score - 10, score, score - 5), **more)


def said(lines: Lines, question: str, **wanted: Any) -> list[Answer]:
    """The answers whose fields or details have these values; each must be sound."""
    answers = ask(lines, question).answers
    for answer in answers:
        assert unsourced_numbers(answer) == (), answer.sentence
        assert not re.search(r"\b(significant|proves|because)\b", answer.sentence)
        assert json.loads(json.dumps(answer.to_json(), allow_nan=False))["unit"] == "points"
    return [answer for answer in answers if wanted.items() <= {**answer.detail, **vars(answer)}.items()]


BASE = (
    Plant("none", (50, 60, 64), adjusted=(55, 72, 66)),
    Plant("logit_adjust", (55, 72, 66)),
    flat("ros", 72, knobs={"ratio": 100.0}),
)


def test_a_planted_gain_is_recovered_at_each_arms_own_best_budget() -> None:
    lines = sweep([*BASE, flat("smote", 74, knobs={"ratio": 100.0})])
    (answer,) = said(lines, "method", kind="pair", first="none", second="smote", budget="own_best")
    assert answer.estimate == pytest.approx(10, abs=0.5)
    assert answer.low is not None
    assert answer.high is not None
    assert answer.low < 10 < answer.high
    assert answer.verdict == "better"
    assert answer.n == 10
    assert answer.sentence.startswith("At each arm's own best budget (chosen on the folds), smote gains +")
    assert [rung["steps"] for rung in answer.detail["by_rung"]] == list(LADDER)


def test_the_opposite_truth_gives_the_opposite_sentence() -> None:
    lines = sweep([*BASE, flat("smote", 54, knobs={"ratio": 100.0})])
    (answer,) = said(lines, "method", kind="pair", first="none", second="smote", budget="own_best")
    assert answer.verdict == "worse"
    assert "smote loses -" in answer.sentence


def test_the_first_sentence_names_its_budget_and_who_leads() -> None:
    lines = sweep([*BASE, flat("smote", 74, knobs={"ratio": 100.0})])
    first = ask(lines, "method").answers[0]
    assert first.sentence.startswith("At each arm's own best budget (chosen on the folds), smote leads")
    assert first.detail["not_told_apart"] == []
    tie = sweep([*BASE, flat("smote", 72, knobs={"ratio": 100.0})], sd=1.0)
    assert len(ask(tie, "method").answers[0].detail["not_told_apart"]) == 2


def test_without_scores_on_the_folds_the_ranking_says_what_it_rests_on() -> None:
    lines = sweep([*BASE, flat("smote", 74, knobs={"ratio": 100.0})])
    for line in lines:
        del line["scores"]["cv_balanced_accuracy"]
    first = said(lines, "method", kind="summary", budget="own_best")[0]
    assert "smote leads on the compared scores themselves" in first.sentence


def test_common_budgets_can_say_the_opposite_of_own_best() -> None:
    late = Plant("smote", (80, 60, 50), knobs={"ratio": 100.0})
    found = said(sweep([*BASE, late]), "method", kind="pair", first="none", second="smote", budget="common")
    assert [(a.detail["steps"], a.verdict) for a in found][::2] == [(1, "better"), (64, "worse")]
    assert "At the common budget of 1 step, smote gains" in found[0].sentence


def test_the_gain_is_split_in_prior_shift_and_geometry() -> None:
    lines = sweep([*BASE, flat("smote", 74, knobs={"ratio": 100.0})])
    (answer,) = said(lines, "method", kind="decomposition", arm="smote", budget="own_best")
    assert answer.detail["prior_shift"]["estimate"] == pytest.approx(8, abs=0.5)
    assert answer.estimate == pytest.approx(2, abs=0.5)
    parts = answer.detail["prior_shift"]["estimate"] + answer.detail["geometry"]["estimate"]
    assert parts == pytest.approx(answer.detail["total"]["estimate"])
    common = said(lines, "method", kind="decomposition", arm="smote", budget="common")
    assert [round(a.estimate or 0) for a in common] == [9, 2, 3]  # 64 - 55, 74 - 72, 69 - 66
    assert not said(lines, "method", kind="decomposition", arm="logit_adjust")


def test_tuned_and_average_only_where_an_arm_has_more_cells() -> None:
    smote = [flat("smote", s, knobs={"ratio": r}) for r, s in ((100.0, 72), (50.0, 76), (25.0, 70))]
    exploit = flat("smote", 90, knobs={"ratio": 60.0}, stage="exploit")
    lines = sweep([BASE[0], *smote, exploit])
    (tuned,) = said(lines, "method", kind="pair", estimand="tuned")
    assert tuned.estimate == pytest.approx(26, abs=0.5)
    assert "smote (ratio 60)" in tuned.sentence
    (average,) = said(lines, "method", estimand="average")
    assert average.estimate == pytest.approx((72 + 76 + 70) / 3 - 64, abs=0.5)
    assert any("winner's curse" in w for w in ask(lines, "method").warnings)
    assert not said(sweep([BASE[0], smote[0]]), "method", estimand="tuned")


def test_one_replicate_has_no_interval() -> None:
    lines = sweep([*BASE], replicates=1)
    for answer in said(lines, "method", kind="pair"):
        assert (answer.low, answer.high, answer.verdict) == (None, None, "inconclusive")
        assert "an interval needs two replicates" in answer.sentence


def test_missing_replicates_are_left_out_of_the_pair_and_told() -> None:
    lines = [x for x in sweep(BASE) if (x["config"]["arm"], x["replicate"]) != ("ros", 3)]
    (answer,) = said(lines, "method", kind="pair", first="none", second="ros", budget="own_best")
    assert answer.n == 9
    assert any("1 of 3 cells have fewer than 10 replicates" in w for w in ask(lines, "method").warnings)


def test_failed_cells_and_overlap_are_warned_of() -> None:
    failed = {"kind": "cell", "trial_key": "x", "config": {"arm": "adasyn"}, "status": "not_applicable",
              "reason": "no majority neighbour"}  # fmt: skip
    head = {"kind": "sweep", "overlap": {"neg": 0.31, "pos": 0.01}}
    warnings = ask([head, *sweep(BASE), failed], "method").warnings
    assert "1 cell of adasyn left out or incomplete, not_applicable: no majority neighbour" in warnings
    assert [w for w in warnings if "share" in w] == [
        "replicates share 31 % of the rows of class neg; intervals may be too short"
    ]


def test_repetitions_use_all_fold_scores_with_the_corrected_variance() -> None:
    random = np.random.default_rng(3)
    head = {"kind": "sweep", "inference": "repetitions", "folds": 10}
    lines = sweep(BASE[:2], replicates=2)
    folds = {arm: random.normal(0.7, 0.03, size=(2, 10)) for arm in ("none", "logit_adjust")}
    for line in lines:
        values = folds[line["config"]["arm"]][line["replicate"]]
        line["folds"] = [{"fold": f, "cv_balanced_accuracy": float(v)} for f, v in enumerate(values)]
        line["scored_on"] = "cv"
    (answer,) = said([head, *lines], "method", kind="pair", budget="own_best")
    d = 100 * (folds["logit_adjust"] - folds["none"]).ravel()
    assert answer.estimate == pytest.approx(d.mean())
    assert answer.detail["se"] == pytest.approx(d.std(ddof=1) * np.sqrt(1 / 20 + 1 / 9))
    assert (answer.n, answer.detail["df"]) == (2, 19)
    assert "2 repetitions of cross-validation with 20 fold scores, Nadeau-Bengio" in answer.sentence
    believed = answer.detail["posterior"]
    assert sum(believed[name] for name in ("worse", "equivalent", "better")) == pytest.approx(1)
    assert f"with probability {believed['better']:.3f}" in answer.sentence
    for common in said([head, *lines], "method", kind="pair", budget="common"):
        assert common.low is None
        assert "no scores of single folds" in common.sentence


def test_budget_moves_more_than_the_arm_or_less() -> None:
    steep = [Plant(arm, (50, 70, 60 + i)) for i, arm in enumerate(("none", "ros", "smote"))]
    (answer,) = said(sweep(steep), "budget", kind="summary")
    assert answer.verdict == "better"
    assert answer.detail["budget_moves"]["estimate"] == pytest.approx(20, abs=0.7)
    assert "the budget moves it more than the arm does" in answer.sentence
    level = [Plant(arm, (50 + 10 * i,) * 3) for i, arm in enumerate(("none", "ros", "smote"))]
    (answer,) = said(sweep(level), "budget", kind="summary")
    assert answer.verdict == "worse"
    assert answer.detail["arm_moves"]["estimate"] == pytest.approx(20, abs=0.7)
    (span,) = said(sweep(steep), "budget", kind="span", arm="none")
    assert (span.detail["best_steps"], span.detail["worst_steps"]) == (8, 1)


def test_none_far_below_the_others_does_not_speak_for_them() -> None:
    lines = sweep([Plant("none", (50, 50, 50)), Plant("ros", (62, 74, 60)), Plant("smote", (60, 75, 62))])
    (of_all,) = said(lines, "budget", kind="summary")
    (of_others,) = said(lines, "budget", kind="correcting")
    assert (of_all.verdict, of_others.verdict) == ("worse", "better")
    assert of_others.sentence.startswith("Without none, averaged over 2 arms, the training budget moves")
    assert of_others.detail["budget_moves"]["estimate"] == pytest.approx(14.5, abs=0.7)
    two = sweep([Plant("none", (50, 50, 50)), Plant("ros", (62, 74, 60))])
    assert said(two, "budget", kind="correcting") == []


def test_a_reversed_order_is_found_and_none_is_made_up() -> None:
    lines = sweep([Plant("none", (50, 60, 70)), Plant("ros", (60, 65, 60)), Plant("smote", (62, 66, 62))])
    (answer,) = said(lines, "budget", kind="reversal")
    assert {(p["first"], p["second"]) for p in answer.detail["pairs"]} == {("none", "ros"), ("none", "smote")}
    assert answer.estimate == pytest.approx(-20, abs=0.7)
    hidden = sweep([Plant("none", (50, 70, 50)), Plant("ros", (60, 60, 60))])
    assert said(hidden, "budget", kind="reversal")[0].detail["pairs"] == []
    assert said(hidden, "budget", kind="reversal_anywhere")[0].detail["pairs"]


def test_a_budget_at_the_edge_of_the_ladder_is_told() -> None:
    edges = said(sweep(BASE), "budget", kind="edge")
    assert [answer.detail["arm"] for answer in edges] == ["none"]
    assert "at the edge of the ladder in 10 of 10 replicates" in edges[0].sentence


def test_a_fixed_budget_is_called_that_of_the_spec() -> None:
    plants = [replace(plant, context={"steps": 64}) for plant in BASE]
    answers = said(sweep(plants), "method", kind="pair", budget="default")
    assert answers[0].sentence.startswith("At the budget that the spec fixes (64 steps), ")


def test_contexts_are_answered_apart() -> None:
    other = [replace(plant, context={"data": "e"}) for plant in BASE]
    answers = said(
        sweep([*BASE, *other]), "method", kind="pair", first="none", second="ros", budget="own_best"
    )
    assert [a.sentence[:8] for a in answers] == ["[data d]", "[data e]"]


def test_arm_table_ranks_arms_with_their_differences() -> None:
    table = arm_table(sweep([*BASE, flat("smote", 74, knobs={"ratio": 100.0})]))
    assert table["arm"].iloc[0] == "smote"
    smote = table.set_index("arm").loc["smote"]
    assert smote["to_none"] == pytest.approx(10, abs=0.5)
    assert smote["to_ros_low"] < 2 < smote["to_ros_high"]
    assert (smote["steps_low"], smote["cells"], smote["n"]) == (8, 1, 10)


def test_unsourced_numbers_finds_a_changed_number() -> None:
    answer = ask(sweep(BASE), "method").answers[0]
    changed = replace(answer, sentence=answer.sentence.replace("10 independent", "11 independent"))
    assert unsourced_numbers(changed) == ("11",)


def test_unknown_questions_and_empty_ledgers() -> None:
    with pytest.raises(SynaugError, match="did you mean 'metric'") as caught:
        ask(sweep(BASE), "metrik")
    assert caught.value.exit == Exit.USAGE
    (answer,) = ask([], "method").answers
    assert answer.verdict == "not_applicable"
