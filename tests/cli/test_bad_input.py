"""Bad input is refused at once, in words, with the right exit code, and leaves nothing behind."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

SECONDS = 30  # a refusal that takes longer hangs
ROWS: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "cases.yaml").read_text())


def cases() -> list[Any]:
    """Each row, once plain and once as a dry run where it asks for both."""
    found = []
    for row in ROWS:
        argv = row["argv"]
        found.append(pytest.param(row, argv.replace(" DRY", ""), id=row["id"]))
        if " DRY" in argv:
            found.append(pytest.param(row, argv.replace("DRY", "--dry-run"), id=f"{row['id']}-dry"))
    return found


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}


@pytest.mark.parametrize(("row", "argv"), cases())
def test_it_is_refused(row: dict[str, Any], argv: str, bench: Path, synaug: Any) -> None:
    for name, text in row.get("files", {}).items():
        (bench / name).write_text(text)
    before = contents(bench.parent)
    env = {"RAY_TMPDIR": str(bench.parent / "ray")} | row.get("env", {})
    ended = synaug(bench, *shlex.split(argv), env=env, timeout=SECONDS)
    assert (ended.code, ended.out) == (row["exit"], ""), ended.err
    for pattern in row["says"]:
        assert re.search(pattern, ended.err), f"{pattern!r} is not in:\n{ended.err}"
    assert "Traceback" not in ended.err
    assert contents(bench.parent) == before
    assert ended.left == ()


def test_every_row_has_a_name_of_its_own() -> None:
    names = [row["id"] for row in ROWS]
    assert sorted(set(names)) == sorted(names)
    assert {row["exit"] for row in ROWS} == {2, 3, 4, 5, 6, 7, 9}
