"""An SQLite store, and runs to write into it and into the server that all tests share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tracking import CellRun, DataUsed, Retry

MakeCell = Callable[..., CellRun]


@pytest.fixture
def quick() -> Retry:
    """Two tries without waits."""
    return Retry(attempts=2, seconds=20, wait_first=0.01, wait_most=0.01, wait_jitter=0)


@pytest.fixture
def sweep() -> str:
    """A name that no other test uses, because tests share their stores."""
    return f"sweep-{uuid4().hex[:8]}"


@pytest.fixture
def make_cell(sweep: str) -> MakeCell:
    """Return a function that makes the run of a cell; keywords replace fields."""

    def make(trial_key: str = "0f3a", replicates: int = 3, **changes: Any) -> CellRun:
        fields: dict[str, Any] = {
            "trial_key": trial_key,
            "sweep": sweep,
            "name": "smote k=5",
            "params": {"arm": "smote", "k": "5"},
            "tags": {
                "method": "smote",
                "dataset": "sst2",
                "encoder": "minilm",
                "fold_scheme": "10 folds",
                "status_reason": "",
                "stage": "design",
            },
            "metrics": {"balanced_accuracy": 0.7 + replicates / 100, "k": 5.0, "ratio": 100.0},
            "replicate_metrics": {"balanced_accuracy": [(r, 0.7 + r / 50) for r in range(replicates)]},
            "budget_metrics": {"balanced_accuracy": [(8, 0.6), (16, 0.65)]},
            "dataset": DataUsed("sst2", "ab" * 32, "hf://sst2", 1000, ("negative", "positive")),
            "artifacts": {"tables.json": b'{"rows": 2}', "plots/curve.png": b"\x89PNG"},
            "status": "FINISHED",
            "started_ms": 1_700_000_000_000,
            "ended_ms": 1_700_000_010_000 + replicates,
        }
        return CellRun(**(fields | changes))

    return make


@pytest.fixture(scope="session")
def sqlite_store(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Return the address of an SQLite store (made by its first user) and its artifact folder."""
    folder = tmp_path_factory.mktemp("store")
    return f"sqlite:///{folder}/mlflow.db", folder / "artifacts"
