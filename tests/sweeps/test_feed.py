"""The feed without Ray: what runs next, what is tried again, what is written, when it stops."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sweeps.death import Death
from sweeps.entry import Entry
from sweeps.feed import FINISHED, MAX_ATTEMPTS, Feed, Rules
from sweeps.ledger import Ledger, read
from sweeps.plan import Cell, design_cells, protocol, trial_key
from sweeps.search import ArmSearch
from sweeps.spec import load_spec
from sweeps.trial import Work
from tests.sweeps.feeding import Seen, drain, line, lines, run, work

SPEC = load_spec(
    {"name": "t", "arms": ["none", "smote"], "space": {"k": [1, 3], "ratio": [100], "metric": ["euclidean"]}}
)
DESIGN = 4  # none, and smote with k 5, 1 and 3
REPLICATES = 2
DEAD = Death("process")
Make = Callable[..., Feed]


def describe(cell: Cell) -> tuple[str, dict[str, Any]]:
    config = cell.config(SPEC, "data", "encoder")
    return trial_key(config, "d", "e", protocol(SPEC), 1), config


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path, "t") as ledger:
        yield ledger


@pytest.fixture
def make(ledger: Ledger, seen: Seen) -> Make:
    """Return a function that makes a feed of the design; keywords are rules and entries."""

    def make(trials: int = 0, entries: list[Entry] | None = None, **rules: Any) -> Feed:
        if entries is None:
            entries = [Entry(cell, *describe(cell)) for cell in design_cells(SPEC)]
        searches = {"smote": ArmSearch(SPEC, "smote")} if trials else {}
        for entry in entries:
            if searches and entry.cell.arm == "smote":
                searches["smote"].exclude(entry.cell.settings)
        known = Rules(**{"replicates": REPLICATES, "trials": trials, "max_failed": 1.0, **rules})
        return Feed(entries, searches, describe, ledger, seen, known, seen)  # type: ignore[arg-type]

    return make


def test_every_design_cell_runs_once_in_the_order_of_the_plan(make: Make, seen: Seen) -> None:
    feed = make()
    done = drain(feed)
    assert [w.key for w in done] == [describe(cell)[0] for cell in design_cells(SPEC)]
    assert [w.attempt for w in done] == [1] * DESIGN
    assert feed.next_work() is FINISHED
    assert not feed.open
    assert (feed.done, feed.total) == (DESIGN, DESIGN)
    assert seen.closed == [w.key for w in done]
    assert seen.ended == {w.key: ("COMPLETE", pytest.approx(0.7)) for w in done}


def test_the_ledger_holds_start_results_and_cell_in_this_order(make: Make, ledger: Ledger) -> None:
    feed = make()
    given = work(feed)
    feed.result(given.key, line(0, 0.6))
    feed.result(given.key, line(1, 0.9))
    assert [x["kind"] for x in read(ledger.path).lines] == ["start", "result", "result", "cell"]
    cell = lines(ledger, "cell")[0]
    assert (cell["status"], cell["replicates"], cell["seconds"]) == ("ok", 2, 1.0)
    assert cell["value"] == pytest.approx(0.75)


def test_a_cell_whose_process_dies_is_tried_three_times_in_all(
    make: Make, ledger: Ledger, seen: Seen
) -> None:
    feed = make()
    first = work(feed)
    for _ in range(DESIGN - 1):
        run(feed, work(feed))
    feed.ended(first.key, DEAD)
    attempts = [first.attempt]
    while isinstance(again := feed.next_work(), Work):
        assert again.key == first.key
        attempts.append(again.attempt)
        feed.ended(again.key, DEAD)
    assert attempts == list(range(1, MAX_ATTEMPTS + 1))
    cell = lines(ledger, "cell", first.key)[0]
    assert cell["status"] == "failed"
    assert cell["reason"].startswith("poison")
    assert "value" not in cell
    assert seen.ended[first.key] == ("FAIL", None)
    assert feed.next_work() is FINISHED
    assert feed.done == DESIGN


def test_a_second_attempt_skips_the_replicates_that_are_in(make: Make, ledger: Ledger, seen: Seen) -> None:
    feed = make()
    first = work(feed)
    feed.result(first.key, line(0, 0.6, sketch={"real": []}))
    feed.ended(first.key, DEAD)
    for _ in range(DESIGN - 1):
        run(feed, work(feed))
    again = work(feed)
    assert (again.key, again.attempt, list(again.replicates)) == (first.key, 2, [1])
    assert (first.sketch, again.sketch) == (True, False)
    feed.result(again.key, line(1, 0.8))
    assert lines(ledger, "cell", first.key)[0]["value"] == pytest.approx(0.7)
    assert [x["attempt"] for x in lines(ledger, "result", first.key)] == [1, 2]
    assert seen.sketches == {first.key: {"real": []}}
    assert "sketch" not in lines(ledger, "result", first.key)[0]


def test_a_late_duplicate_is_dropped(make: Make, ledger: Ledger) -> None:
    feed = make()
    given = work(feed)
    feed.result(given.key, line(0, 0.6))
    feed.result(given.key, line(0, 0.9))
    feed.result(given.key, line(1, 0.8))
    feed.result(given.key, line(1, 0.1))
    feed.ended(given.key, DEAD)  # after the last result a death changes nothing
    assert [x["scores"]["dev_balanced_accuracy"] for x in lines(ledger, "result")] == [0.6, 0.8]
    assert len(lines(ledger, "cell")) == 1
    assert lines(ledger, "cell")[0]["status"] == "ok"


def test_an_error_of_the_code_fails_the_cell_at_once(make: Make, ledger: Ledger, seen: Seen) -> None:
    feed = make()
    given = work(feed)
    feed.result(given.key, line(0, status="failed", reason="ValueError: x", trace="Traceback …"))
    feed.result(given.key, line(1))
    feed.ended(given.key, None)
    drain(feed)
    cell = lines(ledger, "cell", given.key)[0]
    assert (cell["status"], cell["reason"], cell["attempt"]) == ("failed", "replicate 0: ValueError: x", 1)
    assert len(lines(ledger, "start", given.key)) == 1
    assert seen.ended[given.key] == ("FAIL", None)
    assert seen.troubles == [(given.key, "ValueError: x", "Traceback …")]
    assert "trace" not in lines(ledger, "result", given.key)[0]


def test_a_method_that_does_not_apply_is_no_failure(make: Make, ledger: Ledger, seen: Seen) -> None:
    feed = make(max_failed=0.0)
    given = work(feed)
    for replicate in range(REPLICATES):
        feed.result(given.key, line(replicate, status="not_applicable", reason="too few rows"))
    cell = lines(ledger, "cell")[0]
    assert (cell["status"], cell["reason"]) == ("not_applicable", "replicate 0: too few rows")
    assert seen.troubles == []
    assert feed.stopped is None


def test_too_many_failed_cells_stop_the_sweep(make: Make) -> None:
    feed = make(max_failed=0.25)  # of 4 cells: the second failure is too many
    for expected in (False, True):
        given = work(feed)
        for replicate in range(REPLICATES):
            feed.result(given.key, line(replicate, status="failed", reason="x"))
        feed.ended(given.key, None)
        assert (feed.stopped is not None) == expected
    assert feed.next_work() is FINISHED
    assert "limits.max_failed" in str(feed.stopped)


def test_a_number_of_failed_cells_is_allowed_as_well(make: Make) -> None:
    feed = make(max_failed=2.0)
    for expected in (False, False, True):
        given = work(feed)
        feed.result(given.key, line(0, status="failed", reason="x"))
        feed.result(given.key, line(1, status="failed", reason="x"))
        assert (feed.stopped is not None) == expected


def test_a_cell_that_another_took_along_is_run_again_and_not_blamed(
    make: Make, ledger: Ledger, seen: Seen
) -> None:
    feed = make(entries=[Entry(design_cells(SPEC)[0], *describe(design_cells(SPEC)[0]))])
    for attempt in range(1, 2 * MAX_ATTEMPTS):
        given = work(feed)
        assert given.attempt == attempt
        feed.ended(given.key, Death("cut off"))
    run(feed, work(feed))
    assert lines(ledger, "cell")[0]["status"] == "ok"
    assert "cut off by the death of another cell" in seen.troubles[0][1]


def test_a_cell_that_hangs_is_given_up_with_its_stack(make: Make, ledger: Ledger, seen: Seen) -> None:
    feed = make(entries=[Entry(design_cells(SPEC)[0], *describe(design_cells(SPEC)[0]))])
    for _ in range(MAX_ATTEMPTS):
        feed.ended(work(feed).key, Death("timeout", "9 s", "Timeout (0:00:09)!"))
    cell = lines(ledger, "cell")[0]
    assert cell["status"] == "failed"
    assert cell["reason"].startswith("timeout: in 3 attempts")
    assert seen.troubles[-1][2] == "Timeout (0:00:09)!"


def test_a_stopped_sweep_takes_results_and_tries_nothing_again(make: Make, ledger: Ledger) -> None:
    feed = make()
    first, second = work(feed), work(feed)
    feed.stop("interrupted")
    run(feed, first)
    feed.ended(second.key, DEAD)
    assert feed.next_work() is FINISHED
    assert [x["trial_key"] for x in lines(ledger, "cell")] == [first.key]
    assert feed.open


def test_after_the_deadline_no_cell_is_started(make: Make) -> None:
    feed = make(deadline=time.monotonic() - 1)
    assert feed.next_work() is FINISHED
    assert "time limit" in str(feed.stopped)
    assert make(deadline=time.monotonic() + 1000).next_work() is not FINISHED


def test_proposals_wait_for_the_design_of_their_arm(make: Make) -> None:
    feed = make(trials=2)
    given = [work(feed) for _ in range(DESIGN)]
    smote = [each for each in given if each.arm == "smote"]
    for each in smote[:-1]:
        run(feed, each)
    assert feed.next_work() is None  # to be asked again, not the end
    run(feed, smote[-1])  # ``none`` goes on, and holds nothing up
    assert work(feed).arm == "smote"


@pytest.mark.parametrize("trials", [1, 5])  # there is one k between 1 and 3 that the design leaves
def test_no_proposal_repeats_a_cell_and_an_exhausted_search_ends(
    make: Make, ledger: Ledger, trials: int
) -> None:
    feed = make(trials=trials)
    done = drain(feed, lambda w: 0.5 + 0.05 * int(w.settings.get("k", 0)))
    assert feed.total == DESIGN + 1 == len({w.key for w in done}) == len(done)
    assert done[-1].settings["k"] == 2
    assert not feed.open
    assert [x["stage"] for x in lines(ledger, "cell")] == ["design"] * DESIGN + ["exploit"]


def test_a_cell_without_its_last_line_is_closed_and_not_run(make: Make, ledger: Ledger, seen: Seen) -> None:
    """Its driver died between the last result and the ``cell`` line."""
    cell = design_cells(SPEC)[0]
    results = {r: line(r, 0.6 + 0.2 * r) for r in range(REPLICATES)}
    entry = Entry(cell, *describe(cell), results, attempts=1)
    assert not make(entries=[entry]).open
    assert lines(ledger, "cell", entry.key)[0]["value"] == pytest.approx(0.7)
    assert seen.closed == [entry.key]


def test_attempts_of_a_killed_driver_are_counted_but_are_no_deaths(make: Make, ledger: Ledger) -> None:
    cell = design_cells(SPEC)[0]
    feed = make(entries=[Entry(cell, *describe(cell), attempts=7)])
    given = work(feed)
    feed.ended(given.key, DEAD)
    assert lines(ledger, "cell") == []
    run(feed, work(feed))
    assert lines(ledger, "cell")[0]["attempt"] == 9


def test_only_the_first_cells_of_a_long_sweep_are_drawn(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sweeps.entry.PICTURED", 2)
    assert [given.sketch for given in drain(make())] == [True, True] + [False] * (DESIGN - 2)
