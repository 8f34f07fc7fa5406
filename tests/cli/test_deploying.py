"""Sweeps put to work and away by the command line, and a ledger asked by its file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def test_a_ledger_is_asked_by_its_file(prepared: Any, synaug: Any) -> None:
    folder, file = (
        synaug(prepared.folder, "ask", place, "method", "--json")
        for place in ("runs/quickstart", "runs/quickstart/ledger.jsonl")
    )
    assert (file.code, file.err) == (0, "")
    assert json.loads(file.out) == json.loads(folder.out)


def test_export_says_what_it_did(copy: Path, synaug: Any) -> None:
    ended = synaug(copy, "export", "runs/mine", "--name", "mails", "--name-encoder", "--json")
    assert ended.code == 0, ended.err
    document = json.loads(ended.out)
    assert document["model"] == {"name": "mails", "version": "1", "uri": "models:/mails@champion"}
    assert (document["chosen"], document["candidates"]) == ("on the folds", 2)
    assert document["encoder_packed"] is False
    assert document["largest_difference"] < 0.05
    assert document["rows"].keys() == {"good", "bad"}
    assert set(document["score"]) == {"name", "mean", "low", "high", "n"}
    assert document["score"]["low"] <= document["score"]["mean"] <= document["score"]["high"]
    refused = synaug(copy, "archive", "runs/mine", "--remove", "--yes")
    assert (refused.code, refused.out) == (7, "")
    assert "registered models hang on these runs: mails" in refused.err
    assert (copy / "runs" / "mine" / "ledger.jsonl").exists()


def test_a_removal_wants_a_yes_and_can_be_taken_back(copy: Path, synaug: Any) -> None:
    asked = synaug(copy, "archive", "runs/mine", "--remove")
    assert (asked.code, asked.out) == (2, "")
    assert "confirm with --yes" in asked.err
    assert not (copy / "runs" / "mine.tar.gz").exists()
    ledger = (copy / "runs" / "mine" / "ledger.jsonl").read_bytes()
    removed = synaug(copy, "archive", "runs/mine", "--remove", "--yes")
    assert removed.code == 0, removed.err
    assert not (copy / "runs" / "mine").exists()
    assert "mlflow gc" in removed.out
    restored = synaug(copy, "archive", "runs/mine", "--restore", "runs/mine.tar.gz")
    assert restored.code == 0, restored.err
    assert (copy / "runs" / "mine" / "ledger.jsonl").read_bytes() == ledger
    for command in ("rebuild-study", "sync"):
        assert synaug(copy, command, "runs/mine").code == 0
    agreed = synaug(copy, "verify", "runs/mine", "--strict", "--json")
    assert (agreed.code, json.loads(agreed.out)["differences"]) == (0, [])
