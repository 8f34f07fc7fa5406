"""The page of errors has every code that the program can print, and nothing else."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from synaug.errors import Exit
from tests.bad_input.errors_page import examples, headings, no_errors, sections
from tests.bad_input.test_bad_input import ROWS, variants

ROOT = Path(__file__).parents[2]
CODE = re.compile(r"D\d\d")
WITHOUT_EXAMPLE = {"D65"}  # a full disk, which tests/cli makes


def in_source() -> set[str]:
    """Every string of the packages that is a code, or carries one as a note does."""
    trees = (
        ast.parse(f.read_text())
        for name in ("synaug", "sweeps", "tracking")
        for f in (ROOT / name).rglob("*.py")
    )
    texts = [
        n.value
        for tree in trees
        for n in ast.walk(tree)
        if isinstance(n, ast.Constant) and isinstance(n.value, str)
    ]
    return {text for text in texts if CODE.fullmatch(text)}


def test_every_code_has_a_section_and_every_section_a_code() -> None:
    assert sorted(sections()) == sorted(in_source())
    assert len(headings()) == len(set(headings()))


def test_every_exit_code_has_a_heading() -> None:
    assert {f"exit-{int(code)}" for code in Exit} - {"exit-143"} <= set(headings())


def test_what_is_no_error_is_not_also_one() -> None:
    assert no_errors() == {"D07", "D28", "D29", "D50", "D51"}
    assert no_errors().isdisjoint(sections())


@pytest.mark.parametrize("code", sorted(sections()))
def test_a_section_says_what_it_means_shows_an_example_and_what_to_do(code: str) -> None:
    assert sections()[code].strip().split("\n\n")[0].endswith(".")
    assert "\n**Do:** " in sections()[code]
    if code not in WITHOUT_EXAMPLE:
        assert any(code in line for shown in examples().values() for line in shown)
        assert any(row["id"][:3] == code or row.get("code") == code for row in ROWS)


def test_every_example_is_an_input_that_the_tests_try() -> None:
    tried = {
        tuple(word for word in argv if word != "--json") for row in ROWS for argv in variants(row["argv"])
    }
    assert set(examples()) <= tried
