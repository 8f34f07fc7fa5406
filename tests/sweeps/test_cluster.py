"""Starting Ray on a busy machine, and joining a cluster whose client server turns a caller away."""

from __future__ import annotations

import subprocess
import time
from typing import Any

import psutil
import pytest
import stamina

from sweeps.cluster import CLIENT_ATTEMPTS, START_ATTEMPTS, connected
from synaug.errors import Exit, SynaugError

REASON = "RuntimeError: Starting Ray client server failed."
SLOW = "The current node timed out during startup. This could happen because some of the raylet failed"
TURNED_AWAY = f"Initialization failure from server:\nTraceback (most recent call last):\n{REASON}\n"


class Head:
    """Stands in for ``ray.init``: one start in three dies on a real head, at no time of our choosing."""

    def __init__(self, failures: int):
        self.failures, self.calls = failures, 0
        self.error: Exception = ConnectionAbortedError(TURNED_AWAY)

    def __call__(self, *_: Any, **__: Any) -> None:
        self.calls += 1
        if self.calls <= self.failures:
            raise self.error


@pytest.fixture
def head(monkeypatch: pytest.MonkeyPatch) -> Head:
    import ray

    found = Head(failures=2)
    monkeypatch.setattr("sweeps.reach.has_token", lambda: False)  # it would be told to all of this process
    monkeypatch.setattr(ray, "init", found)
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 3.0})
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    return found


def test_a_client_that_is_turned_away_tries_again(head: Head) -> None:
    with (
        stamina.set_testing(True, attempts=CLIENT_ATTEMPTS),
        connected("ray://10.0.0.5:10001", None, 0) as cluster,
    ):
        assert cluster.workers == 3
    assert head.calls == 3


def test_the_reason_of_the_last_refusal_is_told(head: Head) -> None:
    head.failures = CLIENT_ATTEMPTS
    with (
        stamina.set_testing(True, attempts=CLIENT_ATTEMPTS),
        pytest.raises(SynaugError, match=REASON) as refused,
        connected("ray://10.0.0.5:10001", None, 0),
    ):
        pytest.fail("it connected")
    assert refused.value.exit == Exit.SERVICE
    assert head.calls == CLIENT_ATTEMPTS


def test_a_slow_start_on_this_machine_is_tried_again_and_then_told(head: Head) -> None:
    head.error = Exception(SLOW)  # the type that Ray raises
    with stamina.set_testing(True, attempts=START_ATTEMPTS), connected("local", 1, 0) as cluster:
        assert cluster.workers == 1
    assert head.calls == 3
    head.failures, head.calls = START_ATTEMPTS, 0
    with (
        stamina.set_testing(True, attempts=START_ATTEMPTS),
        pytest.raises(SynaugError, match="did not start on this machine in 3 tries") as refused,
        connected("local", 1, 0),
    ):
        pytest.fail("it started")
    assert (refused.value.exit, head.calls) == (Exit.RESOURCES, START_ATTEMPTS)


def test_a_start_that_failed_leaves_no_process(head: Head, monkeypatch: pytest.MonkeyPatch) -> None:
    head.error, head.failures = Exception(SLOW), 1
    started: list[subprocess.Popen[bytes]] = []
    families: list[list[psutil.Process]] = []

    def start(*_: Any, **__: Any) -> None:
        """One process as Ray's own, with a child."""
        started.append(subprocess.Popen(["/bin/sh", "-c", "sleep 100 & wait"]))
        parent, until = psutil.Process(started[-1].pid), time.monotonic() + 60
        while not parent.children() and time.monotonic() < until:
            time.sleep(0.01)
        families.append([parent, *parent.children()])
        head()

    monkeypatch.setattr("ray.init", start)
    with stamina.set_testing(True, attempts=START_ATTEMPTS), connected("local", 1, 0):
        alive = [[process.is_running() for process in family] for family in families]
        assert alive == [[False, False], [True, True]]
    for process in families[1]:
        process.kill()
    for popen in started:
        popen.wait(60)


def test_another_error_of_a_start_is_not_tried_again(head: Head) -> None:
    head.error = ValueError("no such thing")
    with pytest.raises(ValueError, match="no such thing"), connected("local", 1, 0):
        pytest.fail("it started")
    assert head.calls == 1
