"""What a sweep says of its progress where there is no terminal."""

from __future__ import annotations

import io

from rich.console import Console

from sweeps.progress import encoding


def test_each_encoding_is_told_from_its_start() -> None:
    text = io.StringIO()
    with encoding(Console(file=text, width=80)) as told:
        for total in (20, 40):  # the rows that may be read, then the test rows
            for done in range(1, total + 1):
                told(done, total)
    lines = text.getvalue().splitlines()
    assert lines[0].startswith("encoding 1/20 texts, ETA")
    assert [line for line in lines if "ETA" not in line] == ["encoding 20/20 texts", "encoding 40/40 texts"]
    assert sum("/40" in line for line in lines) == 11
