"""Texts a second of synaug's encoder against sentence-transformers, same model, texts and precision."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.measure import Found, Options, alternate, ratio
from synaug.corpus import load
from synaug.encoders import Encoder, EncoderOptions, open_encoder

BATCH = 64
F32 = npt.NDArray[np.float32]


def measure(options: Options) -> Found:
    """Embed sentences of the built-in corpus in float32 and bfloat16 with both."""
    texts = _texts(8 if options.quick else 1000)
    works: dict[str, Callable[[], F32]] = {}
    for dtype in ("float32", "bfloat16"):
        encoder = open_encoder(EncoderOptions(dtype=dtype, batch_size=BATCH))
        works[f"synaug {dtype}"] = _ours(encoder, texts)
        works[f"sentence-transformers {dtype}"] = _theirs(encoder.folder, dtype, texts)
    seconds = alternate(works, options.repetitions)
    found = {name: work() for name, work in works.items()}
    exact = found["sentence-transformers float32"]
    figures = tuple(
        ratio(name, f"texts a second: synaug in {ours} / sentence-transformers in {theirs}",
              seconds[f"sentence-transformers {theirs}"], seconds[f"synaug {ours}"])
        for name, ours, theirs in (
            ("ratio", "float32", "float32"),
            ("ratio_bfloat16", "bfloat16", "float32"),
            ("ratio_both_bfloat16", "bfloat16", "bfloat16"),
        )
    )  # fmt: skip
    detail = {
        "texts": len(texts),
        "batch_size": BATCH,
        "threads": torch.get_num_threads(),
        "texts_per_second": {name: [len(texts) / s for s in taken] for name, taken in seconds.items()},
        "smallest_cosine": {
            dtype: smallest_cosine(found[f"synaug {dtype}"], found[f"sentence-transformers {dtype}"])
            for dtype in ("float32", "bfloat16")
        },
        "smallest_cosine_to_float32": {
            name: smallest_cosine(rows, exact) for name, rows in found.items() if name.endswith("bfloat16")
        },
    }
    return Found(figures, detail)


def _texts(count: int) -> list[str]:
    """Every so-manieth text of the built-in corpus."""
    texts = load("builtin").texts
    return list(texts[:: len(texts) // count][:count])


def _ours(encoder: Encoder, texts: Sequence[str]) -> Callable[[], F32]:
    return lambda: encoder.encode(texts)


def _theirs(folder: Path, dtype: str, texts: Sequence[str]) -> Callable[[], F32]:
    from sentence_transformers import SentenceTransformer

    model: Any = SentenceTransformer(
        str(folder), local_files_only=True, model_kwargs={"dtype": getattr(torch, dtype)}
    )
    model.max_seq_length = EncoderOptions().max_length

    def encode() -> F32:
        rows = model.encode(list(texts), batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(rows, dtype=np.float32)

    return encode


def smallest_cosine(left: F32, right: F32) -> float:
    """The smallest cosine between rows of the same number."""
    a, b = left.astype(np.float64), right.astype(np.float64)
    cosines = (a * b).sum(axis=1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))
    return float(cosines.min())
