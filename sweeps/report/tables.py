"""Tables as a page, LaTeX and CSV show them: one rule for rounding, one for what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..answers.sentences import level_text
from .model import Column, Table

LATEX = {letter: f"\\{letter}" for letter in "&%$#_{}"} | {
    "~": r"\textasciitilde ", "^": r"\textasciicircum ", "\\": r"\textbackslash ",
}  # fmt: skip
MISSING = "–"


@dataclass(frozen=True)
class Cell:
    """A cell: its text, the text of its interval, and the number that it is sorted by."""

    text: str
    ends: str = ""
    number: float | None = None


def cell(row: Mapping[Any, Any], column: Column) -> Cell:
    """What a column shows of a row."""
    value = row.get(column.name)
    if value is None or (not isinstance(value, str) and pd.isna(value)):
        return Cell(MISSING)
    if isinstance(value, str):
        return Cell(value)
    text = _number(value, column)
    low, high = (row.get(name) for name in column.ends) if column.ends else (None, None)
    ends = "" if low is None or high is None or pd.isna(low) or pd.isna(high) else (
        f"[{_number(low, column)}, {_number(high, column)}]"
    )  # fmt: skip
    return Cell(text, ends, float(value))


def _number(value: Any, column: Column) -> str:
    if column.decimals is None:
        return level_text(value)
    rounded = round(value, column.decimals) + 0.0  # no minus before a zero
    return f"{rounded:{'+' if column.signed else ''}.{column.decimals}f}"


def numeric(table: Table) -> list[bool]:
    """Which columns hold numbers, to be set to the right."""
    kinds = [table.frame[column.name].dtype.kind for column in table.columns]
    return [c.decimals is not None or kind in "iuf" for c, kind in zip(table.columns, kinds, strict=True)]


def rows(table: Table) -> list[list[Cell]]:
    """All rows of a table."""
    records = table.frame.astype(object).to_dict("records")
    return [[cell(row, column) for column in table.columns] for row in records]


def latex(table: Table) -> str:
    """The table with booktabs' rules, everything that LaTeX would read as a command escaped."""
    body = [[f"{c.text} {c.ends}".strip().replace(MISSING, "--") for c in row] for row in rows(table)]
    frame = pd.DataFrame(body, columns=[column.label for column in table.columns])
    return str(
        frame.to_latex(
            index=False,
            escape=True,
            column_format="".join("r" if is_number else "l" for is_number in numeric(table)),
            caption=_escaped(table.caption),
            label=f"tab:{table.name}",
            position="tb",
        )
    )


def _escaped(text: str) -> str:
    """Text as LaTeX takes it; pandas escapes cells, not captions."""
    return "".join(LATEX.get(letter, letter) for letter in text)


def csv(table: Table) -> str:
    """The table's frame, numbers unrounded."""
    plain = table.frame.drop(columns=[c for c in ("difference", "text") if c in table.frame])
    return str(plain.to_csv(index=False))
