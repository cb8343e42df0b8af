"""Natural keys of many records at once: their types, one comparable text each, and its hash (COM-KEY-1, COM-KEY-2)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from edfi_toolkit.model import KEY_COLUMNS
from edfi_toolkit.model.bodies import hex_digests
from edfi_toolkit.model.frames import DAY, NUMBER, TEXT, Schema, as_list, with_types

__all__ = ["KEY_COLUMNS", "KEY_SCHEMA", "SEPARATOR", "key_hashes", "key_rows", "key_texts", "typed_keys"]

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


def typed_keys(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with typed KEY_COLUMNS; days may be texts, numbers of organizations texts or floats."""
    return with_types(frame, KEY_SCHEMA)


def key_texts(frame: pd.DataFrame) -> pd.Series:
    """One comparable text (str) per row (COM-KEY-2): descriptor URIs without case, the rest as written.

    frame: typed KEY_COLUMNS.
    """
    kinds, spellings = pd.factorize(frame["program_type_descriptor"])
    folded = np.array(
        [*(str(spelling).casefold() for spelling in spellings), ""], dtype=object
    )  # -1: there is none
    parts = {
        **{name: frame[name] for name in KEY_COLUMNS[1:]},
        "begin_date": np.datetime_as_string(frame["begin_date"].to_numpy("datetime64[D]")),
        "program_type_descriptor": folded[kinds],
    }
    texts = (pc.fill_null(_array(parts[name]).cast(_TEXT), "") for name in KEY_COLUMNS)
    joined = pc.binary_join_element_wise(*texts, pa.scalar(SEPARATOR, _TEXT))
    return pd.Series(joined, index=frame.index, dtype=TEXT)


def _array(values: Any) -> pa.Array:
    found = pa.array(values)
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


def key_hashes(frame: pd.DataFrame) -> pd.Series:
    """32 hex digits (str) per row that stand for its comparable key. frame: typed KEY_COLUMNS."""
    texts = pa.array(key_texts(frame), _TEXT).cast(pa.large_binary())
    return pd.Series(hex_digests(texts.to_pylist()), index=frame.index, dtype=TEXT)


def key_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """`resource`, `key_hash` and KEY_COLUMNS of each row, as a ledger keeps them: days as ISO texts.

    frame: `resource` and typed KEY_COLUMNS; its `key_hash` is used where it has one.
    """
    columns = [
        as_list(frame["resource"]),
        as_list(frame["key_hash"] if "key_hash" in frame else key_hashes(frame)),
        as_list(frame["begin_date"].dt.strftime("%Y-%m-%d")),
        *(as_list(frame[name]) for name in KEY_COLUMNS[1:]),
    ]
    names = ("resource", "key_hash", *KEY_COLUMNS)
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
