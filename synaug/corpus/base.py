"""What a corpus is: texts, labels and the part each row belongs to."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ..errors import Exit, Problem, SynaugError
from ..knobs import Choice, Int, knob, knob_problems, knobs_of


class Part(IntEnum):
    """The part of a corpus that a row belongs to."""

    TRAIN = 0
    DEV = 1
    TEST = 2


@dataclass(frozen=True)
class DataOptions:
    """How a data set is read and what is let pass.

    Construction checks the values and raises SynaugError (exit 3) with all problems at once.

    Attributes:
        text_col: the column of the texts.
        label_col: the column of the labels.
        vector_col: a column of embeddings, lists of numbers; the column ``text`` may then be absent.
        vector_file: an npy file of embeddings beside the data instead, one row each in their order.
        encoding: the encoding of csv, tsv and jsonl files, by its Python name.
        classes: keep the rows of these classes only; None keeps all.
        rename: labels to call otherwise, before anything else; those that do not occur are ignored.
    """

    text_col: str = "text"
    label_col: str = "label"
    vector_col: str | None = None
    vector_file: str | None = None
    encoding: str = "utf-8"
    classes: tuple[str, ...] | None = None
    rename: Mapping[str, str] = field(default_factory=dict)
    drop_missing: bool = knob(False, Choice(True, False), "drop rows without a text or a label")
    allow_empty: bool = knob(False, Choice(True, False), "keep texts of nothing but white space")
    min_class_count: int = knob(2, Int(1), "fewest training rows that a class may have")

    def __post_init__(self) -> None:
        values = {k.name: getattr(self, k.name) for k in knobs_of(type(self))}
        problems = [
            Problem(f"data.{name}: {text}", code="D48") for name, text in knob_problems(type(self), values)
        ]
        if self.text_col == self.label_col:
            problems.append(
                Problem(
                    f"data.label_col: expected another column than text_col, got {self.label_col!r}",
                    fix="name the column of the labels",
                    code="D48",
                )
            )
        if self.vector_col is not None and self.vector_file is not None:
            problems.append(Problem("data.vector_file: expected none where there is a vector_col"))
        if self.vector_col in (self.text_col, self.label_col):
            text = f"expected another column than text_col and label_col, got {self.vector_col!r}"
            problems.append(Problem(f"data.vector_col: {text}"))
        if problems:
            raise SynaugError(problems, Exit.SPEC)

    def may_lack_text(self) -> bool:
        """Whether data without a column of texts are enough: they have vectors, and none was named."""
        return (self.vector_col or self.vector_file) is not None and self.text_col == "text"


@dataclass(frozen=True, eq=False)
class Table:
    """The rows of one file or split as they were read; None is a missing value.

    Attributes:
        part: the part that the rows belong to.
        where: the file or split, for messages.
        texts: the texts (n,), or none at all where the rows have vectors alone.
        labels: the labels as strings (n,).
        vectors: embeddings that came with the rows (n, d).
    """

    part: Part
    where: str
    texts: list[str | None]
    labels: list[str | None]
    vectors: npt.NDArray[np.float32] | None = None


@dataclass(frozen=True, eq=False)
class Corpus:
    """Checked texts with their labels.

    Attributes:
        name: a short name of small letters, digits, dots, hyphens and underscores.
        texts: all texts (n,): train, then dev, then test; without texts, what rows are known by instead.
        labels: codes into ``classes`` (n,), int64, read only.
        classes: names of the classes, sorted.
        part: the ``Part`` of each row (n,), int8, read only.
        source: where the rows came from, for people.
        warnings: what the checks found but let pass; texts are never quoted.
        vectors: embeddings that came with the data (n, d), read only.
        has_texts: False for rows that have vectors alone.
    """

    name: str
    texts: tuple[str, ...]
    labels: npt.NDArray[np.int64]
    classes: tuple[str, ...]
    part: npt.NDArray[np.int8]
    source: str
    warnings: tuple[str, ...]
    vectors: npt.NDArray[np.float32] | None = None
    has_texts: bool = True

    @cached_property
    def digest(self) -> str:
        """Sha256 over part, label and text of all rows in order, hexadecimal.

        The same rows have the same digest in any format and folder.
        """
        digest = hashlib.sha256()
        for part, code, text in zip(self.part.tolist(), self.labels.tolist(), self.texts, strict=True):
            for entry in (str(part), self.classes[code], text):
                raw = entry.encode()
                digest.update(len(raw).to_bytes(8, "little") + raw)
        return digest.hexdigest()

    def rows(self, *parts: Part) -> npt.NDArray[np.int64]:
        """Return the row numbers of these parts, ascending (m,)."""
        return np.flatnonzero(np.isin(self.part, parts))


def slug(text: str) -> str:
    """Make a name fit for files and tables: at most 63 characters, ``[a-z0-9][a-z0-9._-]*``."""
    name = re.sub(r"\.{2,}", ".", re.sub(r"[^a-z0-9._-]+", "-", text.lower())).lstrip("._-")
    return name[:63].rstrip("._-") or "data"


def as_text(value: object) -> str | None:
    """Return a cell of any format as a string; None for a missing value (None, NaN).

    Raises:
        TypeError: the value is not a string, a number or a truth value.
    """
    if value is None or value != value:
        return None
    if isinstance(value, str | int | float | bool):
        return str(value)
    raise TypeError(f"expected a string or a number, got {type(value).__name__}")


def listed(numbers: Sequence[int], shown: int = 5) -> str:
    """Write row numbers as ``rows 2, 5, 9``; of many the first ``shown`` and how many more."""
    more = f" and {len(numbers) - shown} more" if len(numbers) > shown else ""
    return f"row{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers[:shown]))}{more}"
