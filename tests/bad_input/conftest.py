"""The desk of the bad inputs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

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
