"""Scores: tables at a budget, sides over several cells, and the rule of inference."""

from typing import Any

import pytest

from sweeps.analysis import Evidence, gather
from sweeps.analysis.scores import Budget, Side, common_budgets, contrast, fold_ratio, own_budget, table

OWN = Budget("own_best")


def result(key: str, replicate: int, score: float, **more: Any) -> dict[str, Any]:
    line = {
        "kind": "result",
        "trial_key": key,
        "config": {"arm": key, "steps": "folds"},
        "replicate": replicate,
    }
    return {**line, "scores": {"dev_balanced_accuracy": score}, **more}


def test_a_side_of_several_cells_needs_all_of_them_in_a_replicate() -> None:
    lines = [
        *(result("none", r, 0.5) for r in range(3)),
        *(result("a", r, 0.6) for r in (0, 1)),
        *(result("b", r, 0.8) for r in (0, 2)),
    ]
    d = contrast(gather(lines), OWN, Side("none", ("none",)), Side("both", ("a", "b")))
    assert d.n == 1
    assert d.estimate == pytest.approx(20)


def test_an_unknown_cell_has_nothing_in_common() -> None:
    d = contrast(gather([result("none", 0, 0.5)]), OWN, Side("none", ("none",)), Side("x", ("x",)))
    assert (d.estimate, d.n, d.reason) == (None, 0, "no replicate in common")


@pytest.mark.parametrize(
    ("header", "expected"),
    [({"folds": 5}, 1 / 4), ({"folds": 5, "test_fraction_nb": 0.1}, 1 / 9), ({}, 1 / 2)],
)
def test_held_out_rows_per_training_row(header: dict[str, Any], expected: float) -> None:
    folds = [{"fold": f, "cv_balanced_accuracy": 0.5} for f in range(3)]
    lines = [{"kind": "sweep", **header}, result("none", 0, 0.5, folds=folds)]
    assert fold_ratio(gather(lines)) == pytest.approx(expected)


def with_curve(steps: Any = "folds") -> Evidence:
    rungs = [{"steps": s, "dev_balanced_accuracy": s / 100} for s in (64, 1, 2, 8)]
    line = result("none", 0, 0.9, curve=rungs, chosen_steps=8)
    return gather([{**line, "config": {"arm": "none", "steps": steps}}])


def test_a_common_budget_reads_the_curve() -> None:
    evidence = with_curve()
    assert [budget.steps for budget in common_budgets(evidence)] == [1, 8, 64]
    assert table(evidence, Budget("common", 8)).to_numpy().tolist() == [[0.08]]
    assert table(evidence, OWN).to_numpy().tolist() == [[0.9]]
    assert table(evidence, Budget("common", 4)).empty


def test_the_own_budget_is_that_of_the_spec_where_it_fixes_the_steps() -> None:
    assert own_budget(with_curve()) == OWN
    assert own_budget(with_curve(steps=8)) == Budget("default", 8)


def test_repetitions_without_fold_scores_have_no_interval() -> None:
    lines = [result(key, r, 0.5 + r / 10) for key in ("none", "ros") for r in range(4)]
    evidence = gather([{"kind": "sweep", "inference": "repetitions", "folds": 10}, *lines])
    d = contrast(evidence, OWN, Side("none", ("none",)), Side("ros", ("ros",)))
    assert d.interval() is None
    assert d.reason is not None
    assert "single folds" in d.reason
    assert d.estimate == pytest.approx(0, abs=1e-9)
    assert d.n == 4
