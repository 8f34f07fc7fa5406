"""The projection into a real SQLite storage: one trial a cell, whatever happened before."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path

import optuna
import pytest

from sweeps.ledger_state import state
from sweeps.space import Settings
from sweeps.storage import summary
from sweeps.studies import StudyCell, StudyProjection, study_cells
from synaug.errors import Exit, SynaugError
from synaug.knobs import Value

SMOTE: Settings = (("k", 5), ("metric", "euclidean"), ("ratio", 100.0))
SMOTE_DICT = dict(SMOTE)
A = StudyCell("a", "smote", SMOTE, "COMPLETE", 0.7)
B = StudyCell("b", "smote", (("k", 1), ("metric", "euclidean"), ("ratio", 100.0)), "FAIL")
C = StudyCell("c", "none", (), "COMPLETE", 0.5)
D = StudyCell("d", "ros", (("ratio", 50.0),), "PRUNED")
ALL = (A, B, C, D)
STATES = {cell.key: [cell.state] for cell in ALL}


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'optuna.db'}"


class Settled(StudyProjection):
    """Has written when it returns, so that a test can read."""

    def start(self, key: str, arm: str, settings: Mapping[str, Value]) -> None:
        super().start(key, arm, settings)
        self.settle()

    def finish(self, key: str, state: str, value: float | None = None) -> None:
        super().finish(key, state, value)
        self.settle()


@pytest.fixture
def projection(url: str) -> Iterator[StudyProjection]:
    projection = Settled(url, "t")
    yield projection
    projection.close()


def play(projection: StudyProjection, *cells: StudyCell) -> None:
    for cell in cells:
        projection.start(cell.key, cell.arm, dict(cell.settings))
        projection.finish(cell.key, cell.state, cell.value)


def trials(url: str, arm: str, sweep: str = "t") -> list[optuna.trial.FrozenTrial]:
    storage = optuna.storages.RDBStorage(url)
    study = optuna.load_study(study_name=f"{sweep}/{arm}", storage=storage)
    found = study.trials
    assert study.direction == optuna.study.StudyDirection.MAXIMIZE
    storage.remove_session()
    storage.engine.dispose()
    return found


def test_a_sweep_as_it_runs(url: str, projection: StudyProjection) -> None:
    projection.start("a", "smote", dict(A.settings))
    assert summary(url, "t") == {"a": ["RUNNING"]}
    projection.finish("a", "COMPLETE", 0.7)
    play(projection, B, C, D)
    assert projection.problem is None
    assert summary(url, "t") == STATES
    first, second = trials(url, "smote")
    assert (first.value, first.params) == (0.7, dict(SMOTE))
    assert second.params["k"] == 1
    assert trials(url, "none")[0].params == {}


def test_a_second_start_makes_no_second_trial(url: str, projection: StudyProjection) -> None:
    projection.start("a", "smote", SMOTE_DICT)
    play(projection, A, A)
    assert summary(url, "t") == {"a": ["COMPLETE"]}


def test_orphans_of_cells_that_run_again_are_used_again(url: str, projection: StudyProjection) -> None:
    play(projection, A)
    projection.start("b", "smote", dict(B.settings))  # and the driver dies
    after = Settled(url, "t")
    assert after.reconcile([A], running=["b"])
    assert summary(url, "t") == {"a": ["COMPLETE"], "b": ["RUNNING"]}
    play(after, B)
    assert after.reconcile([A, B])
    assert summary(url, "t") == {"a": ["COMPLETE"], "b": ["FAIL"]}
    after.close()


def test_orphans_of_cells_that_do_not_run_again_vanish(url: str, projection: StudyProjection) -> None:
    play(projection, A)
    projection.start("b", "smote", dict(B.settings))
    after = Settled(url, "t")
    assert after.reconcile([A])
    assert summary(url, "t") == {"a": ["COMPLETE"]}
    after.close()


def test_a_driver_that_died_between_ledger_and_study(url: str, projection: StudyProjection) -> None:
    projection.start("a", "smote", SMOTE_DICT)
    after = Settled(url, "t")
    assert after.reconcile(ALL)
    assert summary(url, "t") == STATES
    assert [trial.value for trial in trials(url, "smote")] == [0.7, None]
    after.close()


def test_what_agrees_is_not_touched(url: str, projection: StudyProjection) -> None:
    play(projection, *ALL)
    before = [(t.number, t.datetime_start) for t in trials(url, "smote")]
    assert projection.reconcile(ALL)
    assert [(t.number, t.datetime_start) for t in trials(url, "smote")] == before


def test_a_value_that_changed_is_written_anew(url: str, projection: StudyProjection) -> None:
    """More replicates give a cell another mean."""
    play(projection, *ALL)
    new = StudyCell("a", "smote", SMOTE, "COMPLETE", 0.8)
    projection.start("a", "smote", SMOTE_DICT)
    projection.finish("a", "COMPLETE", 0.8)
    assert projection.reconcile([new, B, C, D])
    assert summary(url, "t") == STATES
    assert [trial.value for trial in trials(url, "smote")] == [0.8, None]


def test_trials_of_nobody_go(url: str, projection: StudyProjection) -> None:
    play(projection, *ALL)
    assert projection.reconcile([A])
    assert summary(url, "t") == {"a": ["COMPLETE"]}


def test_rebuild_touches_no_other_sweep(url: str, projection: StudyProjection) -> None:
    other = Settled(url, "t2")
    play(other, A)
    play(projection, B, C)
    assert projection.rebuild(ALL)
    assert summary(url, "t") == STATES
    assert summary(url, "t2") == {"a": ["COMPLETE"]}
    other.close()


def test_rebuild_of_a_storage_that_is_lost(tmp_path: Path, url: str, projection: StudyProjection) -> None:
    play(projection, *ALL)
    projection.close()
    (tmp_path / "optuna.db").unlink()
    assert summary(url, "t") == {}
    assert not (tmp_path / "optuna.db").exists()
    after = Settled(url, "t")
    assert after.rebuild(ALL)
    assert summary(url, "t") == STATES
    after.close()


def test_a_locked_storage_stops_nothing(tmp_path: Path, url: str, projection: StudyProjection) -> None:
    play(projection, A)
    other = sqlite3.connect(tmp_path / "optuna.db")
    other.execute("BEGIN EXCLUSIVE")
    play(projection, B, C)
    assert projection.problem is not None
    assert "locked" in projection.problem
    assert not projection.reconcile([A, B, C])
    other.rollback()
    other.close()
    play(projection, D)  # not written live: it is made up for at the end
    assert projection.reconcile(ALL)
    assert projection.problem is None
    assert summary(url, "t") == STATES


def test_a_sweep_does_not_wait_for_the_storage(tmp_path: Path, url: str) -> None:
    projection = StudyProjection(url, "t")
    play(projection, A)
    projection.settle()
    other = sqlite3.connect(tmp_path / "optuna.db")
    other.execute("BEGIN EXCLUSIVE")
    play(projection, B, C)  # returns while nobody can write
    assert projection.problem is None
    other.rollback()
    other.close()
    projection.close()
    assert projection.problem is None
    assert summary(url, "t") == {"a": ["COMPLETE"], "b": ["FAIL"], "c": ["COMPLETE"]}


def test_a_broken_storage_stops_nothing(tmp_path: Path, url: str, projection: StudyProjection) -> None:
    (tmp_path / "optuna.db").write_bytes(b"no database" * 1000)
    play(projection, A)
    assert projection.problem is not None
    assert not projection.rebuild(ALL)
    with pytest.raises(SynaugError, match="cannot be read") as caught:
        summary(url, "t")
    assert caught.value.exit is Exit.SERVICE


@pytest.mark.parametrize("address", ["nonsense", "nosql://x/y", "oracle+cx_oracle://u:secret@h/db"])
def test_addresses_that_cannot_work(address: str) -> None:
    with pytest.raises(SynaugError, match="--storage") as caught:
        StudyProjection(address, "t")
    assert caught.value.exit is Exit.USAGE
    assert "secret" not in str(caught.value)


def test_cells_of_a_ledger_by_the_table() -> None:
    def cell(key: str, number: int, status: str, value: float | None) -> dict[str, object]:
        config = {"data": "d", "encoder": "e", "classifier": "mlp", "steps": "folds", "arm": "smote", "k": 5}
        return {
            "kind": "cell", "trial_key": key, "number": number, "stage": "design", "config": config,
            "status": status, "value": value,
        }  # fmt: skip

    lines = [
        cell("c", 2, "failed", None),
        cell("a", 0, "ok", 0.5),
        cell("b", 1, "not_applicable", None),
        cell("d", 3, "raced", 0.1),
    ]
    found = study_cells(state(lines).cells)
    assert [(c.key, c.state, c.value) for c in found] == [
        ("a", "COMPLETE", 0.5),
        ("b", "FAIL", None),
        ("c", "FAIL", None),
        ("d", "PRUNED", None),
    ]
    assert found[0].settings == (("k", 5),)
