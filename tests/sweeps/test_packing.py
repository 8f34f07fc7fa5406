"""What is sent along with a sweep that runs as a job."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeps import packing
from sweeps.packing import packed
from sweeps.spec import Spec, load_spec
from synaug.errors import Exit, SynaugError


@pytest.fixture
def spec(tmp_path: Path) -> Spec:
    """A spec with a data folder and a model folder among things that are nobody's business."""
    for name in ("data/train.csv", "data/test.csv", "data/.git/config", "data/runs/a/ledger.jsonl",
                 "data/__pycache__/x.pyc", "data/.env", "model/config.json",
                 "model/model.safetensors"):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    fields = {"data": {"source": str(tmp_path / "data")}, "encoder": {"model": str(tmp_path / "model")}}
    return load_spec({"name": "mine", **fields, "folds": 4})


def contents(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "spec.yaml")
    return {str(path.relative_to(folder)): path.read_text() for path in files}


def test_spec_data_and_model_go_along_and_nothing_else(spec: Spec, monkeypatch: pytest.MonkeyPatch) -> None:
    with packed(spec) as folder:
        assert contents(folder) == {
            "data/data/train.csv": "data/train.csv",
            "data/data/test.csv": "data/test.csv",
            "encoder/model/config.json": "model/config.json",
            "encoder/model/model.safetensors": "model/model.safetensors",
        }
        monkeypatch.chdir(folder)
        sent = load_spec("spec.yaml")
        assert Path(sent.data.source).is_dir()
        assert Path(sent.encoder.model).is_dir()
        assert (sent.name, sent.folds) == ("mine", 4)
    assert not folder.exists()


def test_a_single_file_goes_along(tmp_path: Path) -> None:
    (tmp_path / "texts.csv").write_text("text,label\n")
    with packed(load_spec({"name": "x", "data": {"source": str(tmp_path / "texts.csv")}})) as folder:
        assert contents(folder) == {"data/texts.csv": "text,label\n"}
        assert load_spec(folder / "spec.yaml").data.source == "data/texts.csv"


def test_paths_of_the_cluster_are_left_as_they_are() -> None:
    spec = load_spec({"name": "x", "data": {"source": "/mnt/none/texts.csv"}})
    with packed(spec, upload=False) as folder:
        assert contents(folder) == {}
        assert load_spec(folder / "spec.yaml") == spec
    with pytest.raises(SynaugError, match="--no-upload") as told, packed(spec):
        pytest.fail("it was packed")
    assert told.value.exit == Exit.DATA


def test_too_much_is_refused_with_the_largest_file(spec: Spec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "MOST_BYTES", 40)
    with pytest.raises(SynaugError, match="are to be sent") as told, packed(spec):
        pytest.fail("it was packed")
    assert told.value.exit == Exit.RESOURCES
    assert "model.safetensors" in str(told.value)
