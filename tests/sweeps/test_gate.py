"""The gate: test rows stay away from a sweep, and are read once by the declared cells."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import yaml
from rich.console import Console

from sweeps import gate
from sweeps.death import Death
from sweeps.feed import FINISHED, MAX_ATTEMPTS
from sweeps.gate import GateFeed, open_gate
from sweeps.launch import RunOptions
from sweeps.ledger import Ledger, read
from sweeps.ledger_state import state
from sweeps.places import places
from sweeps.prepare import Prepared, prepare, share
from sweeps.spec import load_spec
from sweeps.trial import Work
from synaug.corpus import Part
from synaug.errors import Exit, SynaugError

SCHEMA = Path(gate.__file__).with_name("ledger_schema.json")
QUIET = Console(quiet=True)


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Texts that were encoded, by an encoder that costs nothing."""
    seen: list[str] = []

    def embed(texts: list[str], *_: Any) -> Any:
        seen.extend(texts)
        return np.random.default_rng(len(seen)).normal(size=(len(texts), 8)).astype(np.float32)

    monkeypatch.setattr("sweeps.prepare.embed", embed)
    return seen


@pytest.fixture(params=["held out", "own test part"])
def prepared(request: pytest.FixtureRequest, workshop: Any, tmp_path: Path) -> Prepared:
    """The tiny data as one file, and as a folder with a test part."""
    fields = yaml.safe_load(workshop.spec.read_text())
    if request.param == "own test part":
        head, *rows = (workshop.folder / "data.csv").read_text().splitlines()
        parts = {"test": rows[:60], "train": rows[60:]}
        for name, mine in parts.items():
            (tmp_path / f"{name}.csv").write_text("\n".join([head, *mine]) + "\n")
        fields |= {"data": {"source": str(tmp_path)}, "imbalance": fields["imbalance"] | {"n_minority": 10}}
    return prepare(load_spec(fields))


def texts_of(prepared: Prepared, rows: Any) -> list[str]:
    return [prepared.corpus.texts[row] for row in rows]


def test_A25_a_sweep_encodes_and_draws_no_test_row(prepared: Prepared, encoded: list[str]) -> None:
    test = prepared.split.test
    assert len(test) > 0
    shared = share(prepared)
    assert not set(encoded) & set(texts_of(prepared, test))
    assert set(encoded) == set(prepared.corpus.texts) - set(texts_of(prepared, test))
    assert len(shared.X) == len(shared.y) == len(prepared.corpus.texts) - len(test)
    assert len(shared.test) == 0
    for draw in prepared.draws:
        assert not set(test) & {*draw.rows.tolist(), *draw.dev.tolist()}


def test_the_test_part_of_a_corpus_is_the_test_and_nothing_else(prepared: Prepared) -> None:
    own = prepared.corpus.rows(Part.TEST)
    if len(own):
        np.testing.assert_array_equal(prepared.split.test, own)
    else:
        counts = np.bincount(prepared.corpus.labels[prepared.split.test])
        assert counts.min() == counts.max() > 0  # held out, balanced


def test_the_gate_appends_the_test_rows_and_moves_no_other(prepared: Prepared, encoded: list[str]) -> None:
    before = share(prepared)
    encoded.clear()
    after = share(prepared, with_test=True)
    n = len(before.X)
    assert encoded[n:] == texts_of(prepared, prepared.split.test)
    np.testing.assert_array_equal(after.test, np.arange(n, len(after.X)))
    np.testing.assert_array_equal(after.y[:n], before.y)
    np.testing.assert_array_equal(after.y[n:], prepared.corpus.labels[prepared.split.test])
    for one, other in zip(before.draws, after.draws, strict=True):
        np.testing.assert_array_equal(one.rows, other.rows)
        np.testing.assert_array_equal(one.dev, other.dev)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "ledger", "t") as ledger:
        yield ledger


def test_the_feed_of_the_gate_tries_three_times_and_names_the_lost(ledger: Ledger) -> None:
    line = {"config": {"arm": "none"}, "stage": "exploit", "number": 3}
    feed = GateFeed(ledger, {"a": line, "b": line}, {"a": [0, 1], "b": [1]})
    first, second = feed.next_work(), feed.next_work()
    assert isinstance(first, Work)
    assert isinstance(second, Work)
    assert (list(first.replicates), list(second.replicates)) == ([0, 1], [1])
    feed.result("b", {"replicate": 1, "status": "ok"})
    feed.result("b", {"replicate": 1, "status": "ok"})  # a late duplicate
    feed.ended("b", None)
    feed.ended("a", Death("process"))
    for attempt in range(2, MAX_ATTEMPTS + 1):
        assert feed.open
        again = feed.next_work()
        assert isinstance(again, Work)
        assert (again.key, again.attempt) == ("a", attempt)
        feed.ended("a", Death("process"))
    assert not feed.open
    assert feed.next_work() is FINISHED
    assert feed.lost == ["a"]
    written = read(ledger.path).lines
    assert [(x["trial_key"], x["replicate"], x["stage"]) for x in written] == [("b", 1, "exploit")]


@pytest.fixture
def copied(finished: Any, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished.out, tmp_path / "runs" / "tiny"))


@pytest.mark.slow
def test_a_gate_that_was_cut_off_goes_on_with_its_cells(
    copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, asked = places(copied, environment={}), []

    def read_one(spec: Any, prepared: Any, feed: GateFeed, *_: Any) -> None:
        asked.append({key: list(missing) for key, missing in feed.missing.items()})
        work = feed.next_work()
        assert isinstance(work, Work)
        for replicate in work.replicates:
            feed.result(work.key, {"replicate": replicate, "status": "ok"})

    monkeypatch.setattr(gate, "_read", read_one)
    keys = sorted(state(read(where.ledger).lines).cells)[:2]
    with pytest.raises(SynaugError) as unknown:
        open_gate(where, ["0" * 16], RunOptions(), QUIET)
    assert unknown.value.exit is Exit.USAGE
    assert state(read(where.ledger).lines).gate is None  # nothing was declared
    open_gate(where, keys, RunOptions(), QUIET)
    with pytest.raises(SynaugError) as other:
        open_gate(where, keys[:1], RunOptions(), QUIET)
    assert other.value.exit is Exit.CONFLICT
    assert len(open_gate(where, keys, RunOptions(), QUIET)) == 4
    assert asked == [{keys[0]: [0, 1], keys[1]: [0, 1]}, {keys[0]: [], keys[1]: [0, 1]}]
    with pytest.raises(SynaugError) as again:
        open_gate(where, keys, RunOptions(), QUIET)
    assert again.value.exit is Exit.CONFLICT


@pytest.mark.slow
def test_A25_the_test_rows_are_read_once(copied: Path, workshop: Any) -> None:
    before = read(copied / "ledger.jsonl").lines
    assert not [line for line in before if line["kind"] == "test"]
    code, text = workshop.run("test", copied, "--all", "--workers", 2)
    assert code == 0, text
    plan, *tests = read(copied / "ledger.jsonl").lines[len(before) :]
    schema = json.loads(SCHEMA.read_text())
    for line in (plan, *tests):
        jsonschema.validate(line, schema)
    cells = state(before).cells
    assert (plan["stage"], sorted(plan["cells"])) == ("plan", sorted(cells))
    assert Counter((x["trial_key"], x["replicate"]) for x in tests) == {
        (k, r): 1 for k in cells for r in (0, 1)
    }
    for line in tests:
        assert (line["kind"], line["scored_on"]) == ("test", "test")
        assert 0 <= line["scores"]["test_balanced_accuracy"] <= 1
        assert not [name for name in line["scores"] if name.startswith("dev_")]
        assert sum(map(sum, line["confusion"])) == 20 * 3  # 10 rows a class by each of three fold models
    assert state(read(copied / "ledger.jsonl").lines).cells == cells
    code, text = workshop.run("test", copied, "--all")
    assert code == 7
    assert "were read before" in text
    assert len(read(copied / "ledger.jsonl").lines) == len(before) + 1 + len(tests)
