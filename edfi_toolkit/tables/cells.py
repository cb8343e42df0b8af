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

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.model.years import read_school_year
from edfi_toolkit.tables.disguises import EDGES, NOTHING, is_disguised
from edfi_toolkit.tables.schema import Column

TRUE = frozenset({"1", "true", "t", "y", "yes", "checked", "on", "enabled"})
FALSE = frozenset({"0", "false", "f", "n", "no", "unchecked", "off", "disabled"})
_BAD = object()
_TEXT = pd.StringDtype(na_value=np.nan)  # "str", without looking the name up for each column

_LARGEST = 10**18
_YEAR_DIGITS = 4
_DIGITS = 100  # no id and no number has as many
_EXACT = 2**53  # from here on a float has lost digits of a whole number
_INT_TEXT = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_ZONE = r"(?:Z|UTC|[+-]\d{2}(?::?\d{2})?)?"
_CLOCK = rf"(?:[T ]\s*\d{{1,2}}:\d{{2}}(?::\d{{2}}(?:[.,]\d+)?)?\s*(?:[AaPp][Mm])?\s*{_ZONE})?"
_ISO = re.compile(rf"(?P<y>\d{{4}})-(?P<m>\d{{2}})-(?P<d>\d{{2}}){_CLOCK}", re.ASCII)
_US = re.compile(rf"(?P<m>\d{{1,2}})/(?P<d>\d{{1,2}})/(?P<y>\d{{4}}|0{{1,2}}){_CLOCK}", re.ASCII)
_NO_DAY = date(1900, 1, 1)  # PowerSchool's blank
_JSON_OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS


def convert(cells: pd.Series, column: Column) -> tuple[pd.Series, pd.Series]:
    """The cells in the column's type, and which of them cannot be read; those come out missing.

    Rows of a JSON column whose text is the same share one object. A default is not filled in here.
    """
    dtype: Any = "boolean" if column.type == "bool" else column.dtype
    bad = pd.Series(False, index=cells.index)
    found: list[pd.Series] = []
    for kind, part in _by_kind(cells):
        values, is_bad = _CONVERTERS[column.type](part, kind, column)
        some = is_bad.any()
        if not is_bad.all():  # a part without a readable cell may be of a type that no column takes
            found.append(values[~is_bad] if some else values)
        if some:
            bad[part.index[is_bad]] = True
    if len(found) == 1 and len(found[0]) == len(cells):
        return found[0] if found[0].dtype == dtype else found[0].astype(dtype), bad
    result = pd.Series([None], dtype=dtype).take(np.zeros(len(cells), dtype=int)).set_axis(cells.index)
    for values in found:
        result[values.index] = values.astype(dtype)
    return result, bad


def written(cell: Any) -> str:
    """A cell as a person would recognise it, for messages; long ones are cut."""
    text = cell if isinstance(cell, str) else str(cell)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _by_kind(cells: pd.Series) -> Iterator[tuple[str, pd.Series]]:
    """The filled cells (COM-NRM-1), by what they hold: text, bool, int, float, moment, object, other."""
    filled, dtype = cells.dropna(), cells.dtype
    if isinstance(dtype, pd.CategoricalDtype | pd.ArrowDtype):
        filled, dtype = filled.astype(object), np.dtype(object)
    if filled.empty:
        return
    if isinstance(dtype, pd.StringDtype) or _all_text(filled):
        stripped = filled.astype(_TEXT).str.strip(EDGES)
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
    whole = cell.is_finite() and int(cell.as_tuple().exponent) >= 0 and cell.adjusted() < _DIGITS
    return int(cell) if whole else float(cell)


def _distinct(part: pd.Series, parse: Callable[[Any], Any], dtype: str) -> tuple[pd.Series, pd.Series]:
    """Each distinct cell parsed once; `parse` gives None for an empty cell, _BAD for an unreadable one."""
    codes, cells = pd.factorize(part)
    parsed = [parse(cell) for cell in cells]
    values = pd.Series([None if value is _BAD else value for value in parsed], dtype=dtype)
    is_bad = np.array([value is _BAD for value in parsed], dtype=bool)
    return pd.Series(values.array.take(codes), part.index), pd.Series(is_bad[codes], index=part.index)


def _all(part: pd.Series, *, bad: bool) -> pd.Series:
    return pd.Series(bad, index=part.index)


def _to_str(part: pd.Series, kind: str, column: Column) -> tuple[pd.Series, pd.Series]:
    if column.upper:
        return _to_code(part, kind, column)
    if kind == "text":
        if column.is_id:
            return part, is_disguised(part)
        # What a row cannot do without is not a word for nothing either: it would move or remove what was published.
        nothing = part.str.fullmatch(f"(?i:{NOTHING})") if column.required else False
        return part, part.str.contains("\0", regex=False) | nothing
    readable = kind in ({"int"} if column.is_id else {"int", "float", "bool", "moment"})
    return part.map(str).astype("str"), _all(part, bad=not readable)


def _to_code(part: pd.Series, kind: str, column: Column) -> tuple[pd.Series, pd.Series]:
    if kind not in ("text", "int"):
        return part.map(str).astype("str"), _all(part, bad=True)
    codes = code_of(part.astype("str")).str.upper()
    is_bad = codes.eq("") | codes.str.contains("\0", regex=False)
    if column.none:
        nothing = codes.str.fullmatch(f"(?i:{NOTHING})") | codes.isin(["0", "NO"])
        is_bad |= nothing & codes.ne(column.none)
    return codes, is_bad


def code_of(codes: pd.Series) -> pd.Series:
    """The code of a label as a SIS shows it, `CESA: Cooperative ...`; others, and URIs, as they are (COM-NRM-5)."""
    labels = codes.str.contains(":", regex=False) & ~codes.str.contains("://", regex=False)
    if not labels.any():
        return codes
    return codes.mask(labels, codes[labels].str.partition(":")[0].str.strip(EDGES))


def _to_int(part: pd.Series, kind: str, column: Column) -> tuple[pd.Series, pd.Series]:
    match kind:
        case "text":
            return _distinct(part, lambda text: int(text) if _INT_TEXT.fullmatch(text) else _BAD, "Int64")
        case "int" if part.dtype != object:
            return part, (part >= _LARGEST) | (part <= -_LARGEST)
        case "int" | "float":  # a float column is how pandas keeps whole numbers next to gaps
            return _distinct(part, _whole, "Int64")
        case _:
            return part, _all(part, bad=True)


def _whole(number: Any) -> Any:
    largest = _EXACT if isinstance(number, float | np.floating) else _LARGEST
    return int(number) if number == number // 1 and abs(number) < largest else _BAD


def _to_year(part: pd.Series, kind: str, column: Column) -> tuple[pd.Series, pd.Series]:
    match kind:
        case "text" | "int" | "float":
            return _distinct(part, _year, "Int64")
        case _:
            return part, _all(part, bad=True)


def _year(cell: Any) -> Any:
    """The year a school year ends in. Two digits alone, as a person may mean 2026, may also be what is left of it."""
    number = cell if isinstance(cell, str) else _whole(cell)
    if number is _BAD or len(str(number)) < _YEAR_DIGITS:
        return _BAD
    try:
        return read_school_year(str(number))
    except ConfigError:
        return _BAD


def _to_date(part: pd.Series, kind: str, column: Column) -> tuple[pd.Series, pd.Series]:
    match kind:
        case "text":
            return _distinct(part, _day, "datetime64[us]")
        case "moment" if part.dtype != object:
            wall = part.dt.tz_localize(None) if part.dt.tz is not None else part
            is_bad = (wall.dt.year < _NO_DAY.year) | (wall.dt.year > date.max.year)
            days = wall.mask(is_bad).dt.normalize().astype("datetime64[us]")
            return days.mask(days.eq(pd.Timestamp(_NO_DAY))), is_bad
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
    if (
        written_day < _NO_DAY
    ):  # 0025 is a year of two digits, 1899-12-30 and 1753-01-01 are blanks of databases
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
    letters = _letters if column.loose else str.upper
    spellings = {letters(value): value for value in column.values}
    return _distinct(code_of(part), lambda text: spellings.get(letters(text), _BAD), "str")


def _letters(text: str) -> str:
    """A code without what does not matter in it: `Choice + Private Opt In` is `choice_private_opt_in`."""
    return "".join(word for word in re.split(r"[\s_+-]+", text.lower()) if word != "and")


def _to_json(part: pd.Series, kind: str, column: Column) -> tuple[pd.Series, pd.Series]:
    match kind:
        case "object":
            return _distinct(part.map(_json_text), _json_object, "object")
        case "text":
            return _distinct(part, _json_object, "object")
        case _:
            return part, _all(part, bad=True)


def _json_text(value: Any) -> str:
    """A nested value as JSON, as pandas, pyarrow and drivers hand it over; empty when it is none (COM-NRM-6)."""
    try:
        return orjson.dumps(value, default=_json_member, option=_JSON_OPTIONS).decode()
    except orjson.JSONEncodeError:
        return ""


def _json_member(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, np.ndarray | tuple | set):
        return list(value)
    if isinstance(value, Decimal) and value.is_finite():
        return _without_decimal(value)
    raise TypeError  # bytes and other objects: the cell is unreadable


def _json_object(text: str) -> Any:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return _BAD
    return value if isinstance(value, dict) or value is None else _BAD


_CONVERTERS: dict[str, Callable[[pd.Series, str, Column], tuple[pd.Series, pd.Series]]] = {
    "str": _to_str,
    "int": _to_int,
    "year": _to_year,
    "date": _to_date,
    "bool": _to_bool,
    "enum": _to_enum,
    "json": _to_json,
}
