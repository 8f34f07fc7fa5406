"""What Ray Tune asks of the sweep for each cell does not grow with the cells that have ended."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

import pytest
from ray.tune.experiment import Trial

from sweeps.tune_run import Witness


class Controller:
    """Tune's controller, of which only the live trials may be looked at."""

    def __init__(self, statuses: Sequence[str]):
        self.live = [
            SimpleNamespace(status=status, trial_id=f"1f2e_{number:05d}")
            for number, status in enumerate(statuses)
        ]

    def get_live_trials(self) -> list[SimpleNamespace]:
        return self.live

    def get_trials(self) -> list[SimpleNamespace]:
        raise AssertionError("goes through all trials that there ever were")


@pytest.mark.parametrize(
    ("statuses", "chosen"),
    [
        ([Trial.RUNNING, Trial.PENDING], 1),
        ([Trial.PENDING, Trial.PENDING, Trial.RUNNING], 1),
        ([Trial.PAUSED, Trial.RUNNING], 0),
        ([Trial.RUNNING], None),
        ([], None),
    ],
)
def test_the_last_of_the_live_trials_that_wait_is_next(statuses: list[str], chosen: int | None) -> None:
    controller = Controller(statuses)
    expected = None if chosen is None else controller.live[chosen]
    assert Witness().choose_trial_to_run(controller) is expected
