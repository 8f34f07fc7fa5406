"""Embeddings that come with the data: a column of numbers, or an ``.npy`` file beside them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import Exit, Problem, SynaugError
from .base import DataOptions, Table, listed

F32 = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.float64]

MISSING = -1  # stands for the length of a cell without a vector
FIX = "give every row one list of finite numbers, all of one length"


def of_cells(cells: Sequence[object], where: str) -> F32:
    """Stack lists of numbers (n, d).

    Args:
        cells: one list, tuple or array of numbers a row.
        where: file and column, for messages.

    Raises:
        SynaugError: exit 4, with the rows that hold something else.
    """
    rows: list[Numbers | None] = []
    odd: list[int] = []
    for number, cell in enumerate(cells, start=1):
        row = None if cell is None else _numbers(cell)
        rows.append(row)
        if row is None and cell is not None:
            odd.append(number)
    if odd:
        raise _refused(f"{len(odd)} cells are no list of numbers", where, odd)
    lengths = np.array([MISSING if row is None else len(row) for row in rows], dtype=np.int64)
    full = [row for row in rows if row is not None]
    return _stacked(np.concatenate(full) if full else np.empty(0), lengths, where)


def of_arrow(column: Any, where: str) -> F32:
    """Stack the lists of a column of an Arrow table (n, d), without making Python objects of them.

    Raises:
        SynaugError: exit 4, for another type, or with the rows that do not fit.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    lists = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    if not lists or not (pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type)):
        raise SynaugError(Problem(f"expected lists of numbers, got {kind}", where, FIX), Exit.DATA)
    lengths = pc.fill_null(pc.list_value_length(column), MISSING).to_numpy().astype(np.int64)
    chunks = [chunk.flatten().cast(pa.float64()).to_numpy(zero_copy_only=False) for chunk in column.chunks]
    return _stacked(np.concatenate(chunks) if chunks else np.empty(0), lengths, where)


def with_file(tables: Sequence[Table], folder: Path, options: DataOptions) -> list[Table]:
    """Give the tables the rows of ``options.vector_file``: those of train, then of dev, then of test.

    Args:
        tables: as they were read.
        folder: of the data, where the file lies.
        options: name the file.

    Raises:
        SynaugError: exit 4 for a file that is not there, of another shape or with other numbers than
            finite ones; exit 9 for one that holds Python objects or lies elsewhere.
    """
    if options.vector_file is None:
        return list(tables)
    X, where = _read_file(folder, options.vector_file)
    ordered = sorted(tables, key=lambda table: table.part)
    sizes = [len(table.labels) for table in ordered]
    if len(X) != sum(sizes):
        parts = " + ".join(f"{size} of {t.part.name.lower()}" for size, t in zip(sizes, ordered, strict=True))
        text = f"{len(X)} rows, but the data have {sum(sizes)} ({parts})"
        fix = "give one row of numbers for each row of the data, in their order"
        raise SynaugError(Problem(text, where, fix), Exit.DATA)
    pieces = np.split(X, np.cumsum(sizes)[:-1])
    return [replace(table, vectors=piece) for table, piece in zip(ordered, pieces, strict=True)]


def stand_in(vectors: F32) -> list[str | None]:
    """What rows without a text are known by: the digest of their numbers, so that equal rows are found."""
    rows = np.ascontiguousarray(vectors, dtype="<f4")
    return [hashlib.sha256(row.tobytes()).hexdigest() for row in rows]


def _numbers(cell: object) -> Numbers | None:
    if not isinstance(cell, list | tuple | np.ndarray):
        return None
    if isinstance(cell, list | tuple) and any(isinstance(value, str | bool) for value in cell):
        return None
    try:
        row: Numbers = np.asarray(cell, dtype=np.float64)
    except (ValueError, TypeError):
        return None
    return row if row.ndim == 1 else None


def _stacked(flat: Numbers, lengths: npt.NDArray[np.int64], where: str) -> F32:
    """Make rows of numbers that stand one after the other, or say which rows do not fit."""
    if missing := _rows(lengths == MISSING):
        raise _refused(f"missing vectors: {len(missing)}", where, missing)
    wanted = int(lengths[0]) if len(lengths) else 0
    if other := _rows(lengths != wanted):
        got = int(lengths[other[0] - 1])
        text = f"{len(other)} vectors of another length than row 1's {wanted} numbers, the first of {got}"
        raise _refused(text, where, other)
    if len(lengths) and not wanted:
        raise _refused("vectors without numbers", where, [1])
    return _finite(flat.reshape(len(lengths), wanted), where)


def _finite(X: npt.NDArray[Any], where: str) -> F32:
    with np.errstate(over="ignore"):
        rows: F32 = np.ascontiguousarray(X, dtype=np.float32)
    if odd := _rows(~np.isfinite(rows).all(axis=1)):
        raise _refused(f"vectors with numbers that are not finite (as float32): {len(odd)}", where, odd)
    return rows


def _rows(wrong: Any) -> list[int]:
    """Row numbers from 1."""
    return [int(row) + 1 for row in np.flatnonzero(wrong)]


def _read_file(folder: Path, name: str) -> tuple[F32, str]:
    path = folder / name
    where = str(path)
    if not path.resolve().is_relative_to(folder.resolve()):
        fix = "put the file beside the data"
        raise SynaugError(
            Problem("data.vector_file leads out of the data folder", where, fix), Exit.INTEGRITY
        )
    try:
        X = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        fix = "data.vector_file is a name beside the data"
        raise SynaugError(Problem("no such file", where, fix), Exit.DATA) from None
    except (OSError, ValueError, EOFError) as error:
        objects = "pickle" in str(error) or "Object arrays" in str(error)
        text = "holds Python objects, which can run code" if objects else f"not an npy file: {error}"
        exit = Exit.INTEGRITY if objects else Exit.DATA
        raise SynaugError(Problem(text, where, "save it by numpy.save, numbers alone"), exit) from error
    if not isinstance(X, np.ndarray) or X.ndim != 2 or X.dtype.kind not in "fiu" or not X.shape[1]:
        got = f"{X.dtype} of shape {X.shape}" if isinstance(X, np.ndarray) else "an archive"
        fix = "save it by numpy.save, one row of numbers a row of the data"
        raise SynaugError(Problem(f"expected rows of numbers (n, d), got {got}", where, fix), Exit.DATA)
    return _finite(X, where), where


def _refused(message: str, where: str, rows: Sequence[int]) -> SynaugError:
    return SynaugError(Problem(message, f"{where}, {listed(rows)}", FIX), Exit.DATA)
