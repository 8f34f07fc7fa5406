"""Limits, names and required tags of runs."""

from __future__ import annotations

import hashlib
import math
import subprocess
import sys
from typing import Any

import pytest

from tracking.schema import (
    CHILD_TAGS,
    CURVE_NAMES,
    GIVEN_TAGS,
    MAX_METRICS,
    METRIC_NAMES,
    METRICS,
    CellRun,
    ParentRun,
)


def test_package_imports_no_heavy_library() -> None:
    script = (
        "import tracking, sys; print([m for m in "
        "('mlflow', 'sqlalchemy', 'requests', 'ray', 'optuna', 'synaug', 'sweeps') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_all_names_together_keep_the_limit() -> None:
    assert len(METRIC_NAMES) == len(METRICS)
    assert len(METRICS) + 2 * len(CURVE_NAMES) <= MAX_METRICS
    assert CURVE_NAMES <= METRIC_NAMES


def test_child_has_every_required_tag(make_cell: Any) -> None:
    tags = make_cell("abc").all_tags("parent-id")
    assert set(CHILD_TAGS) == set(tags)
    assert tags["trial_key"] == "abc"
    assert tags["mlflow.parentRunId"] == "parent-id"


@pytest.mark.parametrize("tag", GIVEN_TAGS)
def test_child_without_a_required_tag_is_a_mistake(make_cell: Any, tag: str) -> None:
    tags = {name: value for name, value in make_cell().tags.items() if name != tag}
    with pytest.raises(AssertionError, match=tag):
        make_cell(tags=tags)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_values_that_are_not_finite_are_refused(make_cell: Any, value: float) -> None:
    with pytest.raises(AssertionError, match=r"replicate\.balanced_accuracy.*absent"):
        make_cell(replicate_metrics={"balanced_accuracy": [(0, value)]})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"metrics": {"recall_at_5pct": 0.1}}, "METRICS"),
        ({"replicate_metrics": {"auc": [(0, 0.5)]}}, "curves"),
        ({"params": {f"p{i}": "1" for i in range(26)}}, "26 params"),
        ({"artifacts": {f"a{i}.json": b"" for i in range(5)}}, "5 artifacts"),
        ({"artifacts": {"../up.json": b""}}, "outside"),
        ({"artifacts": {"/etc/passwd": b""}}, "outside"),
        ({"artifacts": {"a/../b.json": b""}}, "outside"),
        ({"trial_key": "a' or '1"}, "quotes"),
    ],
)
def test_limits_of_a_cell(make_cell: Any, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        make_cell(**changes)


@pytest.mark.parametrize("name", ["recall@5", "recall%", "Recall", "", "a..b"])
def test_illegal_metric_names(name: str) -> None:
    with pytest.raises(AssertionError, match="rejects"):
        ParentRun("s", metrics={name: 1.0})


def test_too_many_metric_names() -> None:
    with pytest.raises(AssertionError, match="31 metric names"):
        ParentRun("s", metrics={f"m{i}": 1.0 for i in range(31)})


def test_long_values_become_digests_and_the_note_is_cut(make_cell: Any) -> None:
    digest = "sha256:" + hashlib.sha256(b"x" * 8001).hexdigest()
    cell: CellRun = make_cell(params={"long": "x" * 8001, "fits": "y" * 6000})
    assert cell.all_params() == {"long": digest, "fits": "y" * 6000}
    assert make_cell(tags=dict(cell.tags) | {"long": "x" * 8001}).all_tags("p")["long"] == digest
    note = ParentRun("s", note="n" * 9000).all_tags()["mlflow.note.content"]
    assert len(note) == 8000
    assert note.endswith("…")
