"""Frames of records with one type a column, as files and other languages need them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd


def columnar(frame: pd.DataFrame) -> pd.DataFrame:
    """Give every column one type: whole numbers, numbers, truth values or text; missing stays missing.

    Columns of a configuration hold what the cells hold, and a knob of one arm is missing in another. Where
    a column mixes text with numbers, such as ``steps`` of "folds" and 45, all of it becomes text.
    """
    return frame.assign(**{str(name): _column(frame[name]) for name in frame.columns})


def _column(column: pd.Series) -> pd.Series:
    if column.dtype != object:
        return column
    present = column[column.notna()]
    kinds = {_kind(value) for value in present}
    if kinds == {"truth value"}:
        return present.astype("boolean").reindex(column.index)
    if kinds == {"whole number"}:
        return present.astype("Int64").reindex(column.index)
    if kinds and kinds <= {"whole number", "number"}:
        return column.astype("float64")
    return present.map(str).astype("str").reindex(column.index)


def _kind(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return "truth value"
    if isinstance(value, int | np.integer):
        return "whole number"
    return "number" if isinstance(value, float | np.floating) else "text"
