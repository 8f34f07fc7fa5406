"""Which trial a free worker of Ray Tune takes."""

from __future__ import annotations

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
