"""Workers encode the same as this process, and refuse a model that is another one."""

from __future__ import annotations

import dataclasses
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sweeps.encoding import HERE_TEXTS, encode_on_ray
from synaug import embedding
from synaug.cache import EmbeddingCache
from synaug.embedding import embed
from synaug.encoders import EncoderOptions, open_encoder
from synaug.errors import Exit, SynaugError

WORDS = ["wing", "shell", "leg", "antenna", "lid", "spout", "handle", "steam"]


def texts() -> list[str]:
    """More texts than are encoded without workers, of many lengths."""
    random = np.random.default_rng(0)
    return [" ".join(random.choice(WORDS, 1 + i % 17)) for i in range(HERE_TEXTS + 200)]


def encode_by_tasks(folder: Path) -> None:
    """Encode a corpus here and on two workers; then ask these for a model that they do not have."""
    import ray

    encoder = open_encoder(EncoderOptions(model=str(folder / "tiny"), max_length=24, dtype="float32"))
    here = embed(texts(), encoder, EmbeddingCache(folder / "here"))
    ray.init("local", num_cpus=2, include_dashboard=False, logging_level=logging.ERROR, log_to_driver=False)
    told: list[tuple[int, int]] = []
    found = embed(
        texts(), encoder, EmbeddingCache(folder / "ray"), lambda *done: told.append(done), encode_on_ray
    )
    np.testing.assert_array_equal(found, here)
    shards = -(-len(found) // embedding.SHARD)
    assert told[0] == (0, len(found))
    assert told[-1] == (len(found), len(found))
    assert len(told) == shards + 1
    other = dataclasses.replace(encoder, digest="0" * 64)
    with pytest.raises(SynaugError, match="has another model") as refused:
        embed(texts(), other, EmbeddingCache(folder / "other"), encode=encode_on_ray)
    assert refused.value.exit is Exit.SERVICE
    print("refused")


@pytest.mark.slow
def test_workers_encode_the_same(tmp_path: Path, save_bert: Callable[..., None]) -> None:
    """In a process of its own, which Ray leaves as it likes."""
    save_bert(tmp_path / "tiny", WORDS)
    done = subprocess.run(
        [sys.executable, __file__, str(tmp_path)], capture_output=True, text=True, timeout=250, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "refused"


if __name__ == "__main__":
    encode_by_tasks(Path(sys.argv[1]))
