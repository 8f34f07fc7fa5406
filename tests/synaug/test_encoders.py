"""Encoders: batching changes nothing, options do what they say, errors are quick."""

import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synaug.encoders import SIMILAR, Encoder, EncoderOptions, batches, fast_dtype, open_encoder
from synaug.errors import Exit, SynaugError
from synaug.models import fingerprint

TEXTS = [
    "A short one.",
    "",
    "The quick brown fox jumps over the lazy dog and then some more words follow it.",
    "Balanced accuracy is the mean of the recalls of all classes.",
    "word " * 300,
    "Ünïcode ist überall, 你好.",
    "A short one.",
]


@pytest.fixture(scope="module")
def minilm() -> Encoder:
    return open_encoder(EncoderOptions(dtype="float32", batch_size=3))


def test_batches_equal_one_by_one(minilm: Encoder) -> None:
    together = minilm.encode(TEXTS)
    assert together.shape == (len(TEXTS), 384)
    assert together.dtype == np.float32
    single = np.concatenate([minilm.encode([text]) for text in TEXTS])
    np.testing.assert_allclose(together, single, atol=1e-5)
    np.testing.assert_array_equal(together, minilm.encode(TEXTS))


def test_a_batch_is_padded_little() -> None:
    lengths = [3, 9, 10, 100, 8, 7, 6, 10, 71, 70, 10]
    cut = list(batches(lengths, most=3))
    assert cut == [[3, 8, 9], [2, 7, 10], [1, 4, 5], [6], [0]]
    assert all(lengths[batch[-1]] >= SIMILAR * lengths[batch[0]] for batch in cut)
    assert list(batches([], most=3)) == []
    assert list(batches([0, 0], most=3)) == [[0, 1]]


def test_mean_pooling_equals_a_plain_computation(minilm: Encoder) -> None:
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokens = AutoTokenizer.from_pretrained(minilm.folder)(TEXTS[2], return_tensors="pt")
    with torch.inference_mode():
        hidden = AutoModel.from_pretrained(minilm.folder, dtype=torch.float32)(**tokens).last_hidden_state[0]
    expected = hidden.mean(0).numpy()
    np.testing.assert_allclose(minilm.encode([TEXTS[2]])[0], expected / np.linalg.norm(expected), atol=1e-5)


def test_options_change_the_embeddings_and_the_digest(tiny: Path) -> None:
    texts = ["a good film", "bad", "a very very bad film"]
    variants: list[dict[str, Any]] = [
        {},
        {"pooling": "cls"},
        {"normalize": False},
        {"max_length": 4},
        {"dtype": "bfloat16"},
    ]
    encoders = [
        open_encoder(
            EncoderOptions(
                **dict[str, Any]({"model": str(tiny), "max_length": 24, "dtype": "float32"} | variant)
            )
        )
        for variant in variants
    ]
    embeddings = [encoder.encode(texts) for encoder in encoders]
    for other in embeddings[1:]:
        assert np.abs(other - embeddings[0]).max() > 1e-4
    assert len({encoder.digest for encoder in encoders}) == len(variants)
    np.testing.assert_allclose(np.linalg.norm(embeddings[0], axis=1), 1, atol=1e-6)
    assert np.abs(np.linalg.norm(embeddings[2], axis=1) - 1).max() > 0.1


def test_cls_takes_the_first_token(tiny: Path) -> None:
    import torch
    from transformers import BertModel

    options = EncoderOptions(str(tiny), pooling="cls", max_length=24, normalize=False, dtype="float32")
    ids = torch.tensor([[2, 8, 5, 7, 3]])  # [CLS] a good film [SEP]
    with torch.inference_mode():
        expected = BertModel.from_pretrained(tiny, dtype=torch.float32)(ids).last_hidden_state[0, 0]
    found = open_encoder(options).encode(["a good film", "a very very very bad film"])
    np.testing.assert_allclose(found[0], expected.numpy(), atol=1e-6)


def test_local_folder(tiny: Path) -> None:
    encoder = open_encoder(EncoderOptions(model=str(tiny), max_length=24))
    assert (encoder.name, encoder.dimensions) == ("tiny-bert", 16)
    assert encoder.dtype == fast_dtype()
    assert encoder.encode([]).shape == (0, 16)
    assert encoder.cut_texts(["a good film", "very " * 22, "very " * 23]) == 1


def test_digest_is_of_contents_not_of_places(tiny: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(tiny, copy)
    assert fingerprint(copy) == fingerprint(tiny)
    (copy / "vocab.txt").write_text("other words")
    assert fingerprint(copy) != fingerprint(tiny)


def test_bfloat16_is_close_to_float32(minilm: Encoder) -> None:
    fast = open_encoder(EncoderOptions(dtype="bfloat16"))
    cosine = (fast.encode(TEXTS) * minilm.encode(TEXTS)).sum(1)
    assert cosine.min() > 0.99
    assert fast.digest != minilm.digest


def test_progress_counts_to_the_end(tiny: Path) -> None:
    calls: list[tuple[int, int]] = []
    encoder = open_encoder(EncoderOptions(model=str(tiny), max_length=24, batch_size=2))
    encoder.encode(["good", "bad", "film"], lambda done, total: calls.append((done, total)))
    assert calls == [(2, 3), (3, 3)]


def refused(options: EncoderOptions) -> SynaugError:
    with pytest.raises(SynaugError) as caught:
        open_encoder(options)
    return caught.value


def test_unknown_hub_name_without_a_hub_is_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    start = time.monotonic()
    error = refused(EncoderOptions(model="no-such/model@main"))
    assert error.exit == Exit.SERVICE
    assert "hf download no-such/model --revision main" in str(error)
    assert "did you mean 'minilm'?" in str(refused(EncoderOptions(model="minilmm")))
    assert time.monotonic() - start < 10  # the promise itself, not a benchmark


def test_cached_hub_model_is_found(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository, revision = tmp_path / "models--some--tiny", "a" * 40
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(revision)
    shutil.copytree(tiny, repository / "snapshots" / revision)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.file_download.constants.HF_HUB_CACHE", str(tmp_path))
    for name in ("some/tiny", f"some/tiny@{revision}"):
        encoder = open_encoder(EncoderOptions(model=name, max_length=24))
        assert (encoder.name, encoder.dimensions) == (name, 16)
    assert "cached: some/tiny" in str(refused(EncoderOptions(model="some/tony")))


def test_folders_that_hold_no_model(tmp_path: Path, tiny: Path) -> None:
    error = refused(EncoderOptions(model=str(tmp_path)))
    assert error.exit == Exit.SPEC
    assert "expected config.json and safetensors weights" in str(error)
    assert "neither a folder nor a name on the hub" in str(refused(EncoderOptions(model="./nowhere")))
    broken = tmp_path / "broken"
    shutil.copytree(tiny, broken)
    (broken / "config.json").write_text("{")
    assert refused(EncoderOptions(model=str(broken))).exit == Exit.SPEC


def test_broken_weights_are_an_error_of_the_spec(tmp_path: Path, tiny: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(tiny, broken)
    (broken / "model.safetensors").write_bytes(b"not weights")
    encoder = open_encoder(EncoderOptions(model=str(broken), max_length=24))
    with pytest.raises(SynaugError, match="cannot be loaded") as caught:
        encoder.encode(["good"])
    assert caught.value.exit == Exit.SPEC


def test_missing_weights_are_not_made_up(tmp_path: Path, tiny: Path) -> None:
    from safetensors.torch import load_file, save_file

    gaps = tmp_path / "gaps"
    shutil.copytree(tiny, gaps)
    weights = {k: v for k, v in load_file(tiny / "model.safetensors").items() if "layer.1" not in k}
    save_file(weights, gaps / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(SynaugError, match="weights are not in the file") as caught:
        open_encoder(EncoderOptions(model=str(gaps), max_length=24)).encode(["good"])
    assert caught.value.exit == Exit.SPEC


def test_altered_minilm_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "altered_package"
    (package / "model").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    (package / "model" / "model.safetensors").write_bytes(b"altered")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("synaug.models.MINILM_PACKAGE", "altered_package")
    assert refused(EncoderOptions()).exit == Exit.INTEGRITY
    monkeypatch.setattr("synaug.models.MINILM_PACKAGE", "absent_package")
    assert refused(EncoderOptions()).exit == Exit.SERVICE


def test_options_name_all_their_problems(tiny: Path) -> None:
    with pytest.raises(SynaugError) as caught:
        EncoderOptions(pooling="max", max_length=0, batch_size=0)
    assert caught.value.exit == Exit.SPEC
    assert len(caught.value.problems) == 3
    assert "at most 24 tokens, got 128" in str(refused(EncoderOptions(model=str(tiny))))


def test_imports_stay_light() -> None:
    code = (
        "import sys, synaug.encoders, synaug.corpus\n"
        "heavy = {'torch', 'transformers', 'datasets', 'pandas', 'pyarrow', 'sklearn'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
