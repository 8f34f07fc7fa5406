"""Imbalance: which rows a replicate trains on, which score it, which wait behind the gate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from .errors import Exit, Problem, SynaugError
from .randomness import Stream, Streams
from .too_few import check_folds, check_test_share

Rows = npt.NDArray[np.int64]
Kind = Literal["natural", "minority", "step", "long_tail"]
_ONCE = 2**32 - 1  # the replicate in the key of what is drawn once for all replicates
CONFIRM = 1_000_000  # number of the first draw of a confirmation, beyond those of any search


@dataclass(frozen=True)
class ImbalanceOptions:
    """How the training sets of the replicates are drawn.

    Attributes:
        kind: ``natural`` takes all rows; the others draw: ``minority`` makes the named classes
            small, ``step`` the last share of the classes, ``long_tail`` lets sizes fall
            exponentially over the classes in sorted order.
        minority: names of the small classes (kind ``minority``).
        n_majority: rows of the largest classes.
        n_minority: rows of the small classes; or give ``ratio``.
        ratio: n_majority / n_minority.
        minority_share: share of the classes that are small (kind ``step``).
        dev_per_class: at most so many dev rows of each class score a replicate.
        test_share: held out where the corpus has no test part of its own and keeps its imbalance.
    """

    kind: Kind = "natural"
    minority: tuple[str, ...] = ()
    n_majority: int | None = None
    n_minority: int | None = None
    ratio: float | None = None
    minority_share: float = 0.5
    dev_per_class: int = 500
    test_share: float = 0.2


@dataclass(frozen=True)
class Split:
    """The data set split once, before anything is drawn: row numbers, ascending.

    Attributes:
        sizes: rows of each class in a draw (n_classes,); with natural imbalance all of ``pool``.
        pool: rows that draws take from.
        search_dev: balanced rows that score the search; empty where cross-validation scores.
        confirm_dev: balanced rows for the confirmation.
        test: rows behind the gate.
    """

    sizes: Rows
    pool: Rows
    search_dev: Rows
    confirm_dev: Rows
    test: Rows

    @property
    def scored_on(self) -> Literal["dev", "cv"]:
        """What scores the cells: dev rows where there are any, else the held-out folds."""
        return "dev" if len(self.search_dev) else "cv"


@dataclass(frozen=True)
class Draw:
    """One replicate.

    Attributes:
        replicate: its number.
        rows: training rows (n,), ascending.
        folds: the fold that holds each of them out (n,).
        dev: rows that score the fold models (m,), balanced, ascending.
    """

    replicate: int
    rows: Rows
    folds: Rows
    dev: Rows


def class_sizes(options: ImbalanceOptions, classes: tuple[str, ...]) -> Rows:
    """Rows of each class in one draw (n_classes,), in the order of ``classes``.

    Raises:
        SynaugError: sizes are missing, contradict each other or name unknown classes (exit 3).
    """
    if options.n_majority is None:
        raise _spec("imbalance.n_majority", "is needed for every kind but natural")
    largest = options.n_majority
    if options.n_minority is not None:
        smallest = options.n_minority
    elif options.ratio is not None:
        smallest = round(largest / options.ratio)
    else:
        raise _spec("imbalance", "needs n_minority or ratio beside n_majority")
    if not 1 <= smallest <= largest:
        raise _spec("imbalance", f"expected 1 <= n_minority <= n_majority, got {smallest} and {largest}")
    n = len(classes)
    if options.kind == "long_tail":
        return np.rint(largest * (smallest / largest) ** (np.arange(n) / (n - 1))).astype(np.int64)
    if options.kind == "step":
        small = np.arange(n) >= n - max(1, min(n - 1, round(options.minority_share * n)))
    else:
        unknown = sorted(set(options.minority) - set(classes))
        if unknown or not options.minority or len(set(options.minority)) >= n:
            raise _spec(
                "imbalance.minority",
                f"expected at least one and not all of {', '.join(classes)}, got {list(options.minority)}",
            )
        small = np.array([name in options.minority for name in classes])
    return np.where(small, smallest, largest).astype(np.int64)


def _spec(where: str, message: str) -> SynaugError:
    return SynaugError(Problem(f"{where}: {message}", code="D48"), Exit.SPEC)


def split(
    labels: Rows,
    classes: tuple[str, ...],
    train: Rows,
    dev: Rows,
    test: Rows,
    options: ImbalanceOptions,
    streams: Streams,
) -> Split:
    """Set dev and test rows aside, once and independently of the number of replicates.

    Dev rows come from the corpus's own dev part first, then from at most half of the rows that a
    single draw leaves in every class, so a long sweep still finds fresh rows to train on.

    Args:
        labels: class codes of all rows (N,).
        classes: class names.
        train: rows of the corpus's training part.
        dev: rows of its dev part; may be empty.
        test: rows of its test part; where empty, test rows are held out here.
        options: what a draw looks like.
        streams: random streams of the data set.

    Raises:
        SynaugError: a class has fewer rows than a draw takes (exit 4).
    """
    generator = streams.generator(Stream.DRAW, _ONCE)
    pool, held_test = train, test
    if options.kind == "natural":
        if not len(test) and options.test_share > 0:
            from sklearn.model_selection import train_test_split

            check_test_share(labels[train], classes, options.test_share)
            state = streams.random_state(Stream.DRAW, _ONCE, 1)
            pool, held_test = train_test_split(
                train, test_size=options.test_share, stratify=labels[train], random_state=state
            )
        sizes = np.bincount(labels[pool], minlength=len(classes))
        search, confirm = _deal(dev, labels, 2, 2 * options.dev_per_class, generator)
        return Split(sizes, np.sort(pool), search, confirm, np.sort(held_test))
    sizes = class_sizes(options, classes)
    available = np.bincount(labels[train], minlength=len(classes))
    short = [
        Problem(
            f"class {name!r} has {have} training rows, a draw takes {want}",
            fix="make the draw smaller: imbalance.n_majority, imbalance.n_minority",
            code="D56",
        )
        for name, have, want in zip(classes, available, sizes, strict=True)
        if have < want
    ]
    if short:
        raise SynaugError(short, Exit.DATA)
    parts = 2 if len(test) else 3
    own = np.bincount(labels[dev], minlength=len(classes)).min()
    wanted = max(0, parts * 2 * options.dev_per_class - own)
    taken = _balanced(train, labels, min(wanted, (available - sizes).min() // 2), generator)
    held = _deal(np.concatenate([dev, taken]), labels, parts, 2 * options.dev_per_class, generator)
    pool = np.setdiff1d(train, taken)
    return Split(sizes, pool, held[0], held[1], np.sort(test) if len(test) else held[2])


def _balanced(rows: Rows, labels: Rows, per_class: int, generator: np.random.Generator) -> Rows:
    """Take ``per_class`` random rows of every class that occurs in ``rows``."""
    picked = [
        generator.choice(rows[labels[rows] == code], int(per_class), replace=False)
        for code in np.unique(labels[rows])
    ]
    return np.concatenate(picked) if picked else rows[:0]


def _deal(rows: Rows, labels: Rows, parts: int, most: int, generator: np.random.Generator) -> list[Rows]:
    """Deal rows into equal parts, each with the same number (``most`` at most) of every class."""
    counts = np.bincount(labels[rows], minlength=int(labels.max()) + 1)
    each = min(int(counts.min()) // parts, most)
    shuffled = _balanced(rows, labels, each * parts, generator)
    by_class = shuffled.reshape(-1, parts, each) if each else shuffled[:0].reshape(1, parts, 0)
    return [np.sort(by_class[:, part].ravel()) for part in range(parts)]


def draw(
    replicate: int,
    data: Split,
    labels: Rows,
    classes: tuple[str, ...],
    n_folds: int,
    dev_per_class: int,
    streams: Streams,
    confirm: bool = False,
) -> Draw:
    """Draw the training rows, folds and dev rows of one replicate.

    A class's rows are dealt out in blocks, so replicates share rows only once a class is used up.
    With natural imbalance every replicate has all rows and its own folds.

    Args:
        replicate: its number.
        data: the data set, split.
        labels: class codes of all rows (N,).
        classes: class names.
        n_folds: number of folds.
        dev_per_class: dev rows of each class at most.
        streams: random streams of the data set.
        confirm: a draw that no search has seen: blocks are dealt from the other end, and rows of
            ``confirm_dev`` score.

    Raises:
        SynaugError: a class has fewer rows in the draw than there are folds (exit 4).
    """
    check_folds(data.sizes, classes, n_folds)
    blocks = []
    for code, size in enumerate(data.sizes):
        mine = data.pool[labels[data.pool] == code]
        whole = len(mine) // int(size)
        turn, block = divmod(replicate, whole)
        if confirm:
            block = whole - 1 - block
        shuffled = streams.generator(Stream.DRAW, turn, code).permutation(mine)
        blocks.append(shuffled[block * size : (block + 1) * size])
    held, number = (data.confirm_dev, CONFIRM + replicate) if confirm else (data.search_dev, replicate)
    rows = np.sort(np.concatenate(blocks))
    fresh = min(dev_per_class, -(-(len(held) // len(classes)) // 2))
    dev = _balanced(held, labels, fresh, streams.generator(Stream.SPLIT, number, 1))
    return Draw(number, rows, _deal_folds(rows, labels, n_folds, number, streams), np.sort(dev))


def smaller(
    draw: Draw, sizes: Rows, labels: Rows, classes: tuple[str, ...], n_folds: int, streams: Streams
) -> Draw:
    """Take ``sizes`` rows of each class of a draw, scored on the same dev rows.

    Smaller sizes take some of the rows of larger ones, so that what differs between them is the number.

    Raises:
        SynaugError: a class is left with fewer rows than there are folds (exit 4).
    """
    check_folds(sizes, classes, n_folds)
    shuffled = streams.generator(Stream.SPLIT, draw.replicate, 2).permutation(draw.rows)
    kept = [shuffled[labels[shuffled] == code][:size] for code, size in enumerate(sizes)]
    rows = np.sort(np.concatenate(kept))
    return Draw(draw.replicate, rows, _deal_folds(rows, labels, n_folds, draw.replicate, streams), draw.dev)


def _deal_folds(rows: Rows, labels: Rows, n_folds: int, number: int, streams: Streams) -> Rows:
    """The fold that holds each row out (n,), stratified by class."""
    from sklearn.model_selection import StratifiedKFold

    folds = np.empty(len(rows), dtype=np.int64)
    state = streams.random_state(Stream.SPLIT, number)
    splitter = StratifiedKFold(n_folds, shuffle=True, random_state=state)
    for fold, (_, held) in enumerate(splitter.split(rows, labels[rows])):
        folds[held] = fold
    return folds
