"""A collection as one Parquet file: read whole once, and kept true afterwards by what changed.

1. Memory stays flat: pages go to the file as they come, and an older file is carried over in parts.
2. The file is replaced whole, and only when everything was read; a failure leaves the older one as it was.
3. The caller keeps the watermark, and stores it after the file is there. Doing a window twice does no harm.

The columns are those of `Client.read`, with `body` as JSON text. The file holds student data and is its owner's alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pandas as pd

from edfi_toolkit import model
from edfi_toolkit.ods.read import comparable, query_key

if TYPE_CHECKING:
    import pyarrow as pa

    from edfi_toolkit.ods.client import Client, Progress

# Versions are given when a transaction writes and not when it commits, so a slow one may come in below the newest.
OVERLAP = 100
_GROUP_ROWS = 10_000
_COLUMNS = ("resource", "id", "etag", "body")


@dataclass(frozen=True)
class Pulled:
    """What a pull did: rows in the file, rows read, rows removed, and the watermark for the next pull.

    watermark: None where the API keeps no change versions; every pull then reads everything. whole: whether
    everything was read.
    """

    rows: int
    read: int
    removed: int
    watermark: int | None
    whole: bool


def pull(
    client: Client,
    resource: str,
    path: Path | str,
    *,
    watermark: int | None = None,
    snapshot: bool | str = False,
    progress: Progress | None = None,
) -> Pulled:
    """Bring the file at `path` up to what the ODS holds of a collection.

    watermark: what the last pull of this resource from this target returned. Without one, or when the file is
        missing or another's, or the ODS was put back to an earlier state, everything is read.
    snapshot, progress: as in `Client.read`.
    Raises OdsError; the file is then as it was.
    """
    path = Path(path)
    newest = client.newest_change_version(snapshot=snapshot)
    follows = (
        newest is not None
        and watermark is not None
        and watermark <= newest
        and resource in model.data_standard()["resources"]  # its key must be known
        and _marks(path) == _marks_of(client, resource)
    )
    if follows and newest == watermark:
        return Pulled(_row_count(path), 0, 0, newest, False)
    with _draft(path, _marks_of(client, resource)) as draft:
        if not follows:
            for frame in client.read(resource, snapshot=snapshot, progress=progress):
                draft.add(frame)
            return Pulled(draft.rows, draft.rows, 0, newest, True)
        window = {"minimum": max(0, watermark + 1 - OVERLAP), "maximum": newest, "snapshot": snapshot}
        ids, keys = _changed(client, resource, draft, window, progress)
        read = draft.rows
        gone = set(client.deletes(resource, **window)["id"]) - ids
        removed = sum(_carry(part, draft, resource, ids, keys, gone) for part in _parts(path))
        return Pulled(draft.rows, read, removed, newest, False)


def read_copy(path: Path | str) -> pd.DataFrame:
    """The file as a frame of `resource`, `id`, `etag`, `body`, as `Client.read_all` gives it."""
    frame = pd.read_parquet(path)
    frame["body"] = pd.Series(
        [orjson.loads(text) for text in frame["body"]], index=frame.index, dtype="object"
    )
    return frame


def _changed(
    client: Client, resource: str, draft: _Draft, window: dict[str, Any], progress: Progress | None
) -> tuple[set[str], set[frozenset[tuple[str, str]]]]:
    """Write what changed in the window; its ids and keys."""
    bounds = {"minChangeVersion": window["minimum"], "maxChangeVersion": window["maximum"]}
    ids: set[str] = set()
    keys: set[frozenset[tuple[str, str]]] = set()

    def take(frame: pd.DataFrame) -> None:
        draft.add(frame)
        ids.update(frame["id"])
        keys.update(_key(resource, body) for body in frame["body"])

    for frame in client.read(resource, bounds, snapshot=window["snapshot"], progress=progress):
        take(frame)
    for ed_fi_id in sorted(set(client.key_changes(resource, **window)["id"]) - ids):
        # A key that changed with its parent's need not count as a change of the item itself.
        if (found := client.get(resource, ed_fi_id)) is not None:
            take(pd.DataFrame([(resource, found.id, found.etag, found.body)], columns=list(_COLUMNS)))
    return ids, keys


def _carry(
    part: pa.RecordBatch,
    draft: _Draft,
    resource: str,
    ids: set[str],
    keys: set[frozenset[tuple[str, str]]],
    gone: set[str],
) -> int:
    """Take over the rows that neither changed nor went; how many went.

    An item that was deleted and made again is in no list of deletes: its old id goes because its key came anew.
    """
    stays, removed = [], 0
    for ed_fi_id, body in zip(part["id"].to_pylist(), part["body"].to_pylist(), strict=True):
        replaced = ed_fi_id in ids
        went = ed_fi_id in gone or (
            not replaced and bool(keys) and _key(resource, orjson.loads(body)) in keys
        )
        removed += went
        stays.append(not (replaced or went))
    draft.write(part.filter(stays))
    return removed


def _key(resource: str, body: dict[str, Any]) -> frozenset[tuple[str, str]]:
    return frozenset(comparable(query_key(resource, body)).items())


class _Draft:
    """A Parquet file that is being written, a group of rows at a time."""

    def __init__(self, path: Path, marks: dict[bytes, bytes]) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        self._schema = pa.schema([(name, pa.string()) for name in _COLUMNS], metadata=marks)
        self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
        self._writer = parquet.ParquetWriter(self._file, self._schema, compression="zstd")
        self._waiting: list[pa.RecordBatch] = []
        self.rows = 0

    def add(self, frame: pd.DataFrame) -> None:
        """Take a frame of `Client.read`."""
        import pyarrow as pa

        columns = [pa.array(frame[name], type=pa.string()) for name in _COLUMNS[:3]]
        bodies = pa.array([orjson.dumps(body).decode() for body in frame["body"]], type=pa.string())
        self.write(pa.record_batch([*columns, bodies], schema=self._schema))

    def write(self, part: pa.RecordBatch) -> None:
        """Take rows as they will stand in the file."""
        self._waiting.append(part)
        self.rows += part.num_rows
        if sum(each.num_rows for each in self._waiting) >= _GROUP_ROWS:
            self._flush()

    def close(self) -> None:
        """Write what waits, and make sure that it is on disk."""
        self._flush()
        self._writer.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def abandon(self) -> None:
        """Let the file go as it is."""
        self._writer.close()
        self._file.close()

    def _flush(self) -> None:
        import pyarrow as pa

        if self._waiting:
            self._writer.write_table(pa.Table.from_batches(self._waiting, schema=self._schema))
            self._waiting = []


@contextmanager
def _draft(path: Path, marks: dict[bytes, bytes]) -> Iterator[_Draft]:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_name(f".{path.name}.part")
    draft = _Draft(beside, marks)
    try:
        yield draft
        draft.close()
        os.replace(beside, path)
    except BaseException:
        draft.abandon()
        beside.unlink(missing_ok=True)
        raise


def _parts(path: Path) -> Iterator[pa.RecordBatch]:
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        yield from file.iter_batches(batch_size=_GROUP_ROWS, columns=list(_COLUMNS))


def _marks_of(client: Client, resource: str) -> dict[bytes, bytes]:
    return {b"edfi.target": client.target.identity.encode(), b"edfi.resource": resource.encode()}


def _marks(path: Path) -> dict[bytes, bytes]:
    """Whose copy a file is; nothing when it is none."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        return parquet.read_schema(path).metadata or {}
    except (OSError, pa.ArrowInvalid):
        return {}


def _row_count(path: Path) -> int:
    from pyarrow import parquet

    return int(parquet.read_metadata(path).num_rows)
