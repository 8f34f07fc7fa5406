"""A classifier as files: what is loaded predicts as what was saved, and nothing else is loaded."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from synaug.deploy import CONFIG, WEIGHTS, TextClassifier, load, save, save_encoder, softmax
from synaug.encoders import Encoder, EncoderOptions, open_encoder
from synaug.errors import Exit, SynaugError
from synaug.scorers import Weights

WORDS = ["good", "bad", "film", "plot", "dull"]
TEXTS = ["a good film", "dull plot, bad film", "", "good good good bad"]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory, save_bert: Callable[..., None]) -> Encoder:
    folder = tmp_path_factory.mktemp("deploy") / "model"
    save_bert(folder, WORDS)
    return open_encoder(EncoderOptions(str(folder), max_length=12, dtype="float32", pooling="cls"))


def weights_of(hidden: int | None, n_classes: int = 3, d: int = 16) -> Weights:
    random = np.random.default_rng(5)

    def normal(*shape: int) -> np.ndarray:
        return random.normal(size=shape).astype(np.float32)

    if hidden is None:
        head, bias, offset = normal(n_classes, d), normal(n_classes), normal(n_classes)
        return Weights(head=head, head_bias=bias, offset=offset)
    head, bias, offset = normal(n_classes, hidden), normal(n_classes), normal(n_classes)
    first, its_bias = normal(d, hidden), normal(hidden)
    return Weights(head=head, head_bias=bias, offset=offset, first=first, bias=its_bias)


def classifier_of(encoder: Encoder, hidden: int | None = 4) -> TextClassifier:
    return TextClassifier(encoder, ("beige", "élan", "zinc"), weights_of(hidden))


def test_logits_by_hand() -> None:
    hidden = Weights(
        head=np.array([[1, 2], [0, -1]], np.float32),
        head_bias=np.array([0.5, 0], np.float32),
        offset=np.array([0.25, -1], np.float32),
        first=np.array([[1, -1], [0, 2]], np.float32),
        bias=np.array([0, 1], np.float32),
    )
    X = np.array([[2, 1], [-3, 0]], np.float32)
    # ReLU(X @ first + bias) = [[2, 1], [0, 4]]
    np.testing.assert_allclose(hidden.logits(X), [[4.25, 0], [8.25, -3]])
    linear = Weights(head=hidden.head, head_bias=hidden.head_bias, offset=hidden.offset)
    np.testing.assert_allclose(linear.logits(X), [[4.25, 0], [-2.75, 1]])


def test_softmax_stays_finite() -> None:
    found = softmax(np.array([[0, np.log(3)], [1000, -1000]]))
    np.testing.assert_allclose(found, [[0.25, 0.75], [1, 0]], atol=1e-12)


@pytest.mark.parametrize("hidden", [4, None], ids=["mlp", "linear"])
def test_what_is_loaded_predicts_as_what_was_saved(
    hidden: int | None, encoder: Encoder, tmp_path: Path
) -> None:
    made = classifier_of(encoder, hidden)
    save(made, tmp_path / "classifier", {"sweep": "tiny"})
    save_encoder(encoder, tmp_path / "moved")
    expected = softmax(made.scorer.logits(encoder.encode(TEXTS)))
    for folder in (None, tmp_path / "moved"):
        loaded = load(tmp_path / "classifier", folder)
        assert loaded.classes == made.classes
        assert loaded.encoder.options.pooling == "cls"
        np.testing.assert_allclose(loaded.probabilities(TEXTS), expected, rtol=1e-6)
        assert loaded.predict(TEXTS) == [made.classes[code] for code in expected.argmax(1)]


def test_the_files_hold_no_code(encoder: Encoder, tmp_path: Path) -> None:
    save(classifier_of(encoder), tmp_path / "classifier", {})
    (encoder.folder / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    (encoder.folder / "modeling.py").write_text("import os")
    try:
        save_encoder(encoder, tmp_path / "encoder")
    finally:
        (encoder.folder / "pytorch_model.bin").unlink()
        (encoder.folder / "modeling.py").unlink()
    assert {path.name for path in (tmp_path / "classifier").iterdir()} == {CONFIG, WEIGHTS}
    suffixes = {path.suffix for path in (tmp_path / "encoder").iterdir()}
    assert suffixes <= {".safetensors", ".json", ".txt", ".model"}


def change_weights(folder: Path) -> None:
    raw = bytearray((folder / WEIGHTS).read_bytes())
    raw[-1] ^= 1
    (folder / WEIGHTS).write_bytes(raw)


def change_schema(folder: Path) -> None:
    config = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps(config | {"schema": 2}))


def put_pickle(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes(b"\x80\x04N.")


@pytest.mark.parametrize("spoil", [change_weights, change_schema, put_pickle, shutil.rmtree])
def test_anything_else_is_refused(spoil: Callable[[Path], None], encoder: Encoder, tmp_path: Path) -> None:
    save(classifier_of(encoder), tmp_path / "classifier", {})
    spoil(tmp_path / "classifier")
    with pytest.raises(SynaugError, match="not a classifier that was exported here") as refused:
        load(tmp_path / "classifier")
    assert refused.value.exit is Exit.INTEGRITY


def test_another_encoder_is_refused(encoder: Encoder, tmp_path: Path) -> None:
    save(classifier_of(encoder), tmp_path / "classifier", {})
    save_encoder(encoder, tmp_path / "encoder")
    with (tmp_path / "encoder" / "vocab.txt").open("a") as file:
        file.write("\nnew")
    with pytest.raises(SynaugError, match="expected the encoder model with digest") as refused:
        load(tmp_path / "classifier", tmp_path / "encoder")
    assert refused.value.exit is Exit.INTEGRITY
