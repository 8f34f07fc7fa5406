"""The command that writes a report: files, exit codes, MLflow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.documents import document
from tracking import open_client


@pytest.fixture
def hand_made(tmp_path: Path) -> Path:
    """A folder with a ledger that was typed by hand."""
    lines = [
        {
            "kind": "result",
            "trial_key": arm,
            "config": {"arm": arm},
            "replicate": replicate,
            "scores": {"dev_balanced_accuracy": score + replicate / 50},
        }
        for arm, score in (("none", 0.6), ("ros", 0.7))
        for replicate in (0, 1, 2)
    ]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/ledger.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return tmp_path


def test_a_sweep_gets_its_report_in_its_folder_and_in_mlflow(copy: Path, synaug: Any) -> None:
    ended = synaug(copy, "report", "runs/quickstart", "--json")
    assert ended.code == 0, ended.err
    told = document("report", ended.out)
    folder = copy / "runs/quickstart/report"
    written = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert written == set(told["files"])
    assert {"report.html", "claims.json", "design.parquet", "folds.parquet", "records.parquet"} <= written
    assert told["bytes"] == (folder / "report.html").stat().st_size
    assert [check["wrong"] for check in told["checks"]] == [[]] * len(told["checks"])
    client = open_client(f"sqlite:///{copy / 'runs/mlflow.db'}")
    address = client.get_run(told["mlflow_run"]).info.artifact_uri  # the sweep was copied, its store was not
    uploaded = Path(address.removeprefix("file://"))
    for name in ("report.html", "claims.json"):
        assert (uploaded / name).read_bytes() == (folder / name).read_bytes()
    again = synaug(copy, "report", "runs/quickstart")
    assert again.code == 0
    assert "self-check: 5 of 5 checks hold" in again.out


def test_a_hand_made_ledger_is_enough(hand_made: Path, synaug: Any) -> None:
    ended = synaug(hand_made, "report", "mine")
    assert ended.code == 0
    assert "MLflow has no run of this sweep" in ended.err
    assert (hand_made / "mine/report/report.html").is_file()
    assert not (hand_made / "mlflow.db").exists()


def test_a_server_that_is_away_is_a_warning(hand_made: Path, synaug: Any) -> None:
    ended = synaug(hand_made, "report", "mine", "--tracking-uri", "http://127.0.0.1:9", "--json")
    assert ended.code == 0
    assert json.loads(ended.out)["mlflow_run"] is None
    assert "note: the report is not in MLflow" in ended.err


def test_without_a_sweep_it_ends_with_2(tmp_path: Path, synaug: Any) -> None:
    ended = synaug(tmp_path, "report", "nothing")
    assert (ended.code, ended.out) == (2, "")
    assert "holds no sweep" in ended.err


def test_lines_that_cannot_be_read_end_with_4(tmp_path: Path, synaug: Any) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/ledger.jsonl").write_text(json.dumps({"kind": "result", "trial_key": "a"}))
    ended = synaug(tmp_path, "report", "bad")
    assert ended.code == 4
    assert "line 1" in ended.err


def test_a_ledger_that_was_changed_ends_with_9(copy: Path, synaug: Any) -> None:
    ledger = copy / "runs/quickstart/ledger.jsonl"
    lines = ledger.read_text().splitlines()
    place = next(i for i, line in enumerate(lines) if '"kind":"result"' in line)
    changed = json.loads(lines[place])
    changed["scores"]["dev_balanced_accuracy"] = 0.99
    lines[place] = json.dumps(changed)
    ledger.write_text("\n".join(lines))
    ended = synaug(copy, "report", "runs/quickstart")
    assert ended.code == 9
    assert f"line {place + 1}: its crc does not fit" in ended.err
    assert "does not fit" in (copy / "runs/quickstart/report/report.html").read_text()
