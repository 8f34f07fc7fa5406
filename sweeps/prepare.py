"""From a spec to what the cells share: texts, embeddings, draws."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
import numpy.typing as npt

from synaug.cache import EmbeddingCache
from synaug.corpus import Corpus, DataOptions, Part, load
from synaug.embedding import EncodeShards, embed, encode_here
from synaug.encoders import Encoder, EncoderOptions, open_encoder
from synaug.errors import Exit, Problem, SynaugError
from synaug.evaluate import Replicate
from synaug.imbalance import Draw, ImbalanceOptions, Split, draw, overlap, split
from synaug.neighbors import NeighborGraph
from synaug.randomness import Streams

from .plan import check_against
from .spec import Spec

Codes = npt.NDArray[np.int64]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Prepared:
    """A checked data set with its encoder and draws; no text is encoded yet.

    Row numbers of ``split`` and ``draws`` are the corpus's own.
    """

    spec: Spec
    corpus: Corpus
    encoder: Encoder
    streams: Streams
    split: Split
    draws: tuple[Draw, ...]

    @property
    def overlap(self) -> dict[str, float]:
        """Mean share of a class's rows that two replicates have in common, by class."""
        shares = overlap(list(self.draws), self.corpus.labels, len(self.corpus.classes))
        return dict(zip(self.corpus.classes, (float(s) for s in shares), strict=True))

    @property
    def visible(self) -> Codes:
        """Rows that a sweep may read, ascending: all but the test rows."""
        return np.setdiff1d(self.corpus.rows(Part.TRAIN, Part.DEV), self.split.test)


@dataclass(frozen=True)
class Shared:
    """What goes into the object store once and is read by every cell without a copy.

    Attributes:
        X: embeddings of the rows that may be read (N, d), float32.
        y: their classes (N,).
        classes: class names.
        streams: random streams of the data set.
        draws: the replicates; row numbers are those of X.
        graphs: neighbour graphs by replicate and metric; none before ``graphs.with_graphs``.
        test: rows of X behind the gate; empty unless the gate is open.
    """

    X: npt.NDArray[np.float32]
    y: Codes
    classes: tuple[str, ...]
    streams: Streams
    draws: tuple[Draw, ...]
    graphs: tuple[Mapping[str, NeighborGraph], ...]
    test: Codes

    def replicate(self, number: int) -> Replicate:
        """What the cells share on one replicate."""
        return Replicate(self.X, self.y, self.classes, self.draws[number], self.graphs[number], self.streams)


def prepare(spec: Spec) -> Prepared:
    """Load and check the data, open the encoder and draw the replicates.

    Raises:
        SynaugError: bad data (exit 4), a spec that does not fit the data (exit 3), or an encoder
            that is not there (exit 5).
    """
    corpus = load(spec.data.source, data_options(spec))
    encoder = open_encoder(EncoderOptions(**spec.encoder.model_dump()))
    check_against(spec, corpus.classes, encoder.dimensions)
    streams = Streams(spec.seed, corpus.digest)
    options = ImbalanceOptions(**spec.imbalance.model_dump())
    train, dev, test = (corpus.rows(part) for part in (Part.TRAIN, Part.DEV, Part.TEST))
    division = split(corpus.labels, corpus.classes, train, dev, test, options, streams)
    draws = tuple(
        draw(number, division, corpus.labels, corpus.classes, spec.folds, options.dev_per_class, streams)
        for number in range(spec.replicates)
    )
    return Prepared(spec, corpus, encoder, streams, division, draws)


def data_options(spec: Spec) -> DataOptions:
    """The loader's part of a spec."""
    return DataOptions(**spec.data.model_dump(exclude={"source"}))


def share(
    prepared: Prepared,
    progress: Progress | None = None,
    with_test: bool = False,
    encode: EncodeShards = encode_here,
) -> Shared:
    """Encode the rows that may be read; ``graphs.with_graphs`` adds the neighbour graphs.

    Args:
        prepared: the checked data set.
        progress: called with texts done and texts in all while encoding.
        with_test: append the test rows; only the gate does.
        encode: encodes what the cache lacks; ``encoding.encode_on_ray`` on a cluster.
    """
    corpus, visible = prepared.corpus, prepared.visible
    parts = [visible, prepared.split.test] if with_test else [visible]
    cache = EmbeddingCache()
    blocks = [
        embed([corpus.texts[row] for row in rows], prepared.encoder, cache, progress, encode)
        for rows in parts
    ]
    X = blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
    y = corpus.labels[np.concatenate(parts)]
    draws = tuple(
        replace(d, rows=np.searchsorted(visible, d.rows), dev=np.searchsorted(visible, d.dev))
        for d in prepared.draws
    )
    test = np.arange(len(visible), len(X))
    return Shared(X, y, corpus.classes, prepared.streams, draws, (), test)


def check_writable(folder: Path) -> None:
    """Refuse a place that results cannot be written to, before any work; creates nothing.

    Raises:
        SynaugError: the nearest existing folder is not writable (exit 6).
    """
    nearest = next(parent for parent in [folder.absolute(), *folder.absolute().parents] if parent.exists())
    try:
        TemporaryFile(dir=nearest).close()  # it has no name, so that nothing is left
    except OSError as error:
        raise SynaugError(
            Problem(
                f"cannot write to {folder}: {error.strerror}",
                where=str(nearest),
                fix="choose another place with --out",
            ),
            Exit.RESOURCES,
        ) from error
