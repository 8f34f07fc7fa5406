"""A tiny encoder on disk, and rows of the SMOTE arm."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from synaug.methods import METHODS
from synaug.methods.base import TrainingPart
from synaug.neighbors import NeighborGraph

F64 = npt.NDArray[np.float64]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory, save_bert: Callable[..., None]) -> Path:
    """A BERT of two layers that knows five words."""
    folder = tmp_path_factory.mktemp("models") / "tiny-bert"
    save_bert(folder, ["good", "bad", "film", "a", "very"], num_hidden_layers=2)
    return folder


@pytest.fixture(scope="session")
def smote_rows() -> Callable[[F64, int, int], tuple[F64, F64]]:
    """Return a function from minority rows, k and a number to so many rows of SMOTE, and their parents."""

    def make(minority: F64, k: int, wanted: int) -> tuple[F64, F64]:
        n, far = len(minority), np.full((len(minority) + wanted, minority.shape[1]), 50.0)
        X = np.vstack([minority, far]).astype(np.float32)
        rows, y = np.arange(len(X)), np.repeat([1, 0], [n, len(far)])

        def graph(metric: str) -> NeighborGraph:
            no_lists = np.empty((0, 0), dtype=np.int32)
            return NeighborGraph(metric, X, rows, y, rows[:0], no_lists, no_lists)

        part = TrainingPart(X, rows, y, 2, graph, wanted=np.array([0, wanted]))
        pool = METHODS["smote"](k=k).pool(part, np.random.RandomState(3))
        return pool.materialise(part).astype(np.float64), X[:n].astype(np.float64)

    return make
