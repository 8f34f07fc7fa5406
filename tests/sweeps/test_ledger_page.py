"""The page about the ledger: its example runs as it stands, and no kind or field is left out."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sweeps.cli import asking  # noqa: F401 - its commands register themselves
from sweeps.cli.app import app
from sweeps.ledger import KINDS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "ledger.md").read_text()
SCHEMA = json.loads((ROOT / "sweeps" / "ledger_schema.json").read_text())


def fenced(language: str) -> str:
    """The first block of this language."""
    found = re.search(rf"^```{language}\n(.*?)^```$", PAGE, re.M | re.S)
    assert found, f"no block of {language}"
    return found[1]


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("mine.jsonl").write_text(fenced("json"))
    return tmp_path


def test_the_smallest_ledger_answers(example: Path) -> None:
    commands = [line.removeprefix("$ synaug ") for line in fenced("console").splitlines()]
    assert len(commands) == 2
    ran = [CliRunner().invoke(app, command.split()) for command in commands]
    assert [result.exit_code for result in ran] == [0, 0]
    assert "smote" in ran[0].output
    pairs = [
        answer
        for answer in json.loads(ran[1].output)["answers"]
        if set(answer["cells"]) == {"a", "b"} and answer["estimate"] is not None
    ]
    assert pairs
    # differences 10, 9, 11: mean 10, sd 1, t(0.975, 2) = 4.30265
    half = 4.302653 / 3**0.5
    for answer in pairs:
        ends = (answer["low"], answer["estimate"], answer["high"])
        assert ends == pytest.approx((10 - half, 10, 10 + half), abs=1e-4)
        assert (answer["n"], answer["verdict"]) == (3, "better")
    assert [p.name for p in example.iterdir()] == ["mine.jsonl"]  # asking writes nothing


def names_of(schema: Any) -> set[str]:
    """Names of all fields that a schema declares, at any depth."""
    if isinstance(schema, list):
        return set().union(*map(names_of, schema))
    if not isinstance(schema, dict):
        return set()
    own = {name for key, part in schema.items() if key == "properties" for name in part}
    return own.union(*(names_of(part) for part in schema.values()))


def test_every_kind_and_field_of_the_schema_is_explained() -> None:
    declared = {*KINDS, *names_of(SCHEMA)} | set(SCHEMA["$defs"]["cell_name"]["properties"]["stage"]["enum"])
    assert len(declared) > 40
    prose = re.sub(r"^```.*?^```$", "", PAGE, flags=re.M | re.S)
    explained = set(re.findall(r"[a-z_]+", " ".join(re.findall(r"`([^`]+)`", prose))))
    assert declared - explained == set()
