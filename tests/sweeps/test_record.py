"""What MLflow is told of cells and sweeps: scores, limits, endings, and texts only where asked for."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from sweeps.entry import Entry
from sweeps.plan import Cell, design_cells
from sweeps.prepare import Shared
from sweeps.record import EXAMPLE_LENGTH, About, cell_run, interval, milliseconds, parent_run
from sweeps.spec import Spec, load_spec
from sweeps.trial import Job, Work, run_cell
from synaug.classifiers import CLASSIFIERS
from synaug.classifiers.options import MlpOptions
from synaug.methods import METHODS
from tracking import CellRun, DataUsed
from tracking.schema import MAX_ARTIFACTS, MAX_METRICS, MAX_PARAMS

SPEC = load_spec({"name": "t", "arms": ["none", "smote"], "replicates": 2, "folds": 3})
AT = "2026-11-21T03:00:00Z"
KEYS = {"none": "a" * 16, "smote": "b" * 16}
DATA = DataUsed("toy", "ab" * 32, "toy.csv", 300, ("beetle", "teapot"))
VARYING = ("arm", "k", "metric", "ratio")
LONG = "a text that nobody should see, " * 20

Report = Callable[[str], tuple[list[dict[str, Any]], Mapping[str, Any]]]


@pytest.fixture
def report(shared: Shared, monkeypatch: pytest.MonkeyPatch) -> Report:
    """Return a function from an arm to the results of its default cell and the picture's data."""
    import ray
    from ray import tune

    reported: list[dict[str, Any]] = []
    monkeypatch.setattr(ray, "get", lambda reference: reference)
    monkeypatch.setattr(tune, "report", lambda metrics: reported.append(json.loads(metrics["line"])))

    def report(arm: str) -> tuple[list[dict[str, Any]], Mapping[str, Any]]:
        reported.clear()
        work = vars(Work(KEYS[arm], arm, {}, (0, 1), sketch=True))
        run_cell(work, [shared], Job(MlpOptions(ladder=(1, 4, 16), hidden=8), None))
        return list(reported), reported[0].pop("sketch", {})

    return report


def entry(results: list[dict[str, Any]], status: str = "ok", reason: str | None = None) -> Entry:
    """The default smote cell with these results."""
    cell = next(c for c in design_cells(SPEC) if c.arm == "smote")
    closed = {"status": status, "reason": reason, "replicates": len(results), "seconds": 2.5, "at": AT}
    known = {r["replicate"]: r for r in results}
    return Entry(cell, KEYS["smote"], cell.config(SPEC, "toy", "minilm"), known, closed=closed)


def told(given: Entry, sketch: Any = None, spec: Spec = SPEC, texts: list[str] | None = None) -> CellRun:
    return cell_run(spec, About(DATA, "minilm", texts), given, VARYING, sketch)


def test_a_cell_keeps_to_the_limits_and_says_its_scores(report: Report) -> None:
    results, sketch = report("smote")
    run = told(entry(results), sketch)
    names = {point.name for point in run.points()}
    assert len(run.params) <= MAX_PARAMS
    assert len(names) <= MAX_METRICS
    assert len(run.artifacts) <= MAX_ARTIFACTS
    scores = [r["scores"]["dev_balanced_accuracy"] for r in results]
    assert run.metrics["balanced_accuracy"] == pytest.approx(sum(scores) / 2)
    assert run.replicate_metrics["balanced_accuracy"] == [(0, scores[0]), (1, scores[1])]
    assert [step for step, _ in run.budget_metrics["balanced_accuracy"]] == [1, 4, 16]
    assert (run.metrics["k"], run.metrics["ratio"], run.metrics["replicates"]) == (5.0, 100.0, 2.0)
    recall = [r["per_class"]["teapot"]["recall"] for r in results]
    assert run.metrics["minority_recall"] == pytest.approx(sum(recall) / 2)
    assert run.metrics["synthetic_achieved"] == run.metrics["synthetic_requested"] > 0
    assert (run.status, run.started_ms, run.ended_ms) == ("FINISHED", run.ended_ms - 2500, milliseconds(AT))


def test_no_cell_can_have_more_params_than_mlflow_shows_well() -> None:
    for classifier in CLASSIFIERS:
        options = {knob.name for knob in CLASSIFIERS[classifier].knobs()}
        for arm in METHODS:
            knobs = {knob.name for knob in METHODS[arm].knobs()}
            assert len({"arm", "classifier"} | knobs | options) <= MAX_PARAMS, (arm, classifier)


def test_a_cell_that_is_not_drawn_has_its_tables(report: Report) -> None:
    results, _ = report("smote")
    run = cell_run(SPEC, About(DATA, "minilm"), entry(results), VARYING, None, confusion=False)
    assert set(run.artifacts) == {"tables.json"}
    table = json.loads(run.artifacts["tables.json"])["replicates"][0]
    assert table["confusion"]
    assert table["diagnostics"] == results[0]["diagnostics"]
    assert set(told(entry(results)).artifacts) == {"tables.json", "confusion.png"}


def test_the_interval_is_student_s_over_replicates() -> None:
    low, high = interval([0.6, 0.8]) or (0, 0)
    half = 12.7062047 * 0.1414213562 / 2**0.5  # t with 1 degree of freedom, standard deviation, n
    assert (low, high) == pytest.approx((0.7 - half, 0.7 + half))
    assert interval([0.6]) is None


def test_one_replicate_has_no_interval(report: Report) -> None:
    run = told(entry(report("smote")[0][:1]))
    assert "balanced_accuracy" in run.metrics
    assert not [name for name in run.metrics if name.endswith(("_low", "_high"))]


@pytest.mark.parametrize(
    ("status", "expected"), [("not_applicable", "FINISHED"), ("raced", "FINISHED"), ("failed", "FAILED")]
)
def test_a_cell_without_scores_has_its_reason_and_no_metric(status: str, expected: str) -> None:
    result = {"replicate": 0, "status": status, "reason": "too few rows"}
    run = told(entry([result], status, "replicate 0: too few rows"))
    assert run.status == expected
    assert run.tags["status_reason"] == "replicate 0: too few rows"
    assert run.points() == ()
    assert list(run.artifacts) == ["tables.json"]


def test_texts_are_logged_only_where_asked_for_and_so_many(report: Report, shared: Shared) -> None:
    results, sketch = report("smote")
    texts = [f"{number} {LONG}" for number in range(len(shared.X))]
    silent = told(entry(results), sketch)
    assert "examples.json" not in silent.artifacts
    assert all(b"nobody should see" not in content for content in silent.artifacts.values())
    asked = SPEC.model_copy(update={"log_examples": 3})
    shown = json.loads(told(entry(results), sketch, asked, texts).artifacts["examples.json"])
    assert len(shown) == 3
    for example, (code, first, second, share) in zip(shown, sketch["parents"], strict=False):
        assert example["class"] == DATA.classes[code]
        assert example["parents"] == [texts[row][:EXAMPLE_LENGTH] for row in (first, second)]
        assert example["share_of_second"] == pytest.approx(share, abs=1e-4)
        assert {shared.y[first], shared.y[second]} == {code}


def test_the_pictures_are_png_and_an_arm_without_rows_has_one(report: Report) -> None:
    results, sketch = report("smote")
    run = told(entry(results), sketch)
    assert sorted(run.artifacts) == ["confusion.png", "points.png", "tables.json"]
    assert run.artifacts["points.png"].startswith(b"\x89PNG")
    plain, none = report("none")
    cell = Cell("none", (), "design", 0)
    closed = {"status": "ok", "reason": None, "seconds": 1.0, "at": AT}
    without = Entry(
        cell, KEYS["none"], cell.config(SPEC, "toy", "minilm"), dict(enumerate(plain)), closed=closed
    )
    assert sorted(told(without, none).artifacts) == ["confusion.png", "tables.json"]


def test_the_parent_counts_the_endings() -> None:
    entries = [entry([], status) for status in ("ok", "ok", "failed")]
    open_one = dataclasses.replace(entry([]), closed=None)
    run = parent_run(SPEC, About(DATA, "minilm"), [*entries, open_one], "note", "RUNNING", 0, {})
    assert run.metrics == {"cells_ok": 2.0, "cells_not_applicable": 0.0, "cells_failed": 1.0}
    assert run.params["data"] == "toy"


def test_the_label_names_what_is_not_default() -> None:
    spec = SPEC.model_copy(
        update={"space": {"k": (5, 1), "ratio": (100.0,), "metric": ("euclidean", "cosine")}}
    )
    labels = [Entry(cell, "k", {}).label for cell in design_cells(spec)]
    assert labels == [
        "none",
        "smote k=5 ratio=100",
        "smote k=1 ratio=100",
        "smote k=5 metric=cosine ratio=100",
    ]
