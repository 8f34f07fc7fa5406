"""A feed by hand: what listens to it, what a worker reports, and cells run one after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from sweeps.entry import Entry
from sweeps.feed import Feed
from sweeps.ledger import Ledger, read
from sweeps.trial import Work


class Seen:
    """In place of Optuna and of MLflow: remembers what it is told."""

    def __init__(self) -> None:
        self.running: Counter[str] = Counter()
        self.ended: dict[str, tuple[str, float | None]] = {}
        self.closed: list[str] = []
        self.troubles: list[tuple[str, str, str | None]] = []
        self.sketches: dict[str, Any] = {}

    def start(self, key: str, arm: str, settings: Mapping[str, Any], classifier: str) -> None:
        self.running[key] += 1

    def finish(self, key: str, state: str, value: float | None = None) -> None:
        assert key not in self.ended, f"{key} ended twice"
        self.ended[key] = (state, value)

    def cell_closed(self, entry: Entry) -> None:
        self.closed.append(entry.key)

    def sketched(self, key: str, sketch: Mapping[str, Any]) -> None:
        self.sketches[key] = sketch

    def failed(self, entry: Entry, reason: str, trace: str | None) -> None:
        self.troubles.append((entry.key, reason, trace))


def line(replicate: int, score: float = 0.7, status: str = "ok", **more: Any) -> dict[str, Any]:
    """What a worker reports of one replicate."""
    found: dict[str, Any] = {"replicate": replicate, "status": status, "reason": None}
    found["seconds"] = {"total": 0.5}
    if status == "ok":
        found |= {"scored_on": "dev", "scores": {"dev_balanced_accuracy": score}, "curve": []}
    return found | more


def work(feed: Feed) -> Work:
    found = feed.next_work()
    assert isinstance(found, Work)
    return found


def run(feed: Feed, given: Work, score: float = 0.7) -> None:
    for replicate in given.replicates:
        feed.result(given.key, line(replicate, score))
    feed.ended(given.key, None)


def drain(feed: Feed, score: Callable[[Work], float] = lambda _: 0.7) -> list[Work]:
    """Run everything, one after the other, as workers without trouble would."""
    done = []
    while isinstance(given := feed.next_work(), Work):
        run(feed, given, score(given))
        done.append(given)
    return done


def lines(ledger: Ledger, kind: str, key: str | None = None) -> list[Any]:
    return [x for x in read(ledger.path).lines if x["kind"] == kind and key in (None, x["trial_key"])]
