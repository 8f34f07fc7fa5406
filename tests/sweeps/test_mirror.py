"""What MLflow has not got yet waits in the ledger, not in the driver's memory."""

from __future__ import annotations

import time
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from sweeps.feed import Feed, Finished, Rules
from sweeps.ledger import Ledger, read
from sweeps.ledger_state import state
from sweeps.mirror import Mirror
from sweeps.places import Places, places
from sweeps.prepare import Prepared, prepare
from sweeps.resend import resend
from sweeps.resume import describe, entries_of
from sweeps.spec import Spec, load_spec
from synaug.errors import Exit
from tracking import TrackingUnavailable, open_client, probe, summary
from tracking.schema import MAX_ARTIFACTS

AWAY = "http://127.0.0.1:9"  # nobody listens there
RUNGS = 60  # of a curve, so that a result is far larger than all else that a cell has


class NoStudies:
    """In place of Optuna's studies, which are not the question here."""

    def start(self, *_: Any) -> None:
        """Show nothing."""

    def finish(self, *_: Any) -> None:
        """Show nothing."""


def canned(replicate: int, score: float) -> dict[str, Any]:
    """A result as workers report it."""
    names = ("balanced_accuracy", "adjusted_balanced_accuracy", "macro_f1", "auc", "log_loss")
    scores = {f"{part}_{name}": score for part in ("dev", "cv") for name in names}
    classes = {name: {"precision": 0.8, "recall": 0.7, "f1": 0.75} for name in ("beetle", "teapot")}
    counts = {"beetle": 60, "teapot": 20}
    return {
        "replicate": replicate,
        "status": "ok",
        "reason": None,
        "scored_on": "dev",
        "chosen_steps": 4,
        "scores": scores,
        "curve": [{"steps": step, **scores} for step in range(1, RUNGS + 1)],
        "folds": [{"fold": fold, "cv_balanced_accuracy": score} for fold in range(3)],
        "per_class": classes,
        "confusion": [[50, 10], [5, 15]],
        "counts": {"real": counts, "requested": {"teapot": 40}, "achieved": {"teapot": 40}},
        "diagnostics": {},
        "seconds": {"total": 1.0, "synthesis": 0.1, "training": 0.8},
    }


@pytest.fixture
def spec(workshop: Any) -> Spec:
    """A design of some hundred cells on the tiny data."""
    fields = {"arms": ["smote"], "design": "factorial", "search.trials": 0}
    space = {"space.ratio": [100 + i / 10 for i in range(100)], "space.k": [1, 3, 5]}
    return load_spec(str(workshop.spec), [*fields.items(), *space.items()])


@pytest.fixture
def prepared(spec: Spec) -> Prepared:
    return prepare(spec)


@pytest.fixture
def away(tmp_path: Path) -> Places:
    """A sweep's folder, and an MLflow server that is not there."""
    return places(tmp_path / "runs" / "tiny", AWAY, environment={})


@pytest.fixture
def ledger(away: Places, spec: Spec) -> Iterator[Ledger]:
    ledger = Ledger(away.out, spec.name)
    yield ledger
    with suppress(OSError):  # a test has closed it
        ledger.close()


@pytest.fixture
def feed(spec: Spec, prepared: Prepared, away: Places, ledger: Ledger) -> Iterator[Feed]:
    """The feed of a sweep that MLflow hears nothing of."""
    before = state(())
    entries = entries_of(spec, prepared, before)
    mirror = Mirror(prepared, away, ledger, entries, before, Console(quiet=True))
    rules = Rules(spec.replicates, 0, 1.0)
    name = partial(describe, prepared)
    yield Feed(entries, {}, name, ledger, NoStudies(), rules, mirror)  # type: ignore[arg-type]
    mirror.close(Exit.OK, 0.0)


def finish(feed: Feed, cells: int) -> None:
    """Run so many cells, as fast as the ledger takes them."""
    for number in range(cells):
        work = feed.next_work()
        assert work is not None
        assert not isinstance(work, Finished)
        for replicate in work.replicates:
            feed.result(work.key, canned(replicate, 0.5 + number / 10_000))
        feed.ended(work.key, None)


def test_a_cell_that_waits_for_mlflow_takes_no_memory_for_its_results(feed: Feed, away: Places) -> None:
    with pytest.raises(TrackingUnavailable):
        probe(AWAY)  # imports what the outbox's thread would import in between
    finish(feed, 20)
    tracemalloc.start()
    first, _ = tracemalloc.get_traced_memory()
    size = away.ledger.stat().st_size
    finish(feed, 60)
    last, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert feed.done == 80
    a_cell = (away.ledger.stat().st_size - size) / 60
    assert a_cell > 30_000
    assert (last - first) / 60 < 8_000


def test_what_waited_is_sent_as_it_was(feed: Feed, away: Places, spec: Spec, ledger: Ledger) -> None:
    away.spec.write_text(spec.to_yaml())
    finish(feed, 12)
    ledger.close()
    lines = read(away.ledger).lines
    assert len(state(lines).unsent) == 12
    here = places(away.out, f"sqlite:///{away.out.parent / 'mlflow.db'}", environment={})
    sent, notes = resend(here, Console(quiet=True))
    assert (sent, notes) == (12, [])
    client = open_client(here.tracking_uri)
    for key, runs in summary(here.tracking_uri, spec.name).items():
        [(run_id, status)] = runs
        run = client.get_run(run_id)
        assert status == "FINISHED"
        assert run.data.metrics["balanced_accuracy"] == pytest.approx(state(lines).cells[key]["value"])
        points = client.get_metric_history(run_id, "budget.balanced_accuracy")
        assert [point.step for point in points] == list(range(1, RUNGS + 1))
        assert run.data.metrics["replicates"] == spec.replicates


def test_a_cell_takes_four_requests_and_one_an_artifact(
    spec: Spec, prepared: Prepared, tmp_path: Path, relay: Any
) -> None:
    where = places(tmp_path / "runs" / spec.name, relay.uri, environment={})

    def sent(runs: int) -> int:
        """Wait until so many runs are acknowledged; return the requests until then."""
        until = time.monotonic() + 240
        while sum(line["kind"] == "mlflow" for line in read(where.ledger).lines) < runs:
            assert time.monotonic() < until, "waited in vain"
            time.sleep(0.05)
        return len(relay.requests)

    with Ledger(where.out, spec.name) as ledger:
        entries = entries_of(spec, prepared, state(()))
        mirror = Mirror(prepared, where, ledger, entries, state(()), Console(quiet=True))
        name = partial(describe, prepared)
        feed = Feed(entries, {}, name, ledger, NoStudies(), Rules(spec.replicates, 0, 1.0), mirror)  # type: ignore[arg-type]
        finish(feed, 1)
        first = sent(2)  # the parent and the cell
        finish(feed, 2)
        asked = relay.requests[first : sent(4)]
        assert mirror.close(Exit.OK, 240.0) == []
    uploads = [request for request in asked if request.startswith("PUT")]
    assert 2 <= len(uploads) <= 2 * MAX_ARTIFACTS
    calls = Counter(request.rsplit("/", 1)[1] for request in asked if request not in uploads)
    assert calls == {"create": 2, "log-batch": 2, "log-inputs": 2, "update": 2}
    assert len(summary(relay.uri, spec.name)) == 3
