"""Embeddings of a corpus: taken from the cache, or encoded shard by shard so that no work is lost."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .cache import EmbeddingCache
from .encoders import Encoder, Progress

SHARD = 512  # texts that are encoded, and kept, at a time

F32 = npt.NDArray[np.float32]
Shards = Sequence[Sequence[str]]
# Encodes shards in any order; yields the number of a shard with its embeddings.
EncodeShards = Callable[[Encoder, Shards, Progress | None], Iterator[tuple[int, F32]]]


def encode_here(
    encoder: Encoder, shards: Shards, progress: Progress | None = None
) -> Iterator[tuple[int, F32]]:
    """Encode shards one after the other in this process."""
    done, total = 0, sum(map(len, shards))
    for number, texts in enumerate(shards):
        yield number, encoder.encode(texts, _after(done, total, progress))
        done += len(texts)


def _after(before: int, total: int, progress: Progress | None) -> Progress | None:
    """Progress of what follows ``before`` texts that are done."""
    return None if progress is None else lambda done, _: progress(before + done, total)


def embed(
    texts: Sequence[str],
    encoder: Encoder,
    cache: EmbeddingCache,
    progress: Progress | None = None,
    encode: EncodeShards = encode_here,
) -> F32:
    """Embed texts, or take their embeddings from the cache (n, d), read only.

    Shards hold texts of similar length and do not depend on who encodes them, so that neither do the
    embeddings. Each is in the cache as soon as it is encoded: a run that is cut off loses one shard.

    Args:
        texts: the texts (n).
        encoder: what embeds them.
        cache: where embeddings are kept.
        progress: called with texts done and texts in all.
        encode: encodes the shards that are not in the cache.
    """
    key, n = _key(encoder, texts), len(texts)
    found = _cached(cache, key, n, encoder)
    if found is None:
        order = sorted(range(n), key=lambda i: -len(texts[i]))
        found = np.empty((n, encoder.dimensions), dtype=np.float32)
        shards = [_Shard.of(texts, order[start : start + SHARD], encoder) for start in range(0, n, SHARD)]
        _fill(found, shards, encoder, cache, progress, encode)
        cache.put(key, found)
        if len(shards) > 1:
            for shard in shards:
                cache.discard(shard.key)
    elif progress is not None:
        progress(n, n)
    found.setflags(write=False)
    return found


def is_cached(texts: Sequence[str], encoder: Encoder, cache: EmbeddingCache) -> bool:
    """Whether embeddings of all the texts lie in the cache; whether they are sound is not looked at."""
    return cache.has(_key(encoder, texts))


@dataclass(frozen=True)
class _Shard:
    """Texts that are encoded together, their places in the corpus, and their key in the cache."""

    rows: list[int]
    texts: list[str]
    key: str

    @classmethod
    def of(cls, texts: Sequence[str], rows: list[int], encoder: Encoder) -> _Shard:
        mine = [texts[row] for row in rows]
        return cls(rows, mine, _key(encoder, mine))


def _fill(
    found: F32,
    shards: Sequence[_Shard],
    encoder: Encoder,
    cache: EmbeddingCache,
    progress: Progress | None,
    encode: EncodeShards,
) -> None:
    """Write the embeddings of the shards into ``found``; a shard alone is not kept on its own."""
    missing = []
    for shard in shards:
        kept = _cached(cache, shard.key, len(shard.rows), encoder) if len(shards) > 1 else None
        if kept is None:
            missing.append(shard)
        else:
            found[shard.rows] = kept
    before = len(found) - sum(len(shard.rows) for shard in missing)
    told = _after(before, len(found), progress)
    for number, array in encode(encoder, [shard.texts for shard in missing], told):
        found[missing[number].rows] = array
        if len(shards) > 1:
            cache.put(missing[number].key, array)


def _key(encoder: Encoder, texts: Sequence[str]) -> str:
    digest = hashlib.sha256(encoder.digest.encode())
    for text in texts:
        raw = text.encode()
        digest.update(len(raw).to_bytes(8, "little") + raw)
    return digest.hexdigest()


def _cached(cache: EmbeddingCache, key: str, n: int, encoder: Encoder) -> F32 | None:
    found = cache.get(key)
    return found if found is not None and found.shape == (n, encoder.dimensions) else None
