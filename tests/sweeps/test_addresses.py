"""A sweep on a Ray cluster that runs already: by its address and through the Ray client."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sweeps.ledger import read
from sweeps.ledger_state import state
from sweeps.standing import disagreements
from tests.sweeps import heads
from tests.sweeps.heads import Head

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Head]:
    """A cluster of one node, started as a user would with ``ray start``; its GPU is only a number."""
    with heads.head(tmp_path_factory.mktemp("ray"), gpus=1) as found:
        yield found


@pytest.mark.parametrize("way", ["address", "client"])
def test_the_numbers_are_those_of_a_local_run(
    way: str, head: Head, workshop: Any, finished: Any, design_scores: Any, tmp_path: Path
) -> None:
    out = tmp_path / "runs" / "tiny"
    code, text = workshop.run("sweep", out, "--address", getattr(head, way))
    assert code == 0, text
    lines = read(out / "ledger.jsonl").lines
    assert design_scores(lines) == design_scores(finished.lines)
    header = state(lines).header
    assert header is not None
    from sweeps.places import places

    assert disagreements(places(out, header=header, environment={}), "tiny", lines) == []


# The engine asks for the GPU that Ray counts; what it computes on is this machine's processor.
ON_THE_PROCESSOR = "import sweeps.engine as e; e.DEVICE = 'cpu'; from sweeps.cli.app import main; main()"


@pytest.mark.parametrize("way", ["address", "client"])
def test_an_engine_trains_for_the_cells(
    way: str, head: Head, workshop: Any, finished: Any, design_scores: Any, tmp_path: Path
) -> None:
    out = tmp_path / "runs" / "tiny"
    options = ("--address", getattr(head, way), "--gpus-per-trial", "0.5")
    process = workshop.start("sweep", out, *options, code=ON_THE_PROCESSOR)
    assert process.wait() == 0, process.text
    wanted, found = design_scores(finished.lines), design_scores(read(out / "ledger.jsonl").lines)
    assert found.keys() == wanted.keys()
    for key, fields in wanted.items():
        assert found[key]["status"] == fields["status"]
        assert found[key]["scores"] == pytest.approx(fields["scores"], abs=1e-3)
        assert found[key]["counts"] == fields["counts"]


def test_a_gpu_that_torch_cannot_use_is_told_before_any_cell(
    head: Head, workshop: Any, tmp_path: Path
) -> None:
    out = tmp_path / "runs" / "tiny"
    code, text = workshop.run("sweep", out, "--address", head.address, "--gpus-per-trial", "0.5")
    assert code == 6, text
    assert "torch cannot use a GPU that Ray counts" in text
    assert "--gpus-per-trial 0" in text
    assert not [line for line in read(out / "ledger.jsonl").lines if line["kind"] in ("start", "result")]
