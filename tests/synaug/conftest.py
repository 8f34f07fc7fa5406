"""A tiny encoder on disk."""

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory, save_bert: Callable[..., None]) -> Path:
    """A BERT of two layers that knows five words."""
    folder = tmp_path_factory.mktemp("models") / "tiny-bert"
    save_bert(folder, ["good", "bad", "film", "a", "very"], num_hidden_layers=2)
    return folder
