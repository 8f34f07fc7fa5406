"""Embeddings that came with the data, in the place of an encoder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from .corpus import Corpus
from .errors import Exit, Problem, SynaugError
from .models import VECTORS

F32 = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class OwnVectors:
    """The vectors of a corpus; there is no model to embed other texts with.

    Attributes:
        X: one row for each row of the corpus (n, d), read only.
        digest: sha256 over the numbers, hexadecimal.
    """

    name: ClassVar[str] = VECTORS

    X: F32
    digest: str

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        return int(self.X.shape[1])

    def take(self, rows: Sequence[int] | npt.NDArray[np.int64]) -> F32:
        """The vectors of some rows of the corpus (m, d), read only."""
        found: F32 = self.X[np.asarray(rows, dtype=np.int64)]
        found.setflags(write=False)
        return found


def open_vectors(corpus: Corpus, normalize: bool = False) -> OwnVectors:
    """Take the vectors of a corpus.

    Args:
        corpus: the data.
        normalize: scale each vector to length one.

    Raises:
        SynaugError: exit 4 where the data hold none, or one of length zero is to be scaled.
    """
    if corpus.vectors is None:
        fix = "set data.vector_col or data.vector_file, or take another encoder.model"
        raise SynaugError(Problem("the data hold no vectors", corpus.source, fix), Exit.DATA)
    X = corpus.vectors
    if normalize:
        lengths = np.linalg.norm(X.astype(np.float64), axis=1, keepdims=True)
        if zeros := int((lengths == 0).sum()):
            text = f"{zeros} vectors of length zero cannot be scaled to length one"
            fix = "leave these rows out, or set encoder.normalize to false"
            raise SynaugError(Problem(text, corpus.source, fix), Exit.DATA)
        X = (X / lengths).astype(np.float32)
        X.setflags(write=False)
    made_by = hashlib.sha256(json.dumps([VECTORS, list(X.shape)]).encode())
    made_by.update(np.ascontiguousarray(X, dtype="<f4").data)
    return OwnVectors(X, made_by.hexdigest())
