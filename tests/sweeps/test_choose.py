"""Which cell goes to work: chosen on the folds, never by the score that is told of it."""

from __future__ import annotations

from typing import Any

import pytest

from sweeps.choose import Choice, choose
from sweeps.ledger_state import state
from synaug.errors import Exit, SynaugError

BASE = {"data": "d", "encoder": "e", "classifier": "mlp", "steps": "folds"}
Line = dict[str, Any]


def cell(
    key: str,
    cv: list[float],
    dev: list[float],
    number: int,
    steps: tuple[int, ...] = (4, 4, 4, 4),
    status: str = "ok",
    stage: str = "design",
    **config: Any,
) -> list[Line]:
    """The lines of a finished cell."""
    name = {"trial_key": key, "config": {**BASE, "arm": "none", **config}, "stage": stage, "number": number}
    results = [
        {
            **name,
            "kind": "result",
            "replicate": r,
            "status": "ok",
            "scored_on": "dev",
            "chosen_steps": steps[r],
            "scores": {"dev_balanced_accuracy": dev[r], "cv_balanced_accuracy": cv[r]},
        }
        for r in range(len(cv))
    ]
    return [*results, {**name, "kind": "cell", "status": status, "reason": None, "value": 0.0}]


def chosen(lines: list[Line], key: str | None = None) -> Choice:
    return choose(lines, state(lines), key)


def test_the_folds_choose_and_dev_tells_the_score() -> None:
    lines = [
        *cell("a", [0.7, 0.7], [0.9, 0.9], 0),
        *cell("b", [0.8, 0.7], [0.60, 0.62], 1, arm="ros"),
        *cell("c", [0.99, 0.99], [0.99, 0.99], 2, status="raced", arm="smote"),
    ]
    found = chosen(lines)
    assert (found.key, found.among, found.folds) == ("b", 2, pytest.approx(0.75))
    assert (found.score.name, found.score.n) == ("dev_balanced_accuracy", 2)
    # mean 61 points, sd sqrt(2), t(0.975, 1) = 12.7062, half width 12.7062
    assert (found.score.mean, found.score.low, found.score.high) == pytest.approx(
        (0.61, 0.61 - 0.127062, 0.61 + 0.127062), abs=1e-6
    )
    assert str(found.score) == "dev_balanced_accuracy 61.0 % [48.3, 73.7], 2 replicates"
    assert found.score.tags() == {
        "dev_balanced_accuracy": "0.6100",
        "dev_balanced_accuracy_low": "0.4829",
        "dev_balanced_accuracy_high": "0.7371",
    }
    assert found.confirmed is None


def test_ties_go_to_the_earlier_cell() -> None:
    lines = [*cell("late", [0.7, 0.8], [0.7, 0.7], 5), *cell("early", [0.8, 0.7], [0.7, 0.7], 2, k=3)]
    assert chosen(lines).key == "early"


def test_clones_sizes_settings_and_confirmations_are_no_candidates() -> None:
    lines = [
        *cell("a", [0.6], [0.6], 0),
        *cell("clone", [0.9], [0.9], 1, stage="control", nuisance=1),
        *cell("size", [0.9], [0.9], 2, imbalance="100:5"),
        *cell("rate", [0.9], [0.9], 3, stage="robustness", **{"mlp.learning_rate": 0.1}),
        *cell("fresh", [0.5], [0.55], 4, stage="confirm", draws="confirm"),
        *cell("found", [0.5], [0.9], 5, stage="exploit", k=2),
    ]
    found = chosen(lines)
    assert (found.key, found.among) == ("a", 2)
    assert found.score.low is None  # one replicate
    assert found.confirmed is not None
    assert (found.confirmed.name, found.confirmed.mean) == ("confirm_balanced_accuracy", pytest.approx(0.55))
    named = chosen(lines, "rate")
    assert (named.key, named.among, named.confirmed) == ("rate", 1, None)
    assert chosen(lines, "fresh").confirmed is None


def test_the_budget_is_a_rung_in_the_middle_of_those_chosen() -> None:
    four = [0.5, 0.5, 0.5, 0.5]
    assert chosen(cell("a", four, four, 0, steps=(64, 1, 8, 4))).steps == 4
    assert chosen(cell("a", four[:3], four[:3], 0, steps=(64, 1, 8))).steps == 8


def test_repetitions_on_the_same_rows_have_the_wider_interval() -> None:
    lines = cell("a", [0.6, 0.7], [0.6, 0.7], 0)
    for line in lines[:2]:
        line["scored_on"] = "cv"
        score = line["scores"]["cv_balanced_accuracy"]
        line["folds"] = [{"fold": f, "cv_balanced_accuracy": score + d} for f, d in enumerate((-0.1, 0.1))]
    header = {"kind": "sweep", "inference": "repetitions", "folds": 2}
    found = chosen([header, *lines])
    # fold scores 50, 70, 60, 80: sd 12.910, se = sd * sqrt(1/4 + 1/1), t(0.975, 3) = 3.18245
    assert (found.score.name, found.score.mean, found.score.n) == (
        "cv_balanced_accuracy",
        pytest.approx(0.65),
        2,
    )
    assert found.score.low == pytest.approx(0.65 - 3.182446 * 0.1290994 * 1.25**0.5, abs=1e-5)


@pytest.mark.parametrize(
    ("key", "says"),
    [("b", "no finished cell 'b'"), ("aaa0", r"no finished cell 'aaa0' \(did you mean 'aaaa'\?\)")],
)
def test_a_cell_that_is_not_finished_is_refused(key: str, says: str) -> None:
    lines = [*cell("aaaa", [0.5], [0.5], 0), *cell("b", [0.5], [0.5], 1, status="failed")]
    with pytest.raises(SynaugError, match=says) as refused:
        chosen(lines, key)
    assert refused.value.exit is Exit.USAGE


def test_nothing_finished_is_said() -> None:
    with pytest.raises(SynaugError, match="no cell is finished") as refused:
        chosen(cell("a", [0.5], [0.5], 0, status="failed"))
    assert refused.value.exit is Exit.USAGE
