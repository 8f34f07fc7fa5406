"""Facts come from the cache folder, and a file that does not hold one is written again."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from synaug.facts import remembered


class Finder:
    """Finds a fact and counts how often it was asked."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> list[str]:
        self.calls += 1
        return ["é", "b"]


def is_list(kept: object) -> bool:
    return isinstance(kept, list)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SYNAUG_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "facts"


def test_a_fact_is_found_once_for_all_that_it_depends_on(folder: Path) -> None:
    find = Finder()
    answers = [remembered("letters", about, find, is_list) for about in ([1], [1], [2])]
    assert answers == [["é", "b"]] * 3
    assert find.calls == len(list(folder.iterdir())) == 2


@pytest.mark.parametrize("held", [b"{", b"\x80\x04\x95", b'{"a": 1}', b"\xff"])
def test_a_file_without_the_fact_is_written_again(
    folder: Path, held: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    find = Finder()
    remembered("letters", 1, find, is_list)
    (kept,) = folder.iterdir()
    good = kept.read_bytes()
    kept.write_bytes(held)
    assert remembered("letters", 1, find, is_list) == ["é", "b"]
    assert find.calls == 2
    assert "written again" in caplog.text
    assert kept.read_bytes() == good


def test_a_folder_that_cannot_be_made_only_costs_time(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder.parent.write_text("a file")
    caplog.set_level(logging.INFO)
    find = Finder()
    assert remembered("letters", 1, find, is_list) == remembered("letters", 1, find, is_list) == ["é", "b"]
    assert find.calls == 2
    assert "is not kept" in caplog.text
