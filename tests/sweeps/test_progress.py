"""What a sweep says of its progress where there is no terminal."""

from __future__ import annotations

import io
from collections.abc import Iterable

from rich.console import Console

from sweeps.progress import counted


def lines_of(calls: Iterable[tuple[int, int]]) -> list[str]:
    text = io.StringIO()
    with counted(Console(file=text, width=80), "encoding", "texts") as told:
        for done, total in calls:
            told(done, total)
    return text.getvalue().splitlines()


def test_each_encoding_is_told_from_its_start() -> None:
    totals = (20, 40)  # the rows that may be read, then the test rows
    lines = lines_of((done, total) for total in totals for done in range(total + 1))
    assert lines[0] == "encoding 0/20 texts"
    assert lines[1].startswith("encoding 2/20 texts, ETA")
    assert [line for line in lines if "ETA" not in line][1:] == [
        "encoding 20/20 texts", "encoding 0/40 texts", "encoding 40/40 texts"
    ]  # fmt: skip
    assert sum("/40" in line for line in lines) == 11


def test_what_was_done_before_is_not_told() -> None:
    assert lines_of([(20, 20)]) == []
    assert lines_of([(20, 20), (5, 10), (10, 10)]) == ["encoding 5/10 texts", "encoding 10/10 texts"]
