"""What Ray Tune runs, keeps and loads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

from ray.tune.experiment import Trial

from sweeps.tune_run import Witness


def test_a_free_worker_takes_the_last_of_the_trials_that_wait() -> None:
    controller: Any = object()  # of all trials that there ever were it knows, and is not asked
    witness = Witness()
    trials: list[Any] = [SimpleNamespace(status=Trial.PENDING) for _ in range(3)]
    assert witness.choose_trial_to_run(controller) is None
    for trial in trials:
        witness.on_trial_add(controller, trial)
    assert witness.choose_trial_to_run(controller) is trials[2]
    trials[2].status = Trial.RUNNING
    assert witness.choose_trial_to_run(controller) is trials[1]
    trials[1].status = Trial.TERMINATED
    assert witness.choose_trial_to_run(controller) is trials[0]
    trials[0].status = Trial.ERROR
    assert witness.choose_trial_to_run(controller) is None


def test_cells_begin_before_mlflow_is_loaded_and_their_results_are_not_kept() -> None:
    quiet = {"RAY_AUTH_MODE": "disabled", "RAY_TUNE_CALLBACKS": ""}
    run = subprocess.run(
        [sys.executable, "-c", FOUR_CELLS],
        env={**os.environ, **quiet},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    assert sorted({*told["results"]}) == [0, 1, 2, 3]
    assert told["MLflow"] == [False] * 5
    assert told["kept"] == [["ended", {}]] * 4


FOUR_CELLS = """
import gc, json, sys
from unittest.mock import patch

import ray
from ray import tune
from ray.tune.experiment import Trial

from sweeps import tune_run
from sweeps.cluster import connected
from sweeps.feed import FINISHED, Halt
from sweeps.trial import Job, Work
from synaug.classifiers.options import MlpOptions

told = {"results": [], "MLflow": [], "kept": []}

def cell(config, shared, job):
    tune.report({"line": json.dumps({"replicate": int(config["key"])}), "ended": True})

class Feed:
    given = 0

    def next_work(self):
        told["MLflow"].append("mlflow" in sys.modules)
        if self.given == 4:
            for trial in [found for found in gc.get_objects() if isinstance(found, Trial)]:
                kept = trial.run_metadata
                names = {"line", "ended"} & {*kept.last_result}
                told["kept"].append([*names, kept.metric_analysis])
            return FINISHED
        self.given += 1
        return Work(str(self.given - 1), "none", {}, [0])

    def result(self, key, line):
        told["results"].append(line["replicate"])

    def ended(self, key, death):
        assert death is None

job = Job(MlpOptions(), None)
with connected("local", 1, 0), patch.object(tune_run, "run_cell", cell):
    tune_run.run_shared(Feed(), [], job, Halt(), 1)
print(json.dumps(told))
"""
