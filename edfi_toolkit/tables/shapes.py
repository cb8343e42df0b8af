"""What a table looked like when it was read: its rows by their keys, and which cells were filled (COM-GRD-1, -3).

A shape holds no cell but the keys, and is small. The ledger keeps the shapes of the last publish, so that the next plan
can say what the source has lost since.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from edfi_toolkit.model.frames import with_types
from edfi_toolkit.tables.schema import TABLES

SHAPES = {
    "table": "str",
    "files": "str",
    "ordered": "bool",
    "unread": "str",
    "names": "str",
    "layout": "object",
}
KEY, FILE = "key of the row", "file of the row"  # no column of a table has a blank in its name


@dataclass(frozen=True, eq=False)
class TableShape:
    """The shape of one table.

    files: where it was read from, for sentences. ordered: whether its rows keep their order from export to export.
    unread: headers that nothing reads. names: column -> its header, where they differ.
    rows: in the order of the source, unreadable ones too: KEY (missing where unreadable), FILE, and for each column
        that the source had, whether the cell was filled.
    """

    files: str
    ordered: bool
    unread: tuple[str, ...]
    names: Mapping[str, str]
    rows: pa.Table

    @property
    def columns(self) -> list[str]:
        """The canonical columns that the source had."""
        return [name for name in self.rows.column_names if name not in (KEY, FILE)]

    @property
    def keys(self) -> pa.Array:
        """The key of each row."""
        keys = self.rows[KEY].combine_chunks()
        return keys.combine_chunks() if isinstance(keys, pa.ChunkedArray) else keys

    def rows_not_in(self, other: TableShape | None) -> np.ndarray:
        """Which rows have a key that no row of another shape has, as one truth value a row."""
        theirs = other.keys if other else pa.array([], pa.string())
        missing = pc.and_(pc.is_valid(self.keys), pc.invert(pc.is_in(self.keys, theirs)))
        return missing.to_numpy(zero_copy_only=False)

    @cached_property
    def packed(self) -> bytes:
        """The rows as Parquet; each plan of a build asks for them."""
        sink = pa.BufferOutputStream()
        pq.write_table(self.rows, sink, compression="zstd", write_statistics=False)
        return sink.getvalue().to_pybytes()


def table_shape(
    keys: pd.Series,
    files: str | Sequence[str],
    filled: Mapping[str, np.ndarray],
    *,
    ordered: bool,
    unread: Sequence[str] = (),
    names: Mapping[str, str] = MappingProxyType({}),
) -> TableShape:
    """The shape of a table by the keys of its rows, their files (one for all, or each) and their filled cells."""
    numbers, distinct = pd.factorize(np.asarray([files] if isinstance(files, str) else files, dtype=object))
    columns = {
        KEY: pa.array(keys, pa.string(), from_pandas=True),
        FILE: pa.DictionaryArray.from_arrays(
            np.broadcast_to(numbers.astype("int32"), len(keys)), pa.array(distinct, pa.string())
        ),
        **{name: pa.array(cells) for name, cells in filled.items()},
    }
    return TableShape(", ".join(distinct), ordered, tuple(unread), names, pa.table(columns))


def has_lost(then: Mapping[str, TableShape], now: Mapping[str, TableShape]) -> bool:
    """Whether a table has lost rows, a column or values of one: only then a closer comparison can find a loss."""
    for table, shape in then.items():
        other = now.get(table)
        if other is None or shape.rows_not_in(other).any():
            return True
        for column in shape.columns:
            if column not in other.columns or _filled(shape, column) > _filled(other, column):
                return True
    return False


def _filled(shape: TableShape, column: str) -> int:
    return int(shape.rows[column].to_numpy().sum())


def shapes_frame(shapes: Mapping[str, TableShape]) -> pd.DataFrame:
    """SHAPES: one row for each table."""
    rows = [
        (table, shape.files, shape.ordered, *map(_json, (shape.unread, dict(shape.names))), shape.packed)
        for table, shape in shapes.items()
    ]
    return with_types(pd.DataFrame(rows, columns=list(SHAPES)), SHAPES)


def shapes_of(frame: pd.DataFrame) -> dict[str, TableShape]:
    """The shapes by table; the tables that this version does not know are left out."""
    return {
        row["table"]: TableShape(
            files=row["files"],
            ordered=row["ordered"],
            unread=tuple(orjson.loads(row["unread"])),
            names=orjson.loads(row["names"]),
            # `read_table` would look for a folder of files first
            rows=pq.ParquetFile(pa.BufferReader(row["layout"])).read(),
        )
        for row in frame.to_dict("records")
        if row["table"] in TABLES
    }


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
