"""The page of errors, read: its headings, and what its examples show."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"


def headings() -> list[str]:
    """The headings that a message can lead to, as links have them."""
    return [name.lower().replace(" ", "-") for name in re.findall(r"^### (.+)$", PAGE.read_text(), re.M)]


def sections() -> dict[str, str]:
    """What stands below each code."""
    pieces = re.split(r"^### (D\d\d)$", PAGE.read_text().partition("\n## What is no error")[0], flags=re.M)
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))


def no_errors() -> set[str]:
    """Codes of the table at the end."""
    return set(re.findall(r"^\| (D\d\d) ", PAGE.read_text(), re.M))


def examples() -> dict[tuple[str, ...], list[str]]:
    """What the page shows that a command line prints."""
    found = {}
    for block in re.findall(r"^```console\n\$ (.*?)^```", PAGE.read_text(), re.M | re.S):
        line, *shown = block.rstrip().splitlines()
        words = shlex.split(line)
        found[tuple(words[words.index("synaug") + 1 :])] = shown
    return found
