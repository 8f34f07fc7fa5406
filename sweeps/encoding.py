"""Texts to embeddings on a Ray cluster: shards of one corpus go to whatever CPUs or GPUs are free."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

from synaug.embedding import F32, Shards, encode_here
from synaug.encoders import Encoder, EncoderOptions, Progress, open_encoder
from synaug.errors import Exit, Problem, SynaugError

HERE_TEXTS = 2048  # fewer are encoded by the time that workers have loaded the model
AHEAD = 2  # shards that wait for each slot of the cluster


def encode_on_ray(
    encoder: Encoder, shards: Shards, progress: Progress | None = None
) -> Iterator[tuple[int, F32]]:
    """Encode shards by Ray tasks, one a GPU where the cluster has some, else one a CPU.

    A node finds the model by its name as this one does, and is refused where its files differ. What a
    lost node had is encoded elsewhere. A few texts are encoded here.

    Raises:
        SynaugError: a node has another model under that name (exit 5), or the model gives numbers that
            are not finite (exit 3).
    """
    if sum(map(len, shards)) <= HERE_TEXTS or len(shards) < 2:
        yield from encode_here(encoder, shards, progress)
        return
    import ray
    from ray.exceptions import RayTaskError

    have = ray.cluster_resources()  # type: ignore[no-untyped-call]
    kind = "GPU" if have.get("GPU", 0) >= 1 else "CPU"
    slots = max(1, int(have.get(kind, 1)))
    reserve: dict[str, Any] = {f"num_{kind.lower()}s": 1}
    task: Any = ray.remote(**reserve)(_encode)
    options = replace(encoder.options, dtype=encoder.dtype)  # "auto" may mean another one there
    running: dict[Any, int] = {}
    waiting, done, total = iter(enumerate(shards)), 0, sum(map(len, shards))
    if progress is not None:
        progress(0, total)
    while True:
        while len(running) < AHEAD * slots and (following := next(waiting, None)) is not None:
            number, texts = following
            running[task.remote(options, encoder.digest, list(texts))] = number
        if not running:
            return
        [ready], _ = ray.wait(list(running), num_returns=1)
        number = running.pop(ready)
        try:
            found = ray.get(ready)
        except RayTaskError as error:
            raise error.cause if isinstance(error.cause, SynaugError) else error from None
        yield number, found
        done += len(shards[number])
        if progress is not None:
            progress(done, total)


def _encode(options: EncoderOptions, digest: str, texts: list[str]) -> F32:
    """Encode one shard in a worker."""
    encoder = _opened(options)
    if encoder.digest != digest:
        text = f"{platform.node()} has another model {options.model!r} than the node that asks for it"
        fix = "bring the same files to every node, or pin the revision"
        raise SynaugError(Problem(text, str(encoder.folder), fix), Exit.SERVICE)
    return encoder.encode(texts)


@cache
def _opened(options: EncoderOptions) -> Encoder:
    """One a process: a model is loaded once."""
    return open_encoder(options)
