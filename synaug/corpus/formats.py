"""The texts and labels of csv, tsv, jsonl and parquet bytes and of data frames."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import Exit, Problem, SynaugError, did_you_mean
from .base import DataOptions, as_text, listed
from .vectors import F32, of_arrow, of_cells

if TYPE_CHECKING:
    import pandas as pd


class Columns(NamedTuple):
    """The wanted columns; no texts where there is no column of them and none is needed."""

    texts: list[str | None]
    labels: list[str | None]
    vectors: F32 | None = None


class Names(NamedTuple):
    """What the wanted columns are called; None: there is none."""

    text: str | None
    label: str
    vector: str | None


def read_csv(data: bytes, where: str, options: DataOptions, separator: str = ",") -> Columns:
    """Read texts and labels of csv bytes; "NA", "null" and "None" are words like others."""
    name = "tsv" if separator == "\t" else "csv"
    with _long_fields():
        records = list(_records(_decode(data, where, options.encoding), where, name, separator))
    if not records:
        raise _refused(f"the {name} file has no header", where, "give a file with a header and rows")
    header, rows = records[0][1], records[1:]
    names = _names(header, where, options, _separator_hint(header, separator))
    if names.vector is not None:
        fix = "save the data as parquet or jsonl, or the vectors as an npy file for data.vector_file"
        raise _refused(f"{name} files hold no lists of numbers", f"{where}, column {names.vector!r}", fix)
    ragged = [line for line, row in rows if len(row) != len(header)]
    if ragged:
        raise _refused(
            f"{len(ragged)} rows have another number of fields than the header's {len(header)}",
            f"{where}, {listed(ragged).replace('row', 'line')}",
            f"put texts that hold {separator!r} or line breaks between double quotes",
            "D58",
        )
    label = header.index(names.label)
    text = None if names.text is None else header.index(names.text)
    texts: list[str | None] = [] if text is None else [row[text] for _, row in rows]
    return Columns(texts, [row[label] for _, row in rows])


def read_tsv(data: bytes, where: str, options: DataOptions) -> Columns:
    """Read texts and labels of csv bytes with tabs as separators."""
    return read_csv(data, where, options, "\t")


def read_jsonl(data: bytes, where: str, options: DataOptions) -> Columns:
    """Read texts and labels of one JSON object a line."""
    rows: list[dict[str, Any]] = []
    bad: list[tuple[int, str]] = []
    for line, raw in enumerate(_decode(data, where, options.encoding).split("\n"), start=1):
        if not raw.strip():
            continue
        try:
            row = json.loads(raw)
        except (ValueError, RecursionError) as error:
            bad.append((line, str(error).splitlines()[0]))
            continue
        if isinstance(row, dict):
            rows.append(row)
        else:
            bad.append((line, f"expected an object, got {type(row).__name__}"))
    if bad:
        lines = listed([line for line, _ in bad]).replace("row", "line")
        raise _refused(
            f"jsonl: {bad[0][1]}",
            f"{where}, {lines}",
            'write one JSON object a line, as {"text": …, "label": …}',
        )
    names = _names(list(dict.fromkeys(name for row in rows for name in row)), where, options)
    return _values(lambda column: [row.get(column) for row in rows], names, where)


def read_parquet(data: bytes, where: str, options: DataOptions) -> Columns:
    """Read texts and labels of parquet bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(io.BytesIO(data))
        names = _names(file.schema_arrow.names, where, options)
        table = file.read(columns=[name for name in names if name is not None])
    except (pa.ArrowException, OSError) as error:
        raise _refused(f"not a parquet file: {error}", where, "write the file again") from error
    found = _values(lambda column: table[column].to_pylist(), names._replace(vector=None), where)
    if names.vector is None:
        return found
    return found._replace(vectors=of_arrow(table[names.vector], f"{where}, column {names.vector!r}"))


def read_frame(frame: pd.DataFrame, options: DataOptions) -> Columns:
    """Take texts and labels from a data frame; None, NaN, NaT and NA are missing."""
    names = _names([str(name) for name in frame.columns], "data frame", options)

    def cells(name: str) -> Sequence[object]:
        column = frame[name]
        return list(column.astype(object).where(column.notna(), None))

    return _values(cells, names, "data frame")


def read_columns(columns: Mapping[str, Sequence[object]], where: str, options: DataOptions) -> Columns:
    """Take texts and labels from columns by name."""
    return _values(columns.__getitem__, _names(list(columns), where, options), where)


READERS: dict[str, Callable[[bytes, str, DataOptions], Columns]] = {
    ".csv": read_csv,
    ".tsv": read_tsv,
    ".parquet": read_parquet,
    ".jsonl": read_jsonl,
}


def _refused(message: str, where: str, fix: str, code: str = "D18") -> SynaugError:
    return SynaugError(Problem(message, where, fix, code), Exit.DATA)


def _values(cells: Callable[[str], Sequence[object]], names: Names, where: str) -> Columns:
    """Make strings of texts and labels, and rows of vectors; refuse other things in cells."""
    lists: list[list[str | None]] = []
    problems = []
    for name in (names.text, names.label):
        try:
            lists.append([] if name is None else [as_text(cell) for cell in cells(name)])
        except TypeError as error:
            problems.append(Problem(str(error), f"{where}, column {name!r}", "give one string a row", "D58"))
    if problems:
        raise SynaugError(problems, Exit.DATA)
    vector = names.vector
    X = None if vector is None else of_cells(cells(vector), f"{where}, column {vector!r}")
    return Columns(lists[0], lists[1], X)


def _names(found: Sequence[str], where: str, options: DataOptions, hint: str = "") -> Names:
    """Find the wanted columns, or say which are not there."""
    text = None if options.may_lack_text() and options.text_col not in found else options.text_col
    names = Names(text, options.label_col, options.vector_col)
    problems = []
    for option, column in zip(("text_col", "label_col", "vector_col"), names, strict=True):
        if column is None:
            continue
        count = found.count(column)
        if count == 0:
            message = f"no column {column!r}{did_you_mean(column, found)}"
            fix = f"set data.{option} to one of the columns: {', '.join(found) or 'none'}{hint}"
            problems.append(Problem(message, where, fix, "D02"))
        elif count > 1:
            message = f"{count} columns named {column!r}"
            problems.append(Problem(message, where, "give each its own name", "D58"))
    if problems:
        raise SynaugError(problems, Exit.DATA)
    return names


def _decode(data: bytes, where: str, encoding: str) -> str:
    try:
        codec = codecs.lookup(encoding).name
    except LookupError as error:
        raise _refused(
            f"unknown encoding {encoding!r}", where, "set data.encoding to utf-8 or latin-1", "D09"
        ) from error
    try:
        # A byte order mark is no part of the first column's name.
        return data.decode("utf-8-sig" if codec == "utf-8" else codec)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _refused(
            f"not {encoding}: byte 0x{data[error.start]:02x} at offset {error.start}",
            f"{where}, line {line}",
            f"looks like {_guess(data)}: set data.encoding to {_guess(data)}, or save the file as UTF-8",
            "D09",
        ) from error


def _guess(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return "cp1252" if re.search(rb"[\x80-\x9f]", data) else "latin-1"


@contextmanager
def _long_fields() -> Iterator[None]:
    """Let csv fields be of any length: the checks report long texts by row and size."""
    limit = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(limit)


def _records(text: str, where: str, name: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each record that is not a blank line, with the line it starts on."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    line = 1
    try:
        for record in reader:
            if record:
                yield line, record
            line = reader.line_num + 1
    except csv.Error as error:
        unclosed = str(error) == "unexpected end of data"
        raise _refused(
            f"{name}: {'a quote is opened and never closed' if unclosed else error}",
            f"{where}, line {line}",
            "close the quote, and write each quote inside a quoted text twice",
        ) from error


def _separator_hint(header: Sequence[str], separator: str) -> str:
    other = next((sign for sign in (";", "\t", ",") if sign != separator and sign in header[0]), None)
    if len(header) > 1 or other is None:
        return ""
    return f" (fields seem to be separated by {other!r}, expected {separator!r})"
