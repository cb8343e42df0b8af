"""What is wrong with a cell that could not be read, and how to fix it.

A sentence never holds the cell itself, and quotes nothing: what it quotes is hidden with the cell.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from edfi_toolkit.tables.disguises import EDGES, disguise, is_nothing
from edfi_toolkit.tables.schema import Column

_RULES = {
    "str": "COM-NRM-2",
    "int": "COM-NRM-2",
    "year": "COM-NRM-2",
    "date": "COM-NRM-3",
    "bool": "COM-NRM-4",
    "enum": "COM-NRM-5",
    "json": "COM-NRM-4",  # the manual numbers no rule for JSON; like a boolean, it can be read or it cannot
}
_NOTHING = "is a word for nothing. Export an empty cell as empty."
_TWO_DIGITS = re.compile(r"(?:0{2}\d{2}|\d{1,2})[-/.]\d{1,2}[-/.](?:0{2})?\d{1,2}\b.*", re.ASCII | re.DOTALL)
_EARLY = re.compile(r"0[1-9]\d\d-.*|1[0-8]\d\d-.*|\d+[-/]\d+[-/]1[0-8]\d\d\b.*", re.ASCII | re.DOTALL)
_ISO = re.compile(r"\d{4}-\d{1,2}-\d{1,2}", re.ASCII)
_SERIAL = re.compile(r"\d{5}(?:\.\d+)?", re.ASCII)  # 32874 is 1990-01-01, 54789 is 2050-01-01


_LOST = re.compile(r".* \((not in|has no (\w+) in) (\w+)\)", re.DOTALL)


def lost_reference(keys: pd.Series, table: str, without: str | None = None) -> pd.Series:
    """Cells in place of what could not be looked up: no type reads them, and `why` says what is wrong.

    without: the column of the other table that is empty; None where the row itself is not there.
    """
    return keys + (f" (has no {without} in {table})" if without else f" (not in {table})")


def rule_of(column: Column) -> str:
    """The rule that an unreadable cell of the column breaks."""
    return "COM-NRM-5" if column.upper else _RULES[column.type]


def why(cell: Any, column: Column) -> str:
    """The end of the sentence "column x: the cell ..."."""
    text = cell.strip(EDGES) if isinstance(cell, str) else None
    if text is not None and (lost := _LOST.fullmatch(text)):
        _, without, table = lost.groups()
        if without:
            return f"names a row of {table} that has no {without}. Fill it in there, or correct the cell."
        return f"names a row that {table} does not have. Correct it, or export that row of {table} too."
    if column.type == "str" and not column.upper:
        return _why_text(cell, text, column)
    if column.type == "date":
        return _why_date(cell, text)
    if column.none:
        return f"is no provider's code. Write {column.none} where there is none, or the code."
    if text is not None and is_nothing(text):
        return _NOTHING
    match column.type:
        case "int":
            return "is not a whole number. Write digits only, for example 255901."
        case "year":
            return "is no school year. Write the year it ends in, for example 2026."
        case "bool":
            return "is neither yes nor no. Write 1 or 0, true or false, yes or no."
        case "enum":
            return f"is not one of {', '.join(column.values)}. Correct the code."
        case "json":
            return "is not a JSON object. Write names and texts in double quotes, all of it in braces."
        case _:
            return "is not a code. Export the column as text."


def _why_text(cell: Any, text: str | None, column: Column) -> str:
    if text is not None:
        if column.is_id and (says := disguise(text)):
            return says
        if column.required and is_nothing(text):
            return _NOTHING
        return "holds a NUL character. Remove it in the SIS or in the export."
    if column.is_id and isinstance(cell, float | np.floating | Decimal):
        return str(disguise("1.0"))
    if isinstance(cell, bytes | bytearray | memoryview):
        return "is binary. Export the column as text: in SQL, CAST it to VARCHAR."
    if isinstance(cell, date | np.datetime64):
        return "is a date, and no id. Export the column as text."
    return "is neither text nor a whole number. Export the column as text."


def _why_date(cell: Any, text: str | None) -> str:
    number = isinstance(cell, int | float | np.number) and not isinstance(cell, bool)
    written = str(cell) if text is None else text
    if text is not None and is_nothing(text):
        return _NOTHING
    if number or _SERIAL.fullmatch(written):
        return "is the number by which a spreadsheet keeps a day. Format the column as a date, or export yyyy-mm-dd."
    if _TWO_DIGITS.fullmatch(written):
        return "has a year of two digits. Export dates with four: yyyy-mm-dd or m/d/yyyy."
    if _EARLY.fullmatch(written):
        return "is a day before 1900. Leave the cell empty if it was meant to be, or correct it."
    if _ISO.fullmatch(written):
        return "is not a day of the calendar. Write the day that is meant, for example 2025-09-02."
    return "is not a date. Write it as yyyy-mm-dd, for example 2025-09-02."


def reasons(cells: pd.Series, column: Column) -> list[str]:
    """The sentence for each cell of a column that could not be read."""
    return [why(cell, column) for cell in cells.tolist()]
