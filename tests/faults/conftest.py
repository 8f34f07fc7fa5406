"""What the tests of faults share: one small data set with its encoder, and a sweep that nothing disturbed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from filelock import FileLock

from sweeps.ledger_state import state
from tests.faults.bench import Here, faults_spec
from tests.faults.nodes import Machines, cluster_environment
from tests.sweeps.conftest import (  # noqa: F401 - fixtures, of which all but the last use the others
    SCORES,
    Workshop,
    common,
    started,
    wait_for,
    workshop,
)


@pytest.fixture(scope="session")
def bench(common: Path, workshop: Workshop) -> Workshop:  # noqa: F811
    """The workshop's data and encoder with a spec of nine small cells."""
    folder = common / "bench"
    with FileLock(common / "bench.lock"):
        if not folder.exists():
            folder.mkdir()
            (folder / "spec.yaml").write_text(yaml.safe_dump(faults_spec(workshop.folder)))
    return Workshop(folder)


@pytest.fixture(scope="session")
def one_thread() -> Iterator[None]:
    """Sums as workers form them, which have one thread each."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "tiny"


@pytest.fixture
def here(bench: Workshop, out: Path, one_thread: None) -> Here:
    """A sweep in this process."""
    out.parent.mkdir()
    return Here(bench.spec, out)


@pytest.fixture(scope="session")
def clean(bench: Workshop, one_thread: None, tmp_path_factory: pytest.TempPathFactory) -> Here:
    """A sweep that nothing disturbed; only read it."""
    found = Here(bench.spec, tmp_path_factory.mktemp("clean") / "tiny")
    found.sweep()
    return found


@pytest.fixture(scope="session")
def scores_of() -> Callable[[Any], dict[tuple[str, int], dict[str, Any]]]:
    """Return a function from ledger lines to the numbers of each (design cell, replicate), all digits."""

    def scores(lines: Any) -> dict[tuple[str, int], dict[str, Any]]:
        results = state(lines).results.items()
        return {
            key: {name: line[name] for name in SCORES if name in line}
            for key, line in results
            if line["stage"] == "design"
        }

    return scores


@pytest.fixture
def machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machines]:
    found = Machines(tmp_path)
    for name, value in cluster_environment(found.token).items():
        monkeypatch.setenv(name, value)
    yield found
    found.kill()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seeds", type=int, default=1, help="Runs of the soak, each with three faults.")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "soak_seed" in metafunc.fixturenames:
        metafunc.parametrize("soak_seed", range(metafunc.config.getoption("--seeds", 1)))
