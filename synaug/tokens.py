"""Token ids of texts as two arrays that many processes can read, with the encoder that they are for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import numpy.typing as npt

from .encoders import Encoder, EncoderOptions, open_encoder
from .errors import Exit, Problem, SynaugError

I32 = npt.NDArray[np.int32]
Codes = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Tokens:
    """Token ids of N texts, one text after the other; arrays are read only.

    Attributes:
        ids: of all texts (T,), int32.
        ends: where each text ends in ``ids`` (N,), int64.
        options: of the encoder, its dtype resolved.
        digest: of the encoder; a process that finds another one under these options is refused.
    """

    ids: I32
    ends: Codes
    options: EncoderOptions
    digest: str

    @classmethod
    def of(cls, encoder: Encoder, texts: Sequence[str]) -> Tokens:
        """What an encoder reads of some texts."""
        found = encoder.token_ids(texts)
        ids = np.fromiter((token for text in found for token in text), np.int32, sum(map(len, found)))
        ends = np.cumsum([len(text) for text in found], dtype=np.int64)
        return cls(ids, ends, replace(encoder.options, dtype=encoder.dtype), encoder.digest)

    def __len__(self) -> int:
        return len(self.ends)

    @property
    def lengths(self) -> Codes:
        """Tokens of each text (N,)."""
        return np.diff(self.ends, prepend=0)

    def take(self, rows: Codes) -> Tokens:
        """The tokens of some texts, in the order given."""
        starts, lengths = self.ends[rows] - self.lengths[rows], self.lengths[rows]
        ends = np.cumsum(lengths, dtype=np.int64)
        places = np.repeat(starts - (ends - lengths), lengths) + np.arange(ends[-1] if len(ends) else 0)
        return replace(self, ids=self.ids[places], ends=ends)

    def padded(self, rows: Codes, filler: int) -> tuple[Codes, Codes]:
        """Ids (b, t) and mask (b, t) of some texts, as wide as the longest of them."""
        part = self.take(rows)
        mask = np.arange(part.lengths.max()) < part.lengths[:, None]
        ids = np.full(mask.shape, filler, dtype=np.int64)
        ids[mask] = part.ids
        return ids, mask.astype(np.int64)

    def open(self) -> Encoder:
        """Find the encoder in this process.

        Raises:
            SynaugError: it is not here (exit 3 or 5), or another one is in its place (exit 5).
        """
        encoder = _opened(self.options)
        if encoder.digest != self.digest:
            text = f"expected the encoder with digest {self.digest[:12]}…, got {encoder.digest[:12]}…"
            fix = "bring the same files to every node, or pin the revision"
            raise SynaugError(Problem(text, str(encoder.folder), fix), Exit.SERVICE)
        return encoder


@cache
def _opened(options: EncoderOptions) -> Encoder:
    """One a process: the files of a model are hashed once."""
    return open_encoder(options)
