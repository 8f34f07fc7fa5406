"""The benchmarks run, and their report has the shape that others read; how fast is not asked here."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.contenders import Scored, Watched
from benchmarks.encoding import smallest_cosine
from benchmarks.measure import Figure, Found
from benchmarks.registry import ROWS, row
from benchmarks.table import markdown
from benchmarks.throughput import compare

ROOT = Path(__file__).parents[2]
MACHINE = {
    "cpu": "a processor", "cores": 2, "memory_gib": 4.0, "instructions": ["avx2"], "python": "3.11",
    "versions": {"torch": "2"},
}  # fmt: skip
RUN = {"at": "2026-11-21 12:00 UTC", "quick": False, "load": [0.1, 0.2], "note": ""}


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "benchmarks" / "run.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)


def cell(ratio: float, began: float, ended: float, epochs: float = 20.0, **scores: float) -> Scored:
    names = {name.removeprefix("at"): value for name, value in scores.items()}
    return Scored("smote", ratio, began, ended, names, epochs)


@pytest.mark.parametrize("name", ROWS)
def test_every_row_has_a_module(name: str) -> None:
    assert callable(row(name))


@pytest.mark.slow
def test_quick_rows_are_ratios_with_their_spread(tmp_path: Path) -> None:
    file, page = tmp_path / "report.json", tmp_path / "page.md"
    for names in (["neighbors", "roofline"], ["ratio_200"]):  # the second run adds to the first
        done = run("--quick", "--only", *names, "--json", file, "--markdown", page)
        assert done.returncode == 0, done.stderr
    report = json.loads(file.read_text())
    assert set(report) == {"machine", "neighbors", "ratio_200", "roofline"}
    for name in ("neighbors", "ratio_200", "roofline"):
        found: dict[str, Any] = report[name]
        for figure, (low, high) in found["spreads"].items():
            assert math.isfinite(found[figure])
            assert 0 < low <= found[figure] <= high
        assert found["spread"] == found["spreads"]["ratio"]
        assert found["run"]["quick"]
    assert {*report["machine"]} >= {"cpu", "cores", "instructions", "versions"}
    assert page.read_text() == done.stdout.removesuffix("\n")


def test_an_unknown_row_is_a_usage_error() -> None:
    done = run("--only", "nothing")
    assert done.returncode == 2
    assert "neighbors" in done.stderr


def test_a_report_of_another_machine_is_not_mixed_with_this_one(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_text(json.dumps({"machine": MACHINE}))
    done = run("--quick", "--only", "neighbors", "--json", file)
    assert done.returncode == 1
    assert "another machine" in done.stderr
    assert json.loads(file.read_text()) == {"machine": MACHINE}


def test_figures_tell_the_median_and_the_extremes() -> None:
    found = Found((Figure("ratio", "a / b", (3.0, 1.0, 2.0)), Figure("other", "c / d", (5.0,))), {"n": 7})
    assert found.as_json() == {
        "ratio": 2.0,
        "other": 5.0,
        "spread": [1.0, 3.0],
        "spreads": {"ratio": [1.0, 3.0], "other": [5.0, 5.0]},
        "what": {"ratio": "a / b", "other": "c / d"},
        "repetitions": 3,
        "n": 7,
    }


def test_the_page_has_the_machine_and_every_figure() -> None:
    found = Found((Figure("ratio", "a / b", (3.0, 1.0, 2.0)),), {"seconds": {"a": [0.123456]}})
    page = markdown({"machine": MACHINE, "neighbors": {**found.as_json(), "run": RUN}})
    assert "a processor, 2 cores" in page
    assert "| neighbors | a / b | 2 | 1 to 3 | 3 |" in page
    assert "- seconds: a 0.123" in page


def test_cells_an_hour_leave_start_up_out_of_the_steady_rate() -> None:
    sweep = Watched((cell(0, 110, 119), cell(100, 111, 120)), started=100, exited=140)
    assert sweep.steady == 3600 * 2 / 10
    assert sweep.whole == 3600 * 2 / 40
    assert (sweep.start_up, sweep.closing) == (10, 20)


def test_scores_are_compared_cell_by_cell_at_a_budget_as_long() -> None:
    ours = [cell(r, 0, 1, at8=0.5, at32=0.7, at64=0.1, chosen=0.8) for r in (50.0, 100.0)]
    theirs = [cell(100.0, 0, 1, chosen=0.6), cell(50.0, 0, 1, chosen=0.7)]
    worse = [cell(r, 0, 1, at8=0.5, at32=0.66, at64=0.1, chosen=0.8) for r in (50.0, 100.0)]
    found = compare([(ours, theirs), (worse, theirs)])
    assert found["same_passes_steps"] == 32  # the first rung that is not below 20 epochs
    assert found["theirs"] == pytest.approx(0.65)
    points = found["points_ours_less_theirs"]
    assert points["same_passes"]["mean"] == pytest.approx(3.0)
    assert points["same_passes"]["standard_error"] == pytest.approx(2.0)
    assert points["same_passes"]["by_arm"] == pytest.approx({"smote": 3.0})
    assert found["longest_steps"] == 64
    assert points["longest"]["mean"] == pytest.approx(-55.0)
    assert points["chosen"] == {
        "mean": pytest.approx(15.0),
        "standard_error": 0.0,
        "by_arm": {"smote": pytest.approx(15.0)},
    }
    once = compare([(ours, theirs)])["points_ours_less_theirs"]["same_passes"]
    assert "standard_error" not in once


def test_smallest_cosine() -> None:
    left = np.array([[1, 0], [1, 1]], dtype=np.float32)
    right = np.array([[2, 0], [1, 0]], dtype=np.float32)
    assert smallest_cosine(left, right) == pytest.approx(0.5**0.5)
