"""What every test shares: a quiet, offline environment, a private cache and the public corpora."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# Set before anything is imported: the libraries read these once.
os.environ.update(
    DO_NOT_TRACK="true",
    HF_HUB_OFFLINE="1",
    MLFLOW_DISABLE_TELEMETRY="true",
    OMP_NUM_THREADS="1",
    RAY_USAGE_STATS_ENABLED="0",
    TUNE_DISABLE_AUTO_CALLBACK_LOGGERS="1",
)
os.environ.pop("MLFLOW_TRACKING_URI", None)

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session", autouse=True)
def private_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep embeddings out of the user's cache; $SYNAUG_TEST_CACHE lets several runs share one folder."""
    given = os.environ.get("SYNAUG_TEST_CACHE")
    folder = Path(given) if given else tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYNAUG_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """Return a function from a corpus name to its folder; where the corpus is absent the test is skipped."""

    def folder(name: str) -> Path:
        given = os.environ.get("SYNAUG_TEST_DATA")
        base = Path(given) if given else ROOT.parent / "shared" / "data"
        if not (base / name).is_dir():
            pytest.skip(f"corpus {name!r} is not in {base}; set SYNAUG_TEST_DATA to the folder that holds it")
        return base / name

    return folder
