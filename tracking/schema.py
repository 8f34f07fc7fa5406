"""What a parent run and a child run hold: names, limits and required tags, checked once here.

The limits keep the MLflow table and charts usable; see :data:`MAX_PARAMS` and :data:`MAX_METRICS`.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

HEADLINE = "balanced_accuracy"
ADJUSTED = "adjusted_balanced_accuracy"
PARENT = "parent"
"""Stands for the parent run wherever a trial key stands for a child."""

MAX_PARAMS = 25
MAX_METRICS = 30
MAX_ARTIFACTS = 4
MAX_POINTS = 200  # of a curve
MAX_PARAM_LENGTH = 6000
MAX_TAG_LENGTH = 8000

GIVEN_TAGS = ("method", "dataset", "encoder", "fold_scheme", "status_reason", "stage")
CHILD_TAGS = ("sweep", "trial_key", "mlflow.parentRunId", *GIVEN_TAGS)
"""Tags of every child run: MLflow filters see only a run's own tags, so all are repeated there."""

_METRIC_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*")
_ARTIFACT_PATH = re.compile(r"[A-Za-z0-9][\w-]*(\.\w+)*(/[A-Za-z0-9][\w-]*(\.\w+)*)*")

Status = Literal["FINISHED", "FAILED", "KILLED"]


@dataclass(frozen=True)
class Metric:
    """A metric of child runs: the mean over replicates unless the help says otherwise."""

    name: str
    unit: str
    help: str


METRICS: tuple[Metric, ...] = (
    Metric(HEADLINE, "fraction", "balanced accuracy on what the cell is scored on"),
    Metric(f"{HEADLINE}_low", "fraction", "lower end of the interval of the mean"),
    Metric(f"{HEADLINE}_high", "fraction", "upper end of the interval of the mean"),
    Metric(ADJUSTED, "fraction", "balanced accuracy with the log effective training mass taken off"),
    Metric("cv_balanced_accuracy", "fraction", "balanced accuracy over the folds"),
    Metric("cv_adjusted_balanced_accuracy", "fraction", "adjusted balanced accuracy over the folds"),
    Metric("macro_f1", "fraction", "unweighted mean F1 of the classes"),
    Metric("auc", "fraction", "area under the ROC curve"),
    Metric("log_loss", "nats", "mean negative log likelihood"),
    Metric("minority_recall", "fraction", "recall of the smallest class"),
    Metric("chosen_steps", "steps", "optimiser steps at the chosen rung"),
    Metric("replicates", "count", "replicates behind the means"),
    Metric("k", "count", "neighbors"),
    Metric("ratio", "percent", "requested share of the gap to the largest class"),
    Metric("latent", "count", "latent dimensions"),
    Metric("synthetic_requested", "rows", "synthetic rows asked for"),
    Metric("synthetic_achieved", "rows", "synthetic rows made"),
    Metric("variance_ratio", "ratio", "variance of synthetic to real minority rows"),
    Metric("seconds", "seconds", "time of a replicate"),
    Metric("synthesis_seconds", "seconds", "time of a replicate spent on synthetic rows"),
    Metric("training_seconds", "seconds", "time of a replicate spent on training"),
    Metric("test_balanced_accuracy", "fraction", "balanced accuracy on the test part"),
    Metric("test_adjusted_balanced_accuracy", "fraction", "adjusted balanced accuracy on the test part"),
)
METRIC_NAMES = frozenset(metric.name for metric in METRICS)
CURVE_NAMES = frozenset((HEADLINE, ADJUSTED))


@dataclass(frozen=True)
class Point:
    """One metric value; ``changing`` points may get a new value when replicates are added."""

    name: str
    step: int
    value: float
    changing: bool = True


@dataclass(frozen=True)
class DataUsed:
    """The data set of a child run, shown by MLflow as its input.

    Args:
        name: the data set's name.
        digest: hexadecimal digest of its rows; MLflow keeps the first 36 digits.
        source: where it came from, for people.
        rows: number of rows.
        classes: the class names.
    """

    name: str
    digest: str
    source: str
    rows: int
    classes: tuple[str, ...]


@dataclass(frozen=True)
class ParentRun:
    """The run of a whole sweep.

    A param that MLflow already has is left as it is, so what may change between two starts of a
    sweep belongs in ``tags``.

    Args:
        sweep: the sweep's name; also the run's and the experiment's name.
        note: markdown shown on top of the run; cut at 8,000 characters.
        params: constants of the sweep, at most 25.
        tags: whatever else may be filtered by.
        artifacts: path to bytes.
        metrics: name to value, for example counts of cells.
        status: RUNNING until the sweep ends.
        started_ms: milliseconds since 1970; the time of writing when None.
        ended_ms: the same for the end, and the time stamp of the metrics.
    """

    sweep: str
    note: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    artifacts: Mapping[str, bytes] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    status: Literal["RUNNING", "FINISHED", "FAILED", "KILLED"] = "RUNNING"
    started_ms: int | None = None
    ended_ms: int | None = None

    def __post_init__(self) -> None:
        """Check names and limits."""
        _check_values(self.sweep, self.params, self.points())
        check_artifacts(self.sweep, self.artifacts)

    def points(self) -> tuple[Point, ...]:
        """Return the metrics as points at step 0."""
        return tuple(Point(name, 0, value) for name, value in self.metrics.items())

    def all_tags(self) -> dict[str, str]:
        """Return the tags with ``sweep``, ``trial_key`` and the note added."""
        note = self.note if len(self.note) <= MAX_TAG_LENGTH else self.note[: MAX_TAG_LENGTH - 1] + "…"
        fixed = {"sweep": self.sweep, "trial_key": PARENT, "mlflow.note.content": note}
        return _fitted(self.tags, MAX_TAG_LENGTH) | fixed

    def all_params(self) -> dict[str, str]:
        """Return the params; a value over the limit is replaced by its digest."""
        return _fitted(self.params, MAX_PARAM_LENGTH)


@dataclass(frozen=True)
class CellRun:
    """The child run of one cell.

    Args:
        trial_key: the cell's key; a run is found by it.
        sweep: the sweep's name.
        name: the run's name, for example ``smote k=5 ratio=100``.
        params: what varies in the sweep, at most 25.
        tags: at least :data:`GIVEN_TAGS`; ``status_reason`` may be empty.
        metrics: means over replicates, names of :data:`METRICS`, stored at step 0.
        replicate_metrics: headline or adjusted score: (replicate, value) pairs, stored as
            ``replicate.NAME``.
        budget_metrics: headline or adjusted score: (optimiser steps, mean) pairs, stored as
            ``budget.NAME``.
        dataset: what the cell was trained on.
        artifacts: path to bytes, at most 4.
        status: how the cell ended.
        started_ms: milliseconds since 1970.
        ended_ms: the same for the end; time stamp of the metrics, so that a repeated write is the
            same row. It must rise when replicates are added.
    """

    trial_key: str
    sweep: str
    name: str
    params: Mapping[str, str]
    tags: Mapping[str, str]
    metrics: Mapping[str, float]
    replicate_metrics: Mapping[str, Sequence[tuple[int, float]]]
    budget_metrics: Mapping[str, Sequence[tuple[int, float]]]
    dataset: DataUsed
    artifacts: Mapping[str, bytes]
    status: Status
    started_ms: int
    ended_ms: int

    def __post_init__(self) -> None:
        """Check names, limits and required tags."""
        missing = [tag for tag in GIVEN_TAGS if tag not in self.tags]
        assert not missing, f"{self.trial_key}: child run without the tags {missing}"
        unknown = sorted(self.metrics.keys() - METRIC_NAMES)
        assert not unknown, f"{self.trial_key}: metrics not in tracking/schema.py METRICS: {unknown}"
        curves = sorted((self.replicate_metrics.keys() | self.budget_metrics.keys()) - CURVE_NAMES)
        assert not curves, f"{self.trial_key}: curves are kept of {sorted(CURVE_NAMES)} only, got {curves}"
        assert "'" not in self.trial_key + self.sweep, f"{self.trial_key}: no quotes in keys and names"
        _check_values(self.trial_key, self.params, self.points())
        check_artifacts(self.trial_key, self.artifacts)

    def points(self) -> tuple[Point, ...]:
        """Return all metric values: the means, then the replicate and the budget curves.

        Of a longer curve the first replicates are kept, which stay the same when more are added, and
        steps from end to end.
        """
        means = (Point(name, 0, value) for name, value in self.metrics.items())
        return (
            *means,
            *_curve("replicate", _first(self.replicate_metrics), changing=False),
            *_curve("budget", _spread(self.budget_metrics), changing=True),
        )

    def all_tags(self, parent_id: str) -> dict[str, str]:
        """Return the tags with ``sweep``, ``trial_key`` and the parent's run id added."""
        fixed = {"sweep": self.sweep, "trial_key": self.trial_key, "mlflow.parentRunId": parent_id}
        return _fitted(self.tags, MAX_TAG_LENGTH) | fixed

    def all_params(self) -> dict[str, str]:
        """Return the params; a value over the limit is replaced by its digest."""
        return _fitted(self.params, MAX_PARAM_LENGTH)


Curves = Mapping[str, Sequence[tuple[int, float]]]


def _first(curves: Curves) -> Curves:
    return {name: pairs[:MAX_POINTS] for name, pairs in curves.items()}


def _spread(curves: Curves) -> Curves:
    return {
        name: pairs
        if len(pairs) <= MAX_POINTS
        else [pairs[round(i * (len(pairs) - 1) / (MAX_POINTS - 1))] for i in range(MAX_POINTS)]
        for name, pairs in curves.items()
    }


def _curve(prefix: str, curves: Curves, *, changing: bool) -> Iterator[Point]:
    for name, pairs in curves.items():
        for step, value in pairs:
            yield Point(f"{prefix}.{name}", step, value, changing)


def _fitted(values: Mapping[str, str], limit: int) -> dict[str, str]:
    """MLflow would cut a longer value silently; two different values could then look alike."""
    return {name: value if len(value) <= limit else _digest(value) for name, value in values.items()}


def _digest(value: str) -> str:
    return "sha256:" + hashlib.sha256(value.encode()).hexdigest()


def _check_values(owner: str, params: Mapping[str, str], points: Iterable[Point]) -> None:
    points = tuple(points)
    names = {point.name for point in points}
    assert len(params) <= MAX_PARAMS, f"{owner}: {len(params)} params, at most {MAX_PARAMS}"
    assert len(names) <= MAX_METRICS, f"{owner}: {len(names)} metric names, at most {MAX_METRICS}"
    illegal = sorted(name for name in names if not _METRIC_NAME.fullmatch(name))
    assert not illegal, f"{owner}: metric names that MLflow rejects or the UI cannot filter by: {illegal}"
    wild = sorted({point.name for point in points if not math.isfinite(point.value)})
    assert not wild, f"{owner}: metrics that are not finite: {wild}; a missing value is absent"


def check_artifacts(owner: str, artifacts: Mapping[str, bytes]) -> None:
    """Refuse more artifacts than a run should have, and paths that lead out of it."""
    assert len(artifacts) <= MAX_ARTIFACTS, f"{owner}: {len(artifacts)} artifacts, at most {MAX_ARTIFACTS}"
    bad = sorted(path for path in artifacts if not _ARTIFACT_PATH.fullmatch(path))
    assert not bad, f"{owner}: artifact paths outside the run's folder: {bad}"
