"""Ledger lines as tidy frames: one row a (cell, replicate), a rung of its curve, a fold."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from synaug.errors import Exit, Problem, SynaugError

Line = Mapping[str, Any]

MEASURES = ("score", "adjusted", "cv", "auc", "minority_gap")
CURVE_MEASURES = ("score", "adjusted", "cv")
FOLD_MEASURES = ("score", "adjusted")


def header(lines: Sequence[Line]) -> Line:
    """The sweep's header line, the last one where there are several; empty when there is none."""
    found = [line for line in lines if line.get("kind") == "sweep"]
    return found[-1] if found else {}


def records(lines: Sequence[Line]) -> pd.DataFrame:
    """One row per (trial_key, replicate) that has a headline score, in ledger order.

    The first such result of a (trial_key, replicate) wins. Columns: trial_key, replicate, stage,
    the columns of the configuration, scored_on, chosen_steps, then as fractions ``score`` (dev
    balanced accuracy, or that of the folds where ``scored_on`` is cv), ``adjusted``, ``cv``,
    ``auc`` and ``minority_gap`` (recall in training less held-out recall, mean over the classes with
    fewer rows than the largest). What a line does not hold is missing, never 0.

    Raises:
        SynaugError: lines that cannot be read, all at once (exit 4).
    """
    rows = [_record(line) for line in scored(lines)]
    config = list(dict.fromkeys(name for line in scored(lines) for name in line["config"]))
    columns = ["trial_key", "replicate", "stage", *config, "scored_on", "chosen_steps", *MEASURES]
    frame = pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(config, object))
    return frame.astype({"replicate": "int64", **dict.fromkeys(MEASURES, "float64")})


def curves(lines: Sequence[Line]) -> pd.DataFrame:
    """One row per (trial_key, replicate, steps): the score at each rung of the ladder, as fractions.

    Columns: trial_key, replicate, steps, score, adjusted, cv.
    """
    rows = [
        {"trial_key": line["trial_key"], "replicate": line["replicate"], "steps": int(rung["steps"])}
        | _measures(rung, scored_on(line), line["config"]["arm"])
        for line in scored(lines)
        for rung in line.get("curve") or ()
    ]
    frame = pd.DataFrame(rows, columns=["trial_key", "replicate", "steps", *CURVE_MEASURES])
    return frame.astype(dict.fromkeys(CURVE_MEASURES, "float64"))


def folds(lines: Sequence[Line]) -> pd.DataFrame:
    """One row per (trial_key, replicate, fold): ``score`` and ``adjusted`` on the held-out rows."""
    rows = [
        {"trial_key": line["trial_key"], "replicate": line["replicate"], "fold": int(fold["fold"])}
        | _measures(fold, "cv", line["config"]["arm"])
        for line in scored(lines)
        for fold in line.get("folds") or ()
    ]
    frame = pd.DataFrame(rows, columns=["trial_key", "replicate", "fold", *FOLD_MEASURES])
    return frame.astype(dict.fromkeys(FOLD_MEASURES, "float64"))


def tested(lines: Sequence[Line]) -> pd.DataFrame:
    """Like ``records``, of the lines that the test gate wrote."""
    read = [line for line in lines if line.get("kind") == "test" and "trial_key" in line]
    return records([{**line, "kind": "result", "scored_on": "test"} for line in read])


def diagnostics(lines: Sequence[Line]) -> pd.DataFrame:
    """One row per (trial_key, replicate): the finite numbers that its diagnostics hold, else missing."""
    found = [(line, line.get("diagnostics") or {}) for line in scored(lines)]
    names = dict.fromkeys(name for _, values in found for name in values)
    rows = [
        {"trial_key": line["trial_key"], "replicate": line["replicate"]}
        | {name: _number(values, name) for name in names}
        for line, values in found
    ]
    frame = pd.DataFrame(rows, columns=["trial_key", "replicate", *names])
    return frame.astype(dict.fromkeys(names, "float64"))


def skipped(lines: Sequence[Line]) -> pd.DataFrame:
    """Cells that gave no score or did not end well: trial_key, arm, status, reason."""
    check(lines)
    rows: dict[str, dict[str, Any]] = {}
    for line in lines:
        if line.get("kind") == "result" and not is_scored(line):
            status = line.get("status", "ok")
            reason = line.get("reason") or f"no {scored_on(line)}_balanced_accuracy"
            rows[line["trial_key"]] = _skipped(line, "no score" if status == "ok" else status, reason)
    for line in scored(lines):
        rows.pop(line["trial_key"], None)
    for line in lines:
        if line.get("kind") == "cell":
            rows.pop(line["trial_key"], None)
            if line.get("status", "ok") not in ("ok", "raced"):
                rows[line["trial_key"]] = _skipped(line, line["status"], line.get("reason"))
    return pd.DataFrame(rows.values(), columns=["trial_key", "arm", "status", "reason"])


def scored(lines: Sequence[Line]) -> list[Line]:
    """Result lines with a headline score, the first of each (trial_key, replicate)."""
    check(lines)
    first: dict[tuple[str, int], Line] = {}
    for line in lines:
        if line.get("kind") == "result" and is_scored(line):
            first.setdefault((line["trial_key"], line["replicate"]), line)
    return list(first.values())


def is_scored(line: Line) -> bool:
    """Whether a result line is ok and holds a finite headline score."""
    name = f"{scored_on(line)}_balanced_accuracy"
    return line.get("status", "ok") == "ok" and _number(line.get("scores") or {}, name) is not None


def scored_on(line: Line) -> str:
    """``dev`` or ``cv``; a line that does not say is on dev when it has a dev score."""
    guess = "dev" if "dev_balanced_accuracy" in (line.get("scores") or {}) else "cv"
    return str(line.get("scored_on") or guess)


def check(lines: Sequence[Line]) -> None:
    """Raise one SynaugError (exit 4) with everything that keeps the lines from being read."""
    problems = []
    for i, line in enumerate(lines, start=1):
        for text in _line_problems(line):
            problems.append(Problem(text, f"line {i}", "see the ledger's line format in the documentation"))
    if problems:
        raise SynaugError(problems, Exit.DATA)


def _line_problems(line: Line) -> list[str]:
    if line.get("kind") not in ("result", "cell", "start"):
        return []
    problems = []
    if not isinstance(line.get("trial_key"), str):
        problems.append(f"trial_key: expected text, got {line.get('trial_key')!r}")
    config = line.get("config")
    if not isinstance(config, Mapping) or not isinstance(config.get("arm"), str):
        problems.append(f"config: expected a mapping with an arm, got {config!r}")
    replicate = line.get("replicate")
    if line["kind"] == "result" and (not isinstance(replicate, int) or isinstance(replicate, bool)):
        problems.append(f"replicate: expected an integer, got {replicate!r}")
    return problems


def _record(line: Line) -> dict[str, Any]:
    scores, where = line["scores"], scored_on(line)
    own = {
        "trial_key": line["trial_key"],
        "replicate": line["replicate"],
        "stage": line.get("stage", "design"),
        "scored_on": where,
        "chosen_steps": line.get("chosen_steps"),
        "auc": _number(scores, f"{where}_auc"),
        "minority_gap": _minority_gap(line),
    }
    return {**line["config"], **own, **_measures(scores, where, line["config"]["arm"])}


def _measures(scores: Mapping[str, Any], where: str, arm: str) -> dict[str, float | None]:
    score = _number(scores, f"{where}_balanced_accuracy")
    adjusted = _number(scores, f"{where}_adjusted_balanced_accuracy")
    if adjusted is None and arm == "logit_adjust":
        adjusted = score  # the adjusted score is this arm's own
    return {"score": score, "adjusted": adjusted, "cv": _number(scores, "cv_balanced_accuracy")}


def _minority_gap(line: Line) -> float | None:
    real = (line.get("counts") or {}).get("real") or {}
    classes = line.get("per_class") or {}
    minority = [name for name, count in real.items() if count < max(real.values())]
    pairs = [
        (_number(classes.get(name, {}), "train_recall"), _number(classes.get(name, {}), "recall"))
        for name in minority
    ]
    gaps = [train - held_out for train, held_out in pairs if train is not None and held_out is not None]
    return sum(gaps) / len(gaps) if gaps and len(gaps) == len(minority) else None


def _skipped(line: Line, status: str, reason: str | None) -> dict[str, Any]:
    arm = line["config"]["arm"]
    return {
        "trial_key": line["trial_key"],
        "arm": arm,
        "status": status,
        "reason": reason or "no reason given",
    }


def _number(values: Mapping[str, Any], name: str) -> float | None:
    value = values.get(name)
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
