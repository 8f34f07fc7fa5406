"""The classifier that fine-tunes, on a replicate of texts: arms, leaks, what it does not take, its export."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synaug.classifiers import CLASSIFIERS
from synaug.classifiers.transformer import Transformer
from synaug.deploy import CONFIG, TextClassifier, load, save, save_fine_tuned, softmax
from synaug.encoders import EncoderOptions, open_encoder
from synaug.errors import SynaugError
from synaug.evaluate import Replicate, evaluate, fit, fold_rows, make_pools
from synaug.final import train_final, whole
from synaug.imbalance import Draw
from synaug.methods import METHODS
from synaug.neighbors import NeighborGraph, depth_for
from synaug.outcome import Outcome
from synaug.randomness import Streams
from synaug.tokens import Tokens

N, M, FOLDS_N = 36, 7, 3
WORDS = ["good", "bad", "film", "a", "very"]
RNG = np.random.default_rng(4)
TEXTS = [" ".join(RNG.choice(WORDS, RNG.integers(1, 9))) for _ in range(N + M)]
FOLDS = np.arange(N) // 3 % FOLDS_N
FAST = Transformer(ladder=(1, 2, 5), layers=1, batch_size=8, hidden=5, learning_rate=0.01)


@pytest.fixture(scope="module")
def replicate(tiny: Path) -> Replicate:
    """Two classes of texts, 24 and 12 rows, and the others to score."""
    encoder = open_encoder(EncoderOptions(str(tiny), max_length=16, dtype="float32"))
    X, y, rows = encoder.encode(TEXTS), (np.arange(N + M) % 3 == 0).astype(np.int64), np.arange(N)
    graphs = {"euclidean": NeighborGraph.build(X, rows, y[:N], "euclidean", depth_for(5, FOLDS_N))}
    draw = Draw(0, rows, FOLDS, np.arange(N, N + M))
    return Replicate(X, y, ("a", "b"), draw, graphs, Streams(0, "5eed" * 16), Tokens.of(encoder, TEXTS))


def result(outcome: Outcome) -> dict[str, Any]:
    found = dataclasses.asdict(outcome)
    return {key: value for key, value in found.items() if key not in ("counts", "seconds")}


def test_arms_on_texts(replicate: Replicate) -> None:
    arms = {
        "none": {},
        "smote": {"k": 3},
        "smote 0": {"k": 3, "ratio": 0.0},
        "class_weight": {},
        "gaussian": {},
    }
    methods = {text: METHODS[text.partition(" ")[0]](**knobs) for text, knobs in arms.items()}
    found = {text: result(evaluate(method, replicate, FAST)) for text, method in methods.items()}
    assert {outcome["status"] for outcome in found.values()} == {"ok"}
    assert found["smote 0"] == found["none"]
    assert len({json.dumps(outcome["scores"]) for outcome in found.values()}) > 3
    assert result(evaluate(methods["none"], replicate, FAST)) == found["none"]  # whatever came before


def test_a_model_knows_nothing_of_its_held_out_texts(replicate: Replicate) -> None:
    held = np.flatnonzero(FOLDS == 0)
    other = [" ".join(reversed(WORDS)) if row in held else text for row, text in enumerate(TEXTS)]
    assert replicate.tokens is not None
    encoder, y = replicate.tokens.open(), replicate.y.copy()
    X, y[held] = encoder.encode(other), 1 - y[held]
    spoilt = dataclasses.replace(replicate, X=X, y=y, tokens=Tokens.of(encoder, other))
    method = METHODS["ros"]()
    logits = []
    for data in (replicate, spoilt):
        rows = [fold_rows(method, data, fold, make_pools(method, data)) for fold in range(FOLDS_N)]
        logits.append(fit(method, data, rows, FAST, data.draw.dev).scored)
    np.testing.assert_allclose(logits[0][:, 0], logits[1][:, 0], atol=1e-5)
    assert np.abs(logits[0][:, 1] - logits[1][:, 1]).max() > 1e-3  # whose model does train on them


def test_a_fine_tuned_encoder_goes_to_work(replicate: Replicate, tiny: Path, tmp_path: Path) -> None:
    assert replicate.tokens is not None
    rows, streams = replicate.draw.rows, replicate.streams
    data = whole(replicate.X, replicate.y, replicate.classes, rows, streams, 3, replicate.tokens)
    final = train_final(METHODS["smote"](k=3), data, FAST, steps=5)
    assert np.abs(final.embeddings - replicate.X[rows]).max() > 1e-3
    encoder = save_fine_tuned(final.encoder, replicate.tokens.open(), tmp_path / "encoder")
    save(TextClassifier(encoder, data.classes, final.scorer), tmp_path / "classifier", {})
    loaded = load(tmp_path / "classifier", tmp_path / "encoder")
    assert json.loads((tmp_path / "classifier" / CONFIG).read_text())["encoder"]["model"] == str(tiny)
    np.testing.assert_allclose(loaded.probabilities(TEXTS[:N]), softmax(final.logits), atol=1e-5)
    with pytest.raises(SynaugError, match="tiny-bert, fine-tuned with digest"):
        load(tmp_path / "classifier", tiny)


def test_embeddings_alone_are_no_texts(replicate: Replicate) -> None:
    bare = dataclasses.replace(replicate, tokens=None)
    outcome = evaluate(METHODS["none"](), bare, FAST)
    assert outcome.reason == "transformer trains the encoder on texts, and there are embeddings alone"
    assert evaluate(METHODS["none"](), bare, dataclasses.replace(FAST, layers=0)).status == "ok"


def test_it_is_registered_and_says_where_synthetic_rows_enter() -> None:
    assert CLASSIFIERS["transformer"] is Transformer
    assert "synthetic rows enter behind the pooling" in str(Transformer.__doc__)
    assert [name for name in CLASSIFIERS if CLASSIFIERS[name].reads_texts] == ["transformer"]
