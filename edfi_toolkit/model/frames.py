"""Frames by schema: which columns a frame has, of which types, and their values as plain objects. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pandas.api.extensions import take

from edfi_toolkit.model.bodies import BodyDtype

# Column -> type: a name that pandas knows, or one of the two below.
Schema = Mapping[str, str]
LIST = "list"  # a list of texts in each row, empty where none is given; it may be given as an array or as JSON text
JSON = "json"  # what JSON can hold, None where none is given
_CELLS: Mapping[str, set[type]] = {LIST: {list}, JSON: {dict, list, type(None)}}

DAY = "datetime64[us]"
INSTANT = "datetime64[us, UTC]"
NUMBER = "Int64"
TEXT = "str"
BODY = BodyDtype.name


def typed(rows: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """The rows numbered from 0, with exactly the columns of the schema; one that is missing is made, without values."""
    rows = rows.reset_index(drop=True)
    columns = {
        name: rows[name] if name in rows else _without_values(kind, rows.index)
        for name, kind in schema.items()
    }
    return _framed(columns, schema, rows.index)


def _without_values(kind: str, index: pd.Index) -> pd.Series:
    """A column of this type where it may be made so, without a look at each of its values."""
    if kind not in (DAY, INSTANT, NUMBER, TEXT):
        return pd.Series(None, index, dtype="float64")
    missing = _missing(kind)
    cells = missing.take(np.zeros(len(index), dtype=int)) if len(index) else missing[:0].copy()
    return pd.Series(cells, index, copy=False)


@cache
def _missing(kind: str) -> Any:
    """An array of one missing cell: a small frame has more columns than rows, and making a dtype takes the longest."""
    return pd.Series([None], dtype=kind).array


def with_types(rows: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """The rows with the types of the schema; other columns stay as they are. Days and instants may be ISO texts."""
    if all(str(rows[name].dtype) == kind for name, kind in schema.items()):
        return rows.copy(deep=False)
    return _framed({name: rows[name] for name in rows}, schema, rows.index)


def _framed(columns: Mapping[str, pd.Series], schema: Schema, index: pd.Index) -> pd.DataFrame:
    """A frame of these columns, those of the schema with its types."""
    cells = {name: _as(values, schema.get(name, str(values.dtype))) for name, values in columns.items()}
    return pd.DataFrame(cells, index, copy=False)


def _as(values: pd.Series, kind: str) -> pd.Series:
    if str(values.dtype) == kind:
        return values
    if values.empty and kind in (DAY, INSTANT, NUMBER, TEXT):
        return _without_values(kind, values.index)
    if kind in _CELLS and values.dtype == object and set(map(type, values)) <= _CELLS[kind]:
        return values  # what is in the cells is never changed in place
    if kind == LIST:
        return pd.Series([_list(value) for value in values], index=values.index, dtype=object)
    if kind == JSON:
        cells = [cell if isinstance(cell, dict | list) else None for cell in values]
        return pd.Series(cells, index=values.index, dtype=object)
    if kind in (DAY, INSTANT):
        return pd.to_datetime(values, format="ISO8601", utc=kind == INSTANT).astype(kind)
    return pd.to_numeric(values).astype(NUMBER) if kind == NUMBER else values.astype(kind)


def _list(value: Any) -> list[str]:
    if isinstance(value, list):
        return value
    if isinstance(value, str):
        return list(orjson.loads(value)) if value.startswith("[") else [value] if value else []
    return list(map(str, value)) if isinstance(value, tuple | np.ndarray) else []


def values_at(values: pd.Series, positions: pd.Series) -> pd.Series:
    """The value at each position, missing where the position is -1: None among objects; with the positions' index."""
    at = positions.to_numpy()
    if values.dtype == object:
        return pd.Series(np.append(values.to_numpy(), [None])[at], index=positions.index, dtype=object)
    return pd.Series(take(values.array, at, allow_fill=True), index=positions.index)


def among(ids: pd.Series, others: pd.Series) -> pd.Series:
    """Where an id is one of the others. Arrow looks texts up as they are; `isin` would make an object of each."""
    asked, known = (pa.array(column.astype("str"), pa.large_string()) for column in (ids, others))
    found = pc.is_in(asked, value_set=known, skip_nulls=True)
    return pd.Series(found.to_numpy(zero_copy_only=False), index=ids.index)


def places(ids: pd.Series, others: pd.Series) -> pd.Series:
    """The position of each id among the others, which have each once; -1 where it is not there."""
    asked, known = (pa.array(column.astype("str"), pa.large_string()) for column in (ids, others))
    found = pc.index_in(asked, value_set=known, skip_nulls=True).fill_null(-1)
    return pd.Series(found.to_numpy(zero_copy_only=False), index=ids.index)


def as_list(values: pd.Series) -> list[Any]:
    """The values as plain Python objects, the missing ones as empty text."""
    return values.to_numpy(dtype=object, na_value="").tolist()


def shared_texts(values: pd.Series) -> list[str]:
    """The values of a column of texts, none of them missing; equal ones are one object, for columns of a few names."""
    codes, names = pd.factorize(values)
    return list(np.array(names, dtype=object)[codes])
