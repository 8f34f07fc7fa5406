"""What every test shares: a quiet, offline environment, a private cache and the public corpora."""

import os
import re
from collections.abc import Callable, Iterator, Sequence
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

from tests.servers import idle_relay, relay, server  # noqa: F401 - fixtures that several folders use

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


@pytest.fixture(scope="session")
def save_bert() -> Callable[..., None]:
    """Return a function that saves a tiny BERT with random weights, which knows the given words."""

    def save(folder: Path, words: Sequence[str], **changes: int) -> None:
        import torch
        from transformers import BertConfig, BertModel, BertTokenizer

        folder.mkdir()
        known = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]
        vocabulary = folder / "vocab.txt"
        vocabulary.write_text("\n".join(known))
        sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2} | changes
        sizes = {"intermediate_size": 32, "max_position_embeddings": 24} | sizes
        with torch.random.fork_rng():
            torch.manual_seed(0)
            BertModel(BertConfig(vocab_size=len(known), **sizes)).save_pretrained(folder)
        BertTokenizer(vocab=str(vocabulary)).save_pretrained(folder)

    return save


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many faults and bad inputs were tried; with -n the main process reads no other conftest."""
    passed = [report.nodeid for report in terminalreporter.getreports("passed") if report.when == "call"]
    faults = [found[0] for name in passed if (found := re.search(r"(?<=[_\[-])F\d\d(?=[_\]-])", name))]
    inputs = sum("bad_input.py::test_the_input[" in name for name in passed)
    if faults:
        kinds = sorted(set(faults))
        terminalreporter.write_line(f"faults tried: {len(faults)}, of {len(kinds)} kinds: {' '.join(kinds)}")
    if inputs:
        terminalreporter.write_line(f"bad inputs tried: {inputs} command lines")
