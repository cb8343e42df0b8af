"""Natural keys of many records at once: their types, one comparable text each, and its hash (COM-KEY-1, COM-KEY-2)."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from edfi_toolkit.model import KEY_COLUMNS
from edfi_toolkit.model.bodies import hex_digests
from edfi_toolkit.model.frames import DAY, NUMBER, TEXT, Schema, as_list, with_types

__all__ = [
    "KEY_COLUMNS",
    "KEY_SCHEMA",
    "SEPARATOR",
    "key_columns",
    "key_hashes",
    "key_rows",
    "key_texts",
    "keys_from_json",
    "typed_keys",
]

KEY_SCHEMA: Schema = {
    "begin_date": DAY,
    "education_organization_id": NUMBER,
    "program_education_organization_id": NUMBER,
    "program_name": TEXT,
    "program_type_descriptor": TEXT,
    "student_unique_id": TEXT,
}
SEPARATOR = "\x1f"
_TEXT = pa.large_string()
_AT_A_TIME = 50_000  # keys that are Python's at once: what their hashes need of memory


def typed_keys(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with typed KEY_COLUMNS; days may be texts, numbers of organizations texts or floats."""
    return with_types(frame, KEY_SCHEMA)


def keys_from_json(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with typed KEY_COLUMNS, which are as JSON has them.

    Raises ValueError for a part that is missing or of another type: it would pass for another key.
    """
    for column in KEY_COLUMNS:
        kinds = set(map(type, frame[column]))
        if not kinds <= ({int} if KEY_SCHEMA[column] == NUMBER else {str}) or (frame[column] == "").any():
            raise ValueError(f"{column} is missing or of another type")
    try:
        return typed_keys(frame)
    except (TypeError, OverflowError):
        raise ValueError("a day or number is out of range") from None


def key_texts(frame: pd.DataFrame) -> pd.Series:
    """One comparable text (str) per row (COM-KEY-2): descriptor URIs without case, the rest as written.

    frame: typed KEY_COLUMNS.
    """
    if frame.empty:
        return pd.Series([], frame.index, dtype=TEXT)
    days = pa.array(frame["begin_date"]).cast(pa.date32())
    columns = [
        _spelled(days),
        _spelled(frame["education_organization_id"]),
        _spelled(frame["program_education_organization_id"]),
        pa.array(frame["program_name"]),
        _spelled(frame["program_type_descriptor"], fold=True),
        pa.array(frame["student_unique_id"]),
    ]
    joined = pc.binary_join_element_wise(
        *(pc.fill_null(column, "") for column in columns), pa.scalar(SEPARATOR, _TEXT)
    )
    return pd.Series(joined, index=frame.index, dtype=TEXT)


def _spelled(values: pd.Series | pa.Array, *, fold: bool = False) -> pa.Array:
    """Values as texts, each distinct one worked out once; fold: without case."""
    encoded = pc.dictionary_encode(pa.array(values))
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    distinct = encoded.dictionary.cast(_TEXT)
    if fold:
        distinct = pa.array([spelling.casefold() for spelling in distinct.to_pylist()], _TEXT)
    return distinct.take(encoded.indices)


def key_hashes(frame: pd.DataFrame) -> pd.Series:
    """32 hex digits (str) per row that stand for its comparable key.

    frame: `key`, as of `key_texts`, or else typed KEY_COLUMNS.
    """
    texts = pa.array(frame["key"] if "key" in frame else key_texts(frame), _TEXT).cast(pa.large_binary())
    parts = (texts.slice(start, _AT_A_TIME).to_pylist() for start in range(0, len(texts), _AT_A_TIME))
    return pd.Series(hex_digests(parts), index=frame.index, dtype=TEXT)


def record_keys(frame: pd.DataFrame) -> list[tuple[str, str]]:
    """What names the record of each row: its resource and the hash of its key. frame: with key_hash, or KEY_COLUMNS."""
    if frame.empty:
        return []
    return list(
        zip(frame["resource"], frame["key_hash"] if "key_hash" in frame else key_hashes(frame), strict=True)
    )


def key_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """`key_columns` as a row each."""
    columns = key_columns(frame)
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def key_columns(frame: pd.DataFrame) -> dict[str, list[Any]]:
    """`resource`, `key_hash` and KEY_COLUMNS as a ledger keeps them: days as ISO texts.

    frame: `resource` and typed KEY_COLUMNS; its `key_hash` is used where it has one.
    """
    days = _spelled(pa.array(frame["begin_date"]).cast(pa.date32()))
    return {
        "resource": as_list(frame["resource"]),
        "key_hash": as_list(frame["key_hash"] if "key_hash" in frame else key_hashes(frame)),
        "begin_date": pc.fill_null(days, "").to_pylist(),
        **{name: as_list(frame[name]) for name in KEY_COLUMNS[1:]},
    }
