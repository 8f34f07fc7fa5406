"""Bad input that takes a process of its own, or rights that this one lacks."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from sweeps.cli.app import run
from tests.bad_input.desk import served
from tests.cli.bench import run_synaug

PATIENCE = 60  # seconds; the hub's own libraries repeat a request for 70


def test_a_hub_that_says_nothing_is_not_waited_for(desk: Path) -> None:
    with served("silence") as hub:
        env = {"HF_HUB_OFFLINE": "0", "HF_ENDPOINT": hub}
        ended = run_synaug(
            desk, "data", "my.yaml", "--data", "hf://no/such", "--json", env=env, timeout=PATIENCE
        )
    assert (ended.code, ended.out, ended.left) == (5, "", ())
    assert [problem["code"] for problem in json.loads(ended.err)["errors"]] == ["D36"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read(
    desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(desk)
    (desk / "texts.csv").chmod(0)
    assert run(["data", "my.yaml"]) == 4
    said = capsys.readouterr().err
    assert "error[D57]: cannot be read: Permission denied\n  where: texts.csv\n  fix:   give" in said
