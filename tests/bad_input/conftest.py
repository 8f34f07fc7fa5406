"""The desk of the bad inputs, and how many of them were tried."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.bad_input.desk import lay_desk


@pytest.fixture(scope="session")
def laid(tmp_path_factory: pytest.TempPathFactory, save_bert: Callable[..., None]) -> Path:
    """The desk as it is for every input; copy before changing anything."""
    return lay_desk(tmp_path_factory.mktemp("laid"), save_bert)


@pytest.fixture
def desk(laid: Path, tmp_path: Path) -> Path:
    """A desk for one input."""
    return Path(shutil.copytree(laid, tmp_path / "desk"))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how many inputs were tried."""
    stats = terminalreporter.stats
    done = [report for ending in ("passed", "failed") for report in stats.get(ending, ())]
    tried = sum("test_the_input" in report.nodeid and report.when == "call" for report in done)
    terminalreporter.write_line(f"bad input: {tried} command lines tried")
