"""Turn the cells of one column into its type (COM-NRM-1 to COM-NRM-5).

Cells are converted by what they hold: a column of text in one go, a mixed column in one go per kind.
Distinct texts are converted once each, so a million dates cost as much as their few hundred different days.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

import numpy as np
import orjson
import pandas as pd

from edfi_toolkit.tables.schema import Column

TRUE = frozenset({"1", "true", "t", "y", "yes", "checked"})
FALSE = frozenset({"0", "false", "f", "n", "no", "unchecked"})
RULES = {
    "str": "COM-NRM-2",
    "int": "COM-NRM-2",
    "date": "COM-NRM-3",
    "bool": "COM-NRM-4",
    "enum": "COM-NRM-5",
    "json": "COM-NRM-4",  # the manual numbers no rule for JSON; like a boolean, it can be read or it cannot
}
_BAD = object()

# What a spreadsheet makes of an id: 123.0, or 9.00111E+11 when the number is long.
_FLOAT_TEXT = r"[+-]?\d+\.0+|[+-]?\d+(?:\.\d+)?[eE]\+\d+"
_INT_TEXT = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_ZONE = r"(?:Z|UTC|[+-]\d{2}(?::?\d{2})?)?"
_CLOCK = rf"(?:[T ]\s*\d{{1,2}}:\d{{2}}(?::\d{{2}}(?:[.,]\d+)?)?\s*(?:[AaPp][Mm])?\s*{_ZONE})?"
_ISO = re.compile(rf"(?P<y>\d{{4}})-(?P<m>\d{{2}})-(?P<d>\d{{2}}){_CLOCK}", re.ASCII)
_US = re.compile(rf"(?P<m>\d{{1,2}})/(?P<d>\d{{1,2}})/(?P<y>\d{{4}}|0{{1,2}}){_CLOCK}", re.ASCII)
_NO_DAY = date(1900, 1, 1)  # PowerSchool's blank


def convert(cells: pd.Series, column: Column) -> tuple[pd.Series, pd.Series]:
    """The cells in the column's type, and which of them cannot be read; those come out missing.

    Rows of a JSON column whose text is the same share one object. A default is not filled in here.
    """
    dtype: Any = "boolean" if column.type == "bool" else column.dtype
    bad = pd.Series(False, index=cells.index)
    found: list[pd.Series] = []
    for kind, part in _by_kind(cells):
        values, is_bad = _CONVERTERS[column.type](part, kind, column)
        found.append(values[~is_bad] if is_bad.any() else values)
        bad[part.index[is_bad]] = True
    if len(found) == 1 and len(found[0]) == len(cells):
        return found[0].astype(dtype), bad
    result = pd.Series([None], dtype=dtype).take(np.zeros(len(cells), dtype=int)).set_axis(cells.index)
    for values in found:
        result[values.index] = values.astype(dtype)
    return result, bad


def written(cell: Any) -> str:
    """A cell as a person would recognise it, for messages; long ones are cut."""
    text = cell if isinstance(cell, str) else str(cell)
    return text if len(text) <= 80 else f"{text[:77]}..."


def why(column: Column) -> str:
    """What is wrong with a cell that cannot be read, and how to fix it."""
    match column.type:
        case "str":
            return "is a decimal number, not an id. Export the column as text, so that 123.0 reads 123."
        case "int":
            return "is not a whole number. Write digits only, for example 255901."
        case "date":
            return "is not a date. Write it as yyyy-mm-dd, for example 2025-09-02."
        case "bool":
            return "is neither yes nor no. Write 1 or 0, true or false, yes or no."
        case "enum":
            return f"is not one of {', '.join(column.values)}. Correct the code."
        case _:
            return 'is not a JSON object. Write it as {"name": value}.'


def _by_kind(cells: pd.Series) -> Iterator[tuple[str, pd.Series]]:
    """The filled cells (COM-NRM-1), by what they hold: text, bool, int, float, moment, object, other."""
    filled, dtype = cells.dropna(), cells.dtype
    if isinstance(dtype, pd.CategoricalDtype | pd.ArrowDtype):
        filled, dtype = filled.astype(object), np.dtype(object)
    if filled.empty:
        return
    if isinstance(dtype, pd.StringDtype) or _all_text(filled):
        stripped = filled.astype("str").str.strip()
        empty = stripped.eq("")
        yield "text", stripped[~empty] if empty.any() else stripped
    elif not pd.api.types.is_object_dtype(dtype):
        yield _kind_of_dtype(dtype), filled
    else:
        kinds = filled.map(_kind_of_cell)
        if kinds.eq("decimal").any():
            filled = filled.map(_without_decimal)
            kinds = filled.map(_kind_of_cell)
        for kind in sorted(kinds.unique()):
            part = filled[kinds.eq(kind)]
            yield from _by_kind(part.astype("str")) if kind == "text" else [(kind, part)]


def _all_text(cells: pd.Series) -> bool:
    return cells.dtype == object and pd.api.types.infer_dtype(cells, skipna=False) == "string"


def _kind_of_dtype(dtype: Any) -> str:
    if pd.api.types.is_bool_dtype(dtype):
        return "bool"
    if pd.api.types.is_integer_dtype(dtype):
        return "int"
    if pd.api.types.is_float_dtype(dtype):
        return "float"
    return "moment" if pd.api.types.is_datetime64_any_dtype(dtype) else "other"


def _kind_of_cell(cell: Any) -> str:
    kind: type = type(cell)
    return _kind_of_type(kind)


@cache
def _kind_of_type(kind: type) -> str:
    for name, types in {
        "text": (str, UUID),
        "bool": (bool, np.bool_),
        "int": (int, np.integer),
        "float": (float, np.floating),
        "decimal": (Decimal,),
        "moment": (date, np.datetime64),
        "object": (Mapping,),
    }.items():
        if issubclass(kind, types):
            return name
    return "other"


def _without_decimal(cell: Any) -> Any:
    """A database's whole NUMERIC is an integer; one with a fraction, even of zeros, is a float."""
    if not isinstance(cell, Decimal):
        return cell
    return int(cell) if cell.is_finite() and int(cell.as_tuple().exponent) >= 0 else float(cell)


def _distinct(part: pd.Series, parse: Callable[[Any], Any], dtype: str) -> tuple[pd.Series, pd.Series]:
    """Each distinct cell parsed once; `parse` gives None for an empty cell, _BAD for an unreadable one."""
    codes, cells = pd.factorize(part)
    parsed = [parse(cell) for cell in cells]
    values = pd.Series([None if value is _BAD else value for value in parsed], dtype=dtype)
    is_bad = np.array([value is _BAD for value in parsed], dtype=bool)
    return values.take(codes).set_axis(part.index), pd.Series(is_bad[codes], index=part.index)


def _all(part: pd.Series, *, bad: bool) -> pd.Series:
    return pd.Series(bad, index=part.index)


def _to_str(part: pd.Series, kind: str, column: Column) -> tuple[pd.Series, pd.Series]:
    if kind == "text":
        is_bad = part.str.fullmatch(_FLOAT_TEXT) if column.is_id else _all(part, bad=False)
        return part.str.upper() if column.upper else part, is_bad
    readable = kind in ({"int"} if column.is_id else {"int", "float", "bool", "moment"})
    return part.map(str).astype("str"), _all(part, bad=not readable)


def _to_int(part: pd.Series, kind: str, column: Column) -> tuple[pd.Series, pd.Series]:
    match kind:
        case "text":
            return _distinct(part, lambda text: int(text) if _INT_TEXT.fullmatch(text) else _BAD, "Int64")
        case "int" if part.dtype != object:
            return part, _all(part, bad=False)
        case "int" | "float":  # a float column is how pandas keeps whole numbers next to gaps
            return _distinct(part, _whole, "Int64")
        case _:
            return part, _all(part, bad=True)


def _whole(number: Any) -> Any:
    return int(number) if number == number // 1 and abs(number) < 10**18 else _BAD


def _to_date(part: pd.Series, kind: str, column: Column) -> tuple[pd.Series, pd.Series]:
    match kind:
        case "text":
            return _distinct(part, _day, "datetime64[us]")
        case "moment" if part.dtype != object:
            wall = part.dt.tz_localize(None) if part.dt.tz is not None else part
            days = wall.dt.normalize().astype("datetime64[us]")
            return days.mask(days.eq(pd.Timestamp(_NO_DAY))), _all(part, bad=False)
        case "moment":
            return _distinct(part, lambda moment: _day(str(moment)), "datetime64[us]")
        case _:
            return part, _all(part, bad=True)


def _day(text: str) -> Any:
    """The calendar date as it is written; the time and its zone never move it (COM-NRM-3)."""
    found = _ISO.fullmatch(text) or _US.fullmatch(text)
    if not found:
        return _BAD
    year, month, day = int(found["y"]), int(found["m"]), int(found["d"])
    if year == month == day == 0:
        return None
    try:
        written_day = date(year, month, day)
    except ValueError:
        return _BAD
    return None if written_day == _NO_DAY else written_day


def _to_bool(part: pd.Series, kind: str, column: Column) -> tuple[pd.Series, pd.Series]:
    match kind:
        case "bool":
            return part, _all(part, bad=False)
        case "text" | "int" | "float":
            return _distinct(part, _truth, "boolean")
        case _:
            return part, _all(part, bad=True)


def _truth(cell: Any) -> Any:
    word = cell.lower() if isinstance(cell, str) else {0: "0", 1: "1"}.get(cell, "")
    return word in TRUE if word in TRUE | FALSE else _BAD


def _to_enum(part: pd.Series, kind: str, column: Column) -> tuple[pd.Series, pd.Series]:
    if kind != "text":
        return part, _all(part, bad=True)
    spellings = {value.upper(): value for value in column.values}
    return _distinct(part, lambda text: spellings.get(text.upper(), _BAD), "str")


def _to_json(part: pd.Series, kind: str, column: Column) -> tuple[pd.Series, pd.Series]:
    match kind:
        case "object":
            return part, _all(part, bad=False)
        case "text":
            return _distinct(part, _json_object, "object")
        case _:
            return part, _all(part, bad=True)


def _json_object(text: str) -> Any:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return _BAD
    return value if isinstance(value, dict) or value is None else _BAD


_CONVERTERS: dict[str, Callable[[pd.Series, str, Column], tuple[pd.Series, pd.Series]]] = {
    "str": _to_str,
    "int": _to_int,
    "date": _to_date,
    "bool": _to_bool,
    "enum": _to_enum,
    "json": _to_json,
}
