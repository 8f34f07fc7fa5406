"""Bad input is refused at once, in words, with the right exit code, and leaves nothing behind."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from sweeps.cli.app import DOCS, run
from tests.bad_input.desk import begin, put, served, variants
from tests.bad_input.errors_page import examples

ROWS: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "cases.yaml").read_text())
SECONDS = 10  # of process time, so that a busy machine fails no test


def inputs() -> list[Any]:
    """Each command line of each row."""
    return [
        pytest.param(row, argv, id=row["id"] + f"-{number}" * (number > 0))
        for row in ROWS
        for number, argv in enumerate(variants(row["argv"]))
    ]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() if p.is_file() and not p.is_fifo() else b"" for p in folder.rglob("*")}


def children() -> set[str]:
    """Processes that this one has started, by their ids."""
    lists = Path("/proc/self/task").glob("*/children")
    return {number for list_ in lists for number in list_.read_text().split()}


def prose(document: str) -> str:
    """A JSON document of errors as the lines that are printed without ``--json``."""
    lines = []
    for problem in json.loads(document)["errors"]:
        assert set(problem) == {"code", "message", "where", "fix", "docs"}
        assert problem["docs"] == f"{DOCS}#{problem['code'].lower()}"
        lines += [f"error[{problem['code']}]: {problem['message']}", f"  where: {problem['where']}"]
        lines += [f"  fix:   {problem['fix']}"]
    return "\n".join(lines)


@pytest.mark.parametrize(("row", "argv"), inputs())
def test_the_input(
    row: dict[str, Any],
    argv: list[str],
    desk: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(desk)
    if "begun" in row:
        begin(desk, row["begun"], row.get("engine"))
    for name, content in row.get("files", {}).items():
        put(desk / name, content)
    before, family = contents(desk.parent), children()
    with served(row.get("serves")) as server:
        for name, value in row.get("env", {}).items():
            monkeypatch.setenv(name, value.replace("SERVER", server))
        capsys.readouterr()
        started = time.process_time()
        code = run([word.replace("SERVER", server) for word in argv])
        seconds = time.process_time() - started
    out, err = capsys.readouterr()
    assert code == row["exit"], err
    check_words(row, "--json" in argv, out, err)
    if len(row["id"]) == 3:  # the page has the first row of each code
        check_example(argv, (out + err).replace(str(desk), "/home/ann"))
    assert "Traceback" not in out + err
    assert contents(desk.parent) == before
    assert children() == family
    assert seconds < SECONDS


def check_words(row: dict[str, Any], as_json: bool, out: str, err: str) -> None:
    if row["exit"] == 0:
        assert re.search(row["says"][0], out + err), out + err
        assert "error" not in err
        return
    text = prose(err) if as_json else err
    heads = [line for line in text.splitlines() if not line.startswith("  ")]
    places = [line for line in text.splitlines() if line.startswith("  where: ")]
    fixes = [line for line in text.splitlines() if line.startswith("  fix:   ")]
    assert out == ""
    assert f"error[{row.get('code', row['id'][:3])}]: " in text, text
    for pattern, lines in zip(row["says"], (heads, places, fixes), strict=True):
        assert re.search(pattern, "\n".join(lines)), f"{pattern!r} is not in:\n{text}"
    errors = [line for line in heads if line.startswith("error[")]
    assert len(errors) == len(places) == len(fixes), text  # each says where, and what to do


def check_example(argv: list[str], said: str) -> None:
    """What the page of errors shows of this command line is what it said; … stands for the rest of a line."""
    lines = said.splitlines()
    for shown in examples().get(tuple(argv), ()):
        start, cut, _ = shown.partition("…") if shown.endswith(" …") else (shown, "", "")
        found = any(line.startswith(start) if cut else line == shown for line in lines)
        assert found, f"docs/errors.md shows\n{shown}\nnow it is\n{said}"


def test_every_row_has_a_name_of_its_own_and_every_exit_code_is_there() -> None:
    names = [row["id"] for row in ROWS]
    assert sorted(set(names)) == sorted(names)
    assert {row["exit"] for row in ROWS} == {0, 2, 3, 4, 5, 6, 7, 9}
