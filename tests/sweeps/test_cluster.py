"""Joining a cluster whose client server turns a caller away."""

from __future__ import annotations

from typing import Any

import pytest
import stamina

from sweeps.cluster import CLIENT_ATTEMPTS, connected
from synaug.errors import Exit, SynaugError

REASON = "RuntimeError: Starting Ray client server failed."
TURNED_AWAY = f"Initialization failure from server:\nTraceback (most recent call last):\n{REASON}\n"


class Head:
    """Stands in for ``ray.init``: one start in three dies on a real head, at no time of our choosing."""

    def __init__(self, failures: int):
        self.failures, self.calls = failures, 0

    def __call__(self, *_: Any, **__: Any) -> None:
        self.calls += 1
        if self.calls <= self.failures:
            raise ConnectionAbortedError(TURNED_AWAY)


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
