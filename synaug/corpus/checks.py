"""What must hold before texts are worth embedding; every problem is found in one go."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from ..errors import Exit, Problem, SynaugError, did_you_mean
from .base import Corpus, DataOptions, Part, Table, listed
from .vectors import F32, stand_in

LONGEST_TEXT = 100_000  # bytes: a longer cell is a broken file, encoders read far less


class Fault(StrEnum):
    """What can be wrong with a single row."""

    NO_LABEL = "missing labels"
    NO_TEXT = "missing texts"
    BLANK = "empty or blank texts"
    BROKEN = "texts that are not valid Unicode (half of a surrogate pair)"
    LONG = f"texts longer than {LONGEST_TEXT // 1000} kB"


REMEDY = {  # and the code
    Fault.NO_LABEL: ("fill them in, or set data.drop_missing", "D12"),
    Fault.NO_TEXT: ("fill them in, or set data.drop_missing", "D06"),
    Fault.BLANK: ("fill them in, set data.drop_missing, or set data.allow_empty to keep them", "D08"),
    Fault.BROKEN: ("write the file again as UTF-8", "D09"),
    Fault.LONG: (
        "shorten them, or split them into several rows; an unclosed quote can also be the cause",
        "D14",
    ),
}
DROPPABLE = (Fault.NO_LABEL, Fault.NO_TEXT, Fault.BLANK)


class Row(NamedTuple):
    """A usable row. Rows with equal keys (small letters, single spaces) have the same text."""

    part: Part
    number: int  # in its file, from 1
    text: str
    label: str
    key: str


@dataclass
class Findings:
    """Problems that stop and warnings that do not."""

    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def refuse(self, code: str, message: str, where: str, fix: str) -> None:
        """Note a problem."""
        self.problems.append(Problem(message, where, fix, code))

    def warn(self, code: str, message: str) -> None:
        """Note what is let pass."""
        self.warnings.append(f"{message} [{code}]")


def check(name: str, source: str, tables: Sequence[Table], options: DataOptions) -> Corpus:
    """Make a corpus of tables, or say everything that is wrong with them.

    Raises:
        SynaugError: exit 4, with all problems.
    """
    found = Findings()
    place = f"{source}, column {options.label_col!r}"
    has_texts = _all_have_texts(tables, options, found)
    if not has_texts:
        tables = [replace(t, texts=stand_in(t.vectors)) for t in tables if t.vectors is not None]
    _check_wanted(tables, place, options, found)
    rows = [row for table in tables for row in _usable(table, options, found)]
    rows.sort(key=lambda row: row.part)
    rows = _without_leaks(rows, found)
    rows = _without_repeats(rows, found)
    _note_conflicts(rows, found)
    _check_classes(rows, place, options, found)
    if found.problems:
        raise SynaugError(found.problems, Exit.DATA)
    classes = tuple(sorted({row.label for row in rows}))
    code = {label: i for i, label in enumerate(classes)}
    labels = np.array([code[row.label] for row in rows], dtype=np.int64)
    part = np.array([row.part for row in rows], dtype=np.int8)
    vectors = _vectors_of(rows, tables)
    for array in (labels, part):
        array.setflags(write=False)
    if vectors is not None:
        vectors.setflags(write=False)
    texts = tuple(row.text for row in rows)
    return Corpus(name, texts, labels, classes, part, source, tuple(found.warnings), vectors, has_texts)


def _all_have_texts(tables: Sequence[Table], options: DataOptions, found: Findings) -> bool:
    """Whether the rows have texts: all, or none where all have vectors of one length."""
    lengths = {t.where: t.vectors.shape[1] for t in tables if t.vectors is not None and len(t.vectors)}
    if len(set(lengths.values())) > 1:
        (first, one), *others = lengths.items()
        where, other = next(pair for pair in others if pair[1] != one)
        text = f"vectors of {other} numbers, those of {first} have {one}"
        found.refuse("D58", text, where, "give all one length")
    without = [table for table in tables if table.vectors is not None and not table.texts and table.labels]
    if without and len(without) < sum(bool(table.labels) for table in tables):
        for table in without:
            fix = "give all files one, or none of them"
            found.refuse("D02", f"no column {options.text_col!r}, which other files have", table.where, fix)
    if found.problems:
        raise SynaugError(found.problems, Exit.DATA)
    return not without


def _vectors_of(rows: Sequence[Row], tables: Sequence[Table]) -> F32 | None:
    """The vectors of the rows, where they came with any."""
    by_part = {table.part: table.vectors for table in tables if table.vectors is not None}
    if not by_part:
        return None
    return np.array([by_part[row.part][row.number - 1] for row in rows], dtype=np.float32)


def _check_wanted(tables: Sequence[Table], place: str, options: DataOptions, found: Findings) -> None:
    present = sorted({label for table in tables for label in table.labels if label})
    for label in options.classes or ():
        if label not in present:
            hint = did_you_mean(label, present)
            fix = f"set data.classes to some of: {_some(present)}"
            found.refuse("D55", f"class {label!r} is not in the data{hint}", place, fix)


def _some(names: Sequence[str], shown: int = 20) -> str:
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more


def _usable(table: Table, options: DataOptions, found: Findings) -> list[Row]:
    """Take the rows of the wanted classes that have a text and a label; report the faults of the rest."""
    if table.part != Part.TRAIN and table.labels and not any(table.labels):
        found.warn("D12", f"{table.where}: no row has a label: left out")
        return []
    faults: dict[Fault, list[int]] = defaultdict(list)
    rows = []
    for number, (text, label) in enumerate(zip(table.texts, table.labels, strict=True), start=1):
        name = options.rename.get(label, label) if label and label.strip() else None
        if name is not None and options.classes is not None and name not in options.classes:
            continue
        if name is None:
            faults[Fault.NO_LABEL].append(number)
        if (fault := _text_fault(text, options.allow_empty)) is not None:
            faults[fault].append(number)
        elif name is not None:
            assert text is not None
            rows.append(Row(table.part, number, text, name, " ".join(text.casefold().split())))
    for fault, numbers in faults.items():
        _report(fault, numbers, table, options, found)
    return rows


def _text_fault(text: str | None, allow_empty: bool) -> Fault | None:
    if text is None:
        return Fault.NO_TEXT
    if not text.strip():
        return None if allow_empty else Fault.BLANK
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        return Fault.BROKEN
    return Fault.LONG if len(text.encode()) > LONGEST_TEXT else None


def _report(fault: Fault, numbers: list[int], table: Table, options: DataOptions, found: Findings) -> None:
    if options.drop_missing and fault in DROPPABLE:
        found.warn(REMEDY[fault][1], f"{table.where}: {fault}: {len(numbers)} rows dropped")
        return
    column = options.label_col if fault is Fault.NO_LABEL else options.text_col
    size = ""
    if fault is Fault.LONG:
        longest = max(len((table.texts[number - 1] or "").encode()) for number in numbers)
        size = f", the longest of {longest / 1000:,.0f} kB"
    where = f"{table.where}, column {column!r}, {listed(numbers)}"
    fix, code = REMEDY[fault]
    found.refuse(code, f"{fault}: {len(numbers)}{size}", where, fix)


def _without_leaks(rows: list[Row], found: Findings) -> list[Row]:
    """Drop rows of train and dev whose text is in a later part: what is scored stays complete."""
    for part, later in ((Part.TRAIN, Part.DEV), (Part.TRAIN, Part.TEST), (Part.DEV, Part.TEST)):
        scored = {row.key for row in rows if row.part == later}
        leaks = [row for row in rows if row.part == part and row.key in scored]
        if leaks:
            here, there = part.name.lower(), later.name.lower()
            numbers = listed([row.number for row in leaks])
            text = f"{len(leaks)} texts of {here} are also in {there}: dropped from {here} ({numbers})"
            found.warn("D15", text)
            rows = [row for row in rows if row.part != part or row.key not in scored]
    return rows


def _without_repeats(rows: list[Row], found: Findings) -> list[Row]:
    """Keep the first of the training rows that have the same text and label."""
    seen: set[tuple[str, str]] = set()
    kept, repeats = [], []
    for row in rows:
        if row.part == Part.TRAIN and (row.key, row.label) in seen:
            repeats.append(row.number)
            continue
        if row.part == Part.TRAIN:
            seen.add((row.key, row.label))
        kept.append(row)
    if repeats:
        found.warn("D15", f"{len(repeats)} repeated rows of train dropped ({listed(repeats)})")
    return kept


def _note_conflicts(rows: list[Row], found: Findings) -> None:
    """Count texts that have several labels in one part; they are kept."""
    for part in Part:
        labels: dict[str, set[str]] = defaultdict(set)
        first: dict[str, int] = {}
        for row in rows:
            if row.part == part:
                labels[row.key].add(row.label)
                first.setdefault(row.key, row.number)
        numbers = [first[key] for key, names in labels.items() if len(names) > 1]
        if numbers:
            text = f"{len(numbers)} texts of {part.name.lower()} have more than one label"
            found.warn("D16", f"{text} ({listed(numbers, shown=3)})")


def _check_classes(rows: list[Row], place: str, options: DataOptions, found: Findings) -> None:
    counts = Counter(row.label for row in rows if row.part == Part.TRAIN)
    if not counts:
        if not found.problems:
            found.refuse("D18", "there are no training rows", place, "give a file with rows")
        return
    if len(counts) == 1:
        ((label, count),) = counts.items()
        text = f"train has one class only: {label!r} with {count} rows"
        found.refuse("D03", text, place, "add rows of a second class, or name the column of the classes")
    for label, count in sorted(counts.items()):
        if count < options.min_class_count:
            found.refuse(
                "D05",
                f"class {label!r} has {count} training row{'s' * (count > 1)}, expected at least "
                f"{options.min_class_count}",
                place,
                f"add rows, leave the class out with `data.classes`, or set data.min_class_count to {count}",
            )
    for part in (Part.DEV, Part.TEST):
        for label in sorted({row.label for row in rows if row.part == part} - set(counts)):
            found.refuse(
                "D59",
                f"class {label!r} is in {part.name.lower()} but not in train",
                place,
                f"add training rows, or leave its rows out of {part.name.lower()}",
            )
    _check_look_alikes({row.label for row in rows}, place, found)


def _check_look_alikes(labels: Collection[str], place: str, found: Findings) -> None:
    """Refuse labels that are one number in several spellings; warn of case and white space."""
    numbers, words = defaultdict(list), defaultdict(list)
    for label in sorted(labels):
        number = _number(label)
        if number is None:
            words[" ".join(label.casefold().split())].append(label)
        else:
            numbers[number].append(label)
    for alike in numbers.values():
        if len(alike) > 1:
            spelt = ", ".join(map(repr, alike))
            fix = "spell each class in one way, or rename some with data.rename"
            found.refuse("D11", f"labels {spelt} look like one number", place, fix)
    for alike in words.values():
        if len(alike) > 1:
            spelt = ", ".join(map(repr, alike))
            found.warn("D11", f"labels {spelt} differ in case or white space only")


def _number(label: str) -> float | None:
    try:
        number = float(label)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
