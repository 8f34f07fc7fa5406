"""Embeddings come from the cache, and an encoding that is cut off goes on where it was."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synaug import embedding
from synaug.cache import EmbeddingCache
from synaug.embedding import embed
from synaug.encoders import Encoder, EncoderOptions, open_encoder

TEXTS = ["bad", "a very good film", "good", "a bad film", "very very very bad", "film", "a film"]


@pytest.fixture
def encoder(tiny: Path) -> Encoder:
    return open_encoder(EncoderOptions(model=str(tiny), max_length=24, dtype="float32"))


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "SHARD", 3)


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The texts of every call of the model."""
    calls: list[list[str]] = []
    encode = Encoder.encode

    def count(self: Encoder, texts: Sequence[str], *rest: Any) -> Any:
        calls.append(list(texts))
        return encode(self, texts, *rest)

    monkeypatch.setattr(Encoder, "encode", count)
    return calls


def test_embed_goes_through_the_cache(
    encoder: Encoder, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = open_encoder(EncoderOptions(model=str(tiny), max_length=23))
    cache = EmbeddingCache(tmp_path)
    first = embed(["good", "bad"], encoder, cache)
    assert not first.flags.writeable
    embed(["goodb", "ad"], encoder, cache)
    embed(["bad", "good"], encoder, cache)
    embed(["good", "bad"], other, cache)
    assert len(list(tmp_path.glob("*.npy"))) == 4
    monkeypatch.setattr(Encoder, "encode", lambda *_: pytest.fail("encoded again"))
    calls: list[tuple[int, int]] = []
    again = embed(["good", "bad"], encoder, cache, lambda done, total: calls.append((done, total)))
    np.testing.assert_array_equal(again, first)
    assert calls == [(2, 2)]


@pytest.mark.usefixtures("small_shards")
def test_shards_give_each_text_its_own_embedding(encoder: Encoder, tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    found = embed(TEXTS, encoder, EmbeddingCache(tmp_path), lambda done, total: calls.append((done, total)))
    np.testing.assert_allclose(found, np.concatenate([encoder.encode([t]) for t in TEXTS]), atol=1e-6)
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)
    assert calls[-1] == (7, 7)
    assert len(list(tmp_path.glob("*.npy"))) == 1, "the shards are left behind"


@pytest.mark.usefixtures("small_shards")
def test_a_cut_off_encoding_goes_on_with_the_next_shard(
    encoder: Encoder, tmp_path: Path, encoded: list[list[str]]
) -> None:
    def cut_off(encoder: Encoder, shards: Any, progress: Any) -> Iterator[Any]:
        yield 1, encoder.encode(shards[1])
        raise KeyboardInterrupt

    cache, calls = EmbeddingCache(tmp_path / "a"), list[tuple[int, int]]()
    with pytest.raises(KeyboardInterrupt):
        embed(TEXTS, encoder, cache, encode=cut_off)
    assert len(encoded[0]) == 3
    again = embed(TEXTS, encoder, cache, lambda done, total: calls.append((done, total)))
    assert sorted(text for texts in encoded for text in texts) == sorted(TEXTS), "each text once"
    assert calls[-1] == (7, 7)
    assert calls[0][0] > 3
    np.testing.assert_array_equal(again, embed(TEXTS, encoder, EmbeddingCache(tmp_path / "b")))


@pytest.mark.usefixtures("small_shards")
def test_the_order_in_which_shards_come_back_changes_nothing(encoder: Encoder, tmp_path: Path) -> None:
    def backwards(encoder: Encoder, shards: Any, progress: Any) -> Iterator[Any]:
        yield from ((number, encoder.encode(shards[number])) for number in reversed(range(len(shards))))

    found = embed(TEXTS, encoder, EmbeddingCache(tmp_path / "a"), encode=backwards)
    np.testing.assert_array_equal(found, embed(TEXTS, encoder, EmbeddingCache(tmp_path / "b")))
