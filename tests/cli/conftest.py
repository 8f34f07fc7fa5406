"""A folder with data, an encoder and two finished sweeps."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.bench import Ended, Run, lay_out, run_in_terminal, run_synaug

PLACEHOLDER = "0f3ac1d2e4b59687"  # the key that help texts show


@dataclass(frozen=True)
class Prepared:
    """A folder in which every example of the help texts can run.

    Attributes:
        folder: holds ``texts.csv``, ``model``, ``my.yaml``, ``runs/quickstart`` and ``runs/mine``.
        plain: the command that ran ``runs/quickstart``, without a terminal.
        live: exit code and screen of the one that ran ``runs/mine``, in a terminal.
    """

    folder: Path
    plain: Ended
    live: tuple[int, str]

    def key(self, sweep: str) -> str:
        """The key of a finished cell of a sweep."""
        ledger = (self.folder / "runs" / sweep / "ledger.jsonl").read_text()
        return str(re.findall(r'"trial_key":"([0-9a-f]{16})"', ledger)[-1])


@pytest.fixture(scope="session")
def materials(tmp_path_factory: pytest.TempPathFactory, save_bert: Callable[..., None]) -> Path:
    """Texts, encoder and spec; nothing has run on them. Copy before changing anything."""
    return lay_out(tmp_path_factory.mktemp("materials"), save_bert)


@pytest.fixture(scope="session")
def prepared(materials: Path, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """The materials with two sweeps that ended. Read it, or work on ``copy``."""
    folder = tmp_path_factory.mktemp("prepared") / "here"
    shutil.copytree(materials, folder)
    plain = run_synaug(folder, "sweep", "my.yaml", "--out", "runs/quickstart", "--workers", "1")
    small = ["--set", "arms=[none, ros]", "--set", "design=defaults", "--workers", "1"]
    live = run_in_terminal(folder, "sweep", "my.yaml", "--out", "runs/mine", *small)
    assert (plain.code, live[0]) == (0, 0), plain.err + live[1]
    return Prepared(folder, plain, live)


@pytest.fixture
def copy(prepared: Prepared, tmp_path: Path) -> Path:
    """A copy of the prepared folder for one test."""
    return Path(shutil.copytree(prepared.folder, tmp_path / "here"))


@pytest.fixture
def bench(materials: Path, tmp_path: Path) -> Path:
    """A copy of the materials for one test."""
    return Path(shutil.copytree(materials, tmp_path / "here"))


@pytest.fixture(scope="session")
def synaug() -> Run:
    """Return the function that runs ``synaug ARGUMENTS`` in a folder."""
    return run_synaug


@pytest.fixture
def example(prepared: Prepared) -> Callable[[str], list[str]]:
    """Return a function from an example to its arguments, with a key of the sweep that it names."""

    def arguments(line: str) -> list[str]:
        import shlex

        sweep = "mine" if "runs/mine" in line else "quickstart"
        return shlex.split(line.replace(PLACEHOLDER, prepared.key(sweep)))[1:]

    return arguments
