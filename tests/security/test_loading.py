"""Nothing that is read can run code (S01, S03, S04): a trap in every place that a file can come from."""

from __future__ import annotations

import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweeps.spec import load_spec
from synaug.cache import ArrayCache
from synaug.corpus import load
from synaug.encoders import EncoderOptions, open_encoder
from synaug.errors import Exit, SynaugError

KEY = "ab" * 16


class Trap:
    """What makes a file when it is unpickled."""

    def __init__(self, mark: Path):
        self.mark = mark

    def __reduce__(self) -> Any:
        return (os.mkdir, (str(self.mark),))


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    return tmp_path / "PWNED"


@pytest.fixture
def payload(mark: Path) -> bytes:
    """A pickle that makes ``mark``."""
    return pickle.dumps(Trap(mark))


def test_the_trap_works(mark: Path, payload: bytes) -> None:
    pickle.loads(payload)  # noqa: S301 - to know that the others would notice
    assert mark.is_dir()


def pickled(payload: bytes, path: Path) -> None:
    path.write_bytes(payload)


def object_array(payload: bytes, path: Path) -> None:
    """An array of objects, whose data is a pickle."""
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": (1,)})
        file.write(payload)


def torch_archive(payload: bytes, path: Path) -> None:
    """What ``torch.save`` writes: a zip with a pickle in it."""
    import zipfile

    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", payload)
        archive.writestr("archive/version", "3")


FORMS: list[Callable[[bytes, Path], None]] = [pickled, object_array, torch_archive]


@pytest.mark.parametrize("form", FORMS)
def test_in_the_cache(
    tmp_path: Path, mark: Path, payload: bytes, form: Callable[[bytes, Path], None]
) -> None:
    cache = ArrayCache(tmp_path / "cache")
    cache.put(KEY, np.ones(3))
    form(payload, cache.folder / f"{KEY}.npy")
    with pytest.raises(SynaugError) as caught:
        cache.get(KEY)
    assert caught.value.exit == Exit.INTEGRITY
    assert not mark.exists()


@pytest.mark.parametrize(
    "name", ["data.pkl", "data.pickle", "data.joblib", "data.pt", "data.npy", "data.npz"]
)
def test_as_a_data_set(tmp_path: Path, mark: Path, payload: bytes, name: str) -> None:
    (tmp_path / name).write_bytes(payload)
    with pytest.raises(SynaugError) as caught:
        load(str(tmp_path / name))
    assert caught.value.exit == Exit.INTEGRITY
    assert not mark.exists()


@pytest.mark.parametrize("name", ["data.csv", "data.tsv", "data.jsonl", "data.parquet"])
def test_as_a_data_set_under_a_harmless_name(tmp_path: Path, mark: Path, payload: bytes, name: str) -> None:
    (tmp_path / name).write_bytes(payload)
    with pytest.raises(SynaugError) as caught:
        load(str(tmp_path / name))
    assert caught.value.exit == Exit.DATA
    assert not mark.exists()


@pytest.fixture
def encoder(tmp_path: Path, save_bert: Callable[..., None]) -> Path:
    save_bert(tmp_path / "encoder", ["wing", "lid"])
    return tmp_path / "encoder"


@pytest.mark.parametrize("form", FORMS)
def test_as_weights_in_place_of_safetensors(
    encoder: Path, mark: Path, payload: bytes, form: Callable[[bytes, Path], None]
) -> None:
    form(payload, encoder / "model.safetensors")
    with pytest.raises(SynaugError) as caught:
        open_encoder(EncoderOptions(model=str(encoder), max_length=16)).encode(["wing"])
    assert caught.value.exit == Exit.SPEC
    assert not mark.exists()


def test_as_weights_beside_them(encoder: Path, mark: Path, payload: bytes) -> None:
    for name in ("pytorch_model.bin", "training_args.bin", "optimizer.pt", "vocab.pkl"):
        torch_archive(payload, encoder / name)
    found = open_encoder(EncoderOptions(model=str(encoder), max_length=16))
    assert found.encode(["wing lid"]).shape == (1, 16)
    assert not mark.exists()


def test_as_the_only_weights(encoder: Path, mark: Path, payload: bytes) -> None:
    (encoder / "model.safetensors").unlink()
    torch_archive(payload, encoder / "pytorch_model.bin")
    with pytest.raises(SynaugError, match="safetensors weights"):
        open_encoder(EncoderOptions(model=str(encoder), max_length=16))
    assert not mark.exists()


def test_code_that_a_model_brings_is_never_run(encoder: Path, mark: Path) -> None:
    config = json.loads((encoder / "config.json").read_text())
    config["model_type"] = "trap"
    names = {
        "AutoConfig": "trap.TrapConfig",
        "AutoModel": "trap.TrapModel",
        "AutoTokenizer": ["trap.T", None],
    }
    config["auto_map"] = names
    (encoder / "config.json").write_text(json.dumps(config))
    (encoder / "trap.py").write_text(f"import os\nos.mkdir({str(mark)!r})\n")
    with pytest.raises(SynaugError) as caught:
        open_encoder(EncoderOptions(model=str(encoder), max_length=16)).encode(["wing"])
    assert caught.value.exit == Exit.SPEC
    assert not mark.exists()


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.mkdir", "!!python/name:os.system", "!mine"])
def test_as_yaml(tmp_path: Path, mark: Path, tag: str) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text(f"name: t\nseed: {tag} ['{mark}']\n")
    with pytest.raises(SynaugError) as caught:
        load_spec(str(spec))
    assert caught.value.exit == (Exit.INTEGRITY if "python" in tag else Exit.SPEC)
    assert not mark.exists()


def test_as_a_bomb_of_aliases(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x]", *(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 10))]
    (tmp_path / "bomb.yaml").write_text("\n".join(lines))
    with pytest.raises(SynaugError) as caught:
        load_spec(str(tmp_path / "bomb.yaml"))
    assert caught.value.exit == Exit.SPEC


def test_as_a_spec_that_never_ends(tmp_path: Path) -> None:
    (tmp_path / "long.yaml").write_text("name: t\n#" + "x" * 50_000_000)
    with pytest.raises(SynaugError, match="larger than"):
        load_spec(str(tmp_path / "long.yaml"))


def test_in_a_folder_beside_the_sweep(tmp_path: Path, mark: Path, payload: bytes) -> None:
    """Ray Tune's saved state is a pickle: none of ours ever asks for it, wherever it lies."""
    from sweeps.ledger import Ledger

    out = tmp_path / "s"
    with Ledger(out, "s") as ledger:
        ledger.append("sweep", {})
    for name in ("tuner.pkl", "trainable.pkl", "searcher-state.pkl", "experiment_state-1.json"):
        (out / name).write_bytes(payload)
    with Ledger(out, "s") as ledger:
        assert [line["kind"] for line in ledger.reading.lines] == ["sweep"]
    shutil.rmtree(out)
    assert not mark.exists()
