"""Records: tidy frames from ledger lines, their edges, and what cells can be compared."""

from typing import Any

import pytest

from sweeps.analysis import curves, folds, gather, header, records, skipped
from synaug.errors import Exit, SynaugError


def result(key: str = "a", replicate: int = 0, arm: str = "smote", **more: Any) -> dict[str, Any]:
    knobs = more.pop("knobs", {})
    scores = more.pop("scores", {"dev_balanced_accuracy": 0.7, "cv_balanced_accuracy": 0.66})
    config = {"data": "d", "steps": "folds", "arm": arm, **knobs}
    line = {"kind": "result", "trial_key": key, "config": config, "replicate": replicate, "scores": scores}
    return {**line, "status": "ok", "scored_on": "dev", "chosen_steps": 8, **more}


def test_a_row_holds_configuration_and_scores() -> None:
    line = result(
        knobs={"k": 5, "ratio": 100.0},
        scores={
            "dev_balanced_accuracy": 0.7,
            "dev_adjusted_balanced_accuracy": 0.73,
            "dev_auc": 0.78,
            "cv_balanced_accuracy": 0.66,
        },
        counts={"real": {"neg": 10, "pos": 90, "mid": 20}},
        per_class={
            "neg": {"recall": 0.5, "train_recall": 0.9},
            "mid": {"recall": 0.6, "train_recall": 0.8},
            "pos": {"recall": 0.9, "train_recall": 1.0},
        },
    )
    row = records([line]).iloc[0].to_dict()
    assert row.pop("minority_gap") == pytest.approx(0.3)
    assert row == {
        "trial_key": "a",
        "replicate": 0,
        "stage": "design",
        "data": "d",
        "steps": "folds",
        "arm": "smote",
        "k": 5,
        "ratio": 100.0,
        "scored_on": "dev",
        "chosen_steps": 8,
        "score": 0.7,
        "adjusted": 0.73,
        "cv": 0.66,
        "auc": 0.78,
    }


def test_the_first_result_of_a_cell_and_replicate_wins() -> None:
    late = result(scores={"dev_balanced_accuracy": 0.9})
    frame = records([result(), late, result(replicate=1)])
    assert frame["score"].tolist() == [0.7, 0.7]


def test_a_retry_takes_the_place_of_a_failure() -> None:
    lines = [result(status="failed", reason="memory"), result()]
    assert records(lines)["score"].tolist() == [0.7]
    assert skipped(lines).empty


def test_natural_imbalance_is_scored_on_the_folds() -> None:
    frame = records(
        [result(scored_on="cv"), result(key="b", scored_on=None, scores={"cv_balanced_accuracy": 0.6})]
    )
    assert frame["score"].tolist() == [0.66, 0.6]
    assert frame["scored_on"].tolist() == ["cv", "cv"]


def test_missing_scores_stay_missing() -> None:
    row = records([result()]).iloc[0]
    assert row[["adjusted", "auc", "minority_gap"]].isna().all()


def test_logit_adjust_is_its_own_adjusted_score() -> None:
    assert records([result(arm="logit_adjust")])["adjusted"].tolist() == [0.7]


def test_skipped_cells_keep_their_reason() -> None:
    config = {"arm": "adasyn"}
    lines = [
        result(),
        result(key="b", status="not_applicable", reason="no majority neighbour", scores={}),
        result(key="c", scores={"cv_balanced_accuracy": 0.6}),
        result(key="e", scores={"dev_balanced_accuracy": float("nan")}),
        {"kind": "cell", "trial_key": "d", "config": config, "status": "failed", "reason": "timeout"},
        {"kind": "cell", "trial_key": "a", "config": {"arm": "smote"}, "status": "ok"},
    ]
    found = skipped(lines).set_index("trial_key")[["status", "reason"]].T.to_dict("list")
    assert found == {
        "b": ["not_applicable", "no majority neighbour"],
        "c": ["no score", "no dev_balanced_accuracy"],
        "e": ["no score", "no dev_balanced_accuracy"],
        "d": ["failed", "timeout"],
    }
    assert records(lines)["trial_key"].tolist() == ["a"]


def test_curves_and_folds_are_long() -> None:
    rungs = [
        {"steps": 1, "cv_balanced_accuracy": 0.5, "dev_balanced_accuracy": 0.51},
        {"steps": 2, "cv_balanced_accuracy": 0.6, "dev_balanced_accuracy": 0.61},
    ]
    by_fold = [{"fold": 0, "cv_balanced_accuracy": 0.67, "dev_balanced_accuracy": 0.7}]
    lines = [result(curve=rungs, folds=by_fold)]
    assert curves(lines)[["steps", "score", "cv"]].to_numpy().tolist() == [[1, 0.51, 0.5], [2, 0.61, 0.6]]
    assert folds(lines)[["fold", "score"]].to_numpy().tolist() == [[0, 0.67]]


def test_no_lines_give_empty_frames_with_columns() -> None:
    assert records([]).empty
    assert "score" in records([])
    assert curves([]).empty
    assert header([]) == {}
    assert gather([]).contexts() == ()


def test_all_problems_of_hand_made_lines_come_at_once() -> None:
    bad: dict[str, Any] = {"kind": "result", "config": {}}
    lines = [bad, {"kind": "note"}, {**result(), "replicate": "x"}]
    with pytest.raises(SynaugError) as caught:
        records(lines)
    assert caught.value.exit == Exit.DATA
    assert [problem.where for problem in caught.value.problems] == ["line 1", "line 1", "line 1", "line 3"]


def test_the_default_cell_is_the_first_of_the_plan_not_of_the_file() -> None:
    lines = [
        {"kind": "start", "trial_key": "a", "config": {"arm": "smote"}, "stage": "design", "number": 7},
        {"kind": "start", "trial_key": "b", "config": {"arm": "smote"}, "stage": "design", "number": 2},
        result("a"),
        result("b"),
        result("c", stage="exploit"),
    ]
    default = gather(lines).default("smote")
    assert default is not None
    assert default.key == "b"
    assert [cell.key for cell in gather(lines).grid("smote", exploit=True)] == ["b", "a", "c"]
    assert [cell.key for cell in gather(lines).grid("smote")] == ["b", "a"]


def test_cells_short_of_replicates_leave_the_grid() -> None:
    lines = [result(key, r) for key in "abc" for r in range(3) if (key, r) != ("b", 2)]
    assert [cell.key for cell in gather(lines).grid("smote")] == ["a", "c"]


def test_contexts_are_apart() -> None:
    lines = [result("a"), result("b", knobs={"steps": 8}), result("c", arm="none")]
    assert [[cell.key for cell in part.cells] for part in gather(lines).contexts()] == [["a", "c"], ["b"]]
