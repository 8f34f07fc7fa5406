"""Random streams named by what their numbers may depend on; never by a cell or an attempt."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """What a stream's numbers are for. The numbers are part of the result: never renumber."""

    DRAW = 1
    SPLIT = 2
    SYNTH = 3
    INIT = 4
    ORDER = 5
    VAE = 6
    DIAGNOSTICS = 7


_ONE_FOR_CLONES = (Stream.DRAW, Stream.SPLIT, Stream.DIAGNOSTICS)


@dataclass(frozen=True)
class Streams:
    """All random streams of one data set under one root seed.

    Args:
        root: the seed of the sweep.
        data: the data set's digest, hexadecimal; its first 8 digits enter the key, so the same
            texts have the same draws wherever they lie.
        nuisance: 0, or 1, 2, ... in A/A clones, which changes SYNTH, INIT, ORDER and VAE only.
    """

    root: int
    data: str
    nuisance: int = 0

    def sequence(self, stream: Stream, replicate: int = 0, fold: int = 0) -> np.random.SeedSequence:
        """Return ``SeedSequence(root, spawn_key=(stream, data set, replicate, fold, nuisance))``."""
        nuisance = 0 if stream in _ONE_FOR_CLONES else self.nuisance
        key = (int(stream), int(self.data[:8], 16), replicate, fold, nuisance)
        return np.random.SeedSequence(self.root, spawn_key=key)

    def generator(self, stream: Stream, replicate: int = 0, fold: int = 0) -> np.random.Generator:
        """Return a new generator at the start of the stream."""
        return np.random.default_rng(self.sequence(stream, replicate, fold))

    def random_state(self, stream: Stream, replicate: int = 0, fold: int = 0) -> np.random.RandomState:
        """Return the same stream in the legacy form that imbalanced-learn takes."""
        return np.random.RandomState(np.random.MT19937(self.sequence(stream, replicate, fold)))
