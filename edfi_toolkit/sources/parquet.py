"""Read a Parquet file: whole numbers stay whole next to gaps, nested values become Python's own (COM-NRM-6)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from edfi_toolkit.errors import SourceShapeError
from edfi_toolkit.settings.limits import ReadingLimits
from edfi_toolkit.sources.faults import check_bytes, check_columns, check_size, own_words, shown
from edfi_toolkit.tables import Sheet

_INDEX = re.compile(r"__index_level_\d+__")  # what pandas stores of an index without a name
_BATCH = 65_536
# A float cannot hold gaps and all whole numbers, so pandas keeps these as they are.
_WHOLE = {
    pa.int8(): pd.Int8Dtype(),
    pa.int16(): pd.Int16Dtype(),
    pa.int32(): pd.Int32Dtype(),
    pa.int64(): pd.Int64Dtype(),
    pa.uint8(): pd.UInt8Dtype(),
    pa.uint16(): pd.UInt16Dtype(),
    pa.uint32(): pd.UInt32Dtype(),
    pa.uint64(): pd.UInt64Dtype(),
}


def read_parquet(path: Path, limits: ReadingLimits) -> Sheet:
    """All columns of a file. Raises SourceUnavailable when it cannot be read, SourceShapeError when it is too large."""
    name = shown(path)
    with (
        own_words(name, "is not a Parquet file that can be read", "Write it again."),
        path.open("rb") as source,
    ):
        schema = pq.read_schema(source)
        texts = [field.name for field in schema if _is_text(field.type)]
        source.seek(0)
        # As dictionaries, so that a text that is repeated a million times is held once until its size is known.
        file = pq.ParquetFile(source, read_dictionary=texts)
        rows = file.metadata.num_rows
        check_columns(name, len(schema))
        check_size(name, rows=rows, cells=rows * len(schema), limits=limits)
        unpacked, batches = 0, []
        for batch in file.iter_batches(_BATCH):
            unpacked += sum(map(_size, batch.columns))
            check_bytes(name, unpacked, limits.max_unpacked_mb, "max_unpacked_mb")
            batches.append(batch)
        table = pa.Table.from_batches(batches, file.schema_arrow if not batches else batches[0].schema)
        kept = [at for at, label in enumerate(table.column_names) if not _INDEX.fullmatch(label)]
        columns = {at: _cells(table.column(at), f"{name}, column {table.column_names[at]}") for at in kept}
    frame = pd.DataFrame(columns, index=range(table.num_rows))
    frame.columns = pd.Index([table.column_names[at] for at in kept], dtype=object)
    return Sheet(frame=frame, file=name, rows=np.arange(len(frame)) + 1)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _size(cells: pa.Array) -> int:
    """The bytes of a column once each cell has its own."""
    if not pa.types.is_dictionary(cells.type) or not _is_text(cells.type.value_type):
        return int(cells.nbytes)
    lengths = pc.binary_length(cells.dictionary).cast(pa.int64())
    return int(pc.sum(lengths.take(cells.indices)).as_py() or 0) + 8 * len(cells)


def _cells(column: pa.ChunkedArray, where: str) -> pd.Series:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if _is_text(column.type):
        try:
            column.validate(full=True)  # else the first to look at a broken text would fail, far from here
        except pa.ArrowInvalid:
            raise SourceShapeError(
                f"{where}: it holds text that is not UTF-8. Write it again as UTF-8."
            ) from None
    if pa.types.is_nested(column.type):
        values: list[Any] = column.to_pylist(maps_as_pydicts="lossy")
        return pd.Series(values, dtype=object)
    return column.to_pandas(types_mapper=_WHOLE.get, date_as_object=False)
