"""The Parquet file of a copy: its columns, whose it is and how far it goes, read and written in parts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from edfi_toolkit.ods.read import ODS_COLUMNS
from edfi_toolkit.storage import json_column, private_draft

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow import parquet

GROUP_ROWS = 10_000
VERSION = b"edfi.version"
Marks = dict[bytes, bytes]


class Draft:
    """A Parquet file that is being written, a group of rows at a time."""

    def __init__(self, writer: parquet.ParquetWriter) -> None:
        self._writer, self._schema = writer, writer.schema
        self._waiting: list[pa.RecordBatch] = []
        self.rows = 0

    def add(self, frame: pd.DataFrame) -> None:
        """Take a frame of `Client.read`."""
        import pyarrow as pa

        columns = [pa.array(frame[name], type=pa.string()) for name in ODS_COLUMNS[:3]]
        bodies = pa.array(json_column(frame["body"]), type=pa.string())
        self.write(pa.record_batch([*columns, bodies], schema=self._schema))

    def write(self, part: pa.RecordBatch) -> None:
        """Take rows as they will be in the file."""
        self._waiting.append(part)
        self.rows += part.num_rows
        if sum(page.num_rows for page in self._waiting) >= GROUP_ROWS:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        import pyarrow as pa

        if self._waiting:
            self._writer.write_table(pa.Table.from_batches(self._waiting, schema=self._schema))
            self._waiting = []


@contextmanager
def open_draft(path: Path, marks: Marks, version: int | None) -> Iterator[Draft]:
    """Replace the file when all went well; version: how far it goes, None where that is unknown."""
    import pyarrow as pa
    from pyarrow import parquet

    metadata = marks if version is None else {**marks, VERSION: b"%d" % version}
    schema = pa.schema([(name, pa.string()) for name in ODS_COLUMNS], metadata=metadata)
    with private_draft(path) as file, parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        draft = Draft(writer)
        yield draft
        draft.flush()


def parts_of(path: Path) -> Iterator[pa.RecordBatch]:
    """All rows, a group at a time."""
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        yield from file.iter_batches(batch_size=GROUP_ROWS, columns=list(ODS_COLUMNS))


def ids_in(path: Path) -> Iterator[str]:
    """The ids of all rows."""
    return (ed_fi_id for part in parts_of(path) for ed_fi_id in part["id"].to_pylist())


def marks_in(path: Path) -> Marks:
    """Whose copy a file is; nothing when it is none."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        return parquet.read_schema(path).metadata or {}
    except (OSError, pa.ArrowInvalid):
        return {}


def row_count(path: Path) -> int:
    """How many rows the file has."""
    from pyarrow import parquet

    return int(parquet.read_metadata(path).num_rows)
