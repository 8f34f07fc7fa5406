"""From a spec to what the cells share: texts, embeddings, draws."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
import numpy.typing as npt
from rich.console import Console

from synaug.cache import EmbeddingCache
from synaug.corpus import Corpus, DataOptions, Part, load
from synaug.embedding import EncodeShards, embed, encode_here
from synaug.encoders import Encoder, EncoderOptions, open_encoder
from synaug.errors import Exit, Problem, SynaugError, placed
from synaug.evaluate import Replicate
from synaug.imbalance import Draw, ImbalanceOptions, Split, draw, smaller, split
from synaug.neighbors import NeighborGraph
from synaug.overlap import overlap, overlap_of
from synaug.own_vectors import OwnVectors, open_vectors
from synaug.randomness import Streams
from synaug.tokens import Tokens

from .plan import CONFIRM, size_name
from .progress import counted
from .spec import Spec
from .spec_encoders import Encoder as Declared
from .spec_fit import check_against
from .text_readers import read_tokens

Codes = npt.NDArray[np.int64]
Progress = Callable[[int, int], None]
AnyEncoder = Encoder | OwnVectors


@dataclass(frozen=True)
class Prepared:
    """A checked data set with its encoders and draws; no text is encoded yet.

    Row numbers of ``split``, ``draws`` and ``scenes`` are the corpus's own.

    Attributes:
        encoders: by what configurations call them, the first of the sweep first.
        draws: the replicates of the design.
        scenes: other draws by what a cell's configuration calls them: ``confirm``, or a size such as
            ``2000:15``.
    """

    spec: Spec
    corpus: Corpus
    encoders: Mapping[str, AnyEncoder]
    streams: Streams
    split: Split
    draws: tuple[Draw, ...]
    scenes: Mapping[str, tuple[Draw, ...]]

    @property
    def encoder(self) -> AnyEncoder:
        """The first encoder."""
        return next(iter(self.encoders.values()))

    @property
    def overlap(self) -> dict[str, float]:
        """Mean share of a class's rows that two replicates have in common, by class."""
        shares = overlap(list(self.draws), self.corpus.labels, len(self.corpus.classes))
        return dict(zip(self.corpus.classes, (float(s) for s in shares), strict=True))

    @property
    def confirm_overlap(self) -> dict[str, float]:
        """Mean share of a class's rows in a draw of the confirmation that a draw of the search has too."""
        fresh = list(self.scenes.get(CONFIRM, ()))
        shares = overlap_of(fresh, list(self.draws), self.corpus.labels, len(self.corpus.classes))
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
        draws: the replicates, then those of each scene; row numbers are those of X.
        graphs: neighbour graphs of the draws by metric; none before ``graphs.with_graphs``.
        test: rows of X behind the gate; empty unless the gate is open.
        first: where the draws of each scene begin among ``draws``.
        tokens: of the texts (N), where a classifier reads them.
    """

    X: npt.NDArray[np.float32]
    y: Codes
    classes: tuple[str, ...]
    streams: Streams
    draws: tuple[Draw, ...]
    graphs: tuple[Mapping[str, NeighborGraph], ...]
    test: Codes
    first: Mapping[str, int] = field(default_factory=lambda: {"": 0})
    tokens: Tokens | None = None

    def replicate(self, number: int, scene: str = "", nuisance: int = 0) -> Replicate:
        """What the cells share on one replicate; a clone has its own ``nuisance``."""
        place = self.first[scene] + number
        streams = replace(self.streams, nuisance=nuisance)
        draw, graphs = self.draws[place], self.graphs[place]
        return Replicate(self.X, self.y, self.classes, draw, graphs, streams, self.tokens)


def prepare(spec: Spec) -> Prepared:
    """Load and check the data, open the encoders and draw the replicates.

    Raises:
        SynaugError: bad data (exit 4), a spec that does not fit the data (exit 3), or an encoder
            that is not there (exit 5).
    """
    with placed("data"):
        corpus = load(spec.data.source, data_options(spec))
    with placed("encoder"):
        encoders = _open_encoders(spec, corpus)
    with placed(f"spec {spec.name}, data {corpus.source}"):
        check_against(spec, corpus.classes, min(encoder.dimensions for encoder in encoders.values()))
    streams = Streams(spec.seed, corpus.digest)
    with placed(f"{corpus.source}, column {spec.data.label_col!r}"):
        division = _divide(spec, corpus, streams)
        draws = _draws(spec, division, corpus, streams, spec.replicates)
        scenes = _scenes(spec, division, corpus, streams, draws)
    return Prepared(spec, corpus, encoders, streams, division, draws, scenes)


def _divide(spec: Spec, corpus: Corpus, streams: Streams) -> Split:
    options = ImbalanceOptions(**spec.imbalance.model_dump())
    train, dev, test = (corpus.rows(part) for part in (Part.TRAIN, Part.DEV, Part.TEST))
    return split(corpus.labels, corpus.classes, train, dev, test, options, streams)


def _open_encoders(spec: Spec, corpus: Corpus) -> dict[str, AnyEncoder]:
    """Open the encoders; several of them have names that tell them apart.

    Raises:
        SynaugError: one that is not there or does not fit; data without the texts or vectors that one
            needs (exit 4); two that give the same numbers (exit 3).
    """
    if spec.log_examples and not corpus.has_texts:
        problem = Problem("log_examples: the data hold no texts", corpus.source, "set log_examples to 0")
        raise SynaugError(problem, Exit.SPEC)
    opened = [_open(declared, corpus) for declared in spec.every_encoder]
    names = spec.encoder_names if spec.encoders else (opened[0].name,)
    found: dict[str, AnyEncoder] = {}
    for name, encoder in zip(names, opened, strict=True):
        same = next((n for n, other in found.items() if other.digest == encoder.digest), None)
        if same is not None:
            problem = Problem(f"encoders: {same} and {name} give the same numbers", fix="keep one of them")
            raise SynaugError(problem, Exit.SPEC)
        found[name] = encoder
    return found


def _open(declared: Declared, corpus: Corpus) -> AnyEncoder:
    if declared.own_vectors:
        return open_vectors(corpus, declared.normalize)
    if not corpus.has_texts:
        text = f"encoder.model: {declared.model} reads texts, of which the data hold none"
        fix = "set data.text_col to the column of the texts, or leave this encoder out"
        raise SynaugError(Problem(text, corpus.source, fix), Exit.DATA)
    return open_encoder(EncoderOptions(**declared.model_dump()))


def _draws(
    spec: Spec, division: Split, corpus: Corpus, streams: Streams, number: int, confirm: bool = False
) -> tuple[Draw, ...]:
    most = spec.imbalance.dev_per_class
    return tuple(
        draw(r, division, corpus.labels, corpus.classes, spec.folds, most, streams, confirm)
        for r in range(number)
    )


def _scenes(
    spec: Spec, division: Split, corpus: Corpus, streams: Streams, draws: tuple[Draw, ...]
) -> dict[str, tuple[Draw, ...]]:
    """Draws of the confirmation and of smaller sizes."""
    found = {}
    if spec.confirm.replicates:
        if not len(division.confirm_dev):
            text = "confirm.replicates: the data leave no rows to score a confirmation on"
            raise SynaugError(Problem(text, corpus.source, "set confirm.replicates to 0", "D56"), Exit.DATA)
        found[CONFIRM] = _draws(spec, division, corpus, streams, spec.confirm.replicates, confirm=True)
    for majority, minority in spec.sizes:
        sizes = np.where(division.sizes == division.sizes.max(), majority, minority)
        found[size_name(majority, minority)] = tuple(
            smaller(d, sizes, corpus.labels, corpus.classes, spec.folds, streams) for d in draws
        )
    return found


def data_options(spec: Spec) -> DataOptions:
    """The loader's part of a spec."""
    return DataOptions(**spec.data.model_dump(exclude={"source"}))


def share(
    prepared: Prepared,
    progress: Progress | None = None,
    with_test: bool = False,
    encode: EncodeShards = encode_here,
    encoder: AnyEncoder | None = None,
) -> Shared:
    """Encode the rows that may be read; ``graphs.with_graphs`` adds the neighbour graphs.

    Args:
        prepared: the checked data set.
        encoder: one of its encoders; None: the first.
        progress: called with texts done and texts in all while encoding.
        with_test: append the test rows; only the gate does.
        encode: encodes what the cache lacks; ``encoding.encode_on_ray`` on a cluster.
    """
    corpus, visible = prepared.corpus, prepared.visible
    parts = [visible, prepared.split.test] if with_test else [visible]
    source = prepared.encoder if encoder is None else encoder
    if isinstance(source, OwnVectors):
        blocks = [source.take(rows) for rows in parts]
    else:
        cache = EmbeddingCache()
        blocks = [
            embed([corpus.texts[row] for row in rows], source, cache, progress, encode) for rows in parts
        ]
    X = blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
    y = corpus.labels[np.concatenate(parts)]
    draws, first = list(prepared.draws), {"": 0}
    for scene, more in prepared.scenes.items():
        first[scene] = len(draws)
        draws += more
    draws = [
        replace(d, rows=np.searchsorted(visible, d.rows), dev=np.searchsorted(visible, d.dev)) for d in draws
    ]
    test = np.arange(len(visible), len(X))
    tokens = read_tokens(prepared, source, np.concatenate(parts))
    return Shared(X, y, corpus.classes, prepared.streams, tuple(draws), (), test, first, tokens)


def share_all(
    prepared: Prepared, console: Console, with_test: bool = False, encode: EncodeShards = encode_here
) -> list[Shared]:
    """Encode the rows that may be read with every encoder, in the order of the sweep: see ``share``."""
    found = []
    for name, encoder in prepared.encoders.items():
        doing = f"encoding with {name}:" if len(prepared.encoders) > 1 else "encoding"
        with counted(console, doing, "texts") as progress:
            found.append(share(prepared, progress, with_test, encode, encoder))
    return found


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
                code="D61",
            ),
            Exit.RESOURCES,
        ) from error
