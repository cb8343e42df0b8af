"""A collection as one Parquet file: read whole once, and kept true afterwards by what changed.

1. Memory stays flat: pages go to the file as they come, and an older file is carried over in parts.
2. The file is replaced whole, and only when everything was read; a failure leaves the older one as it was.
3. The file says whose it is and how far it goes. The caller also keeps the watermark, and stores it after the
   file is there: of the two the older one counts. Doing a window twice does no harm.
4. What cannot be followed is read whole. That a copy was followed wrongly shows in its number of rows, or in a row
   that the ODS has no more and never listed as deleted: then it was set up again, or the login sees other records now.

The columns are those of `Client.read`, with `body` as JSON text. The file holds student data and is its owner's alone.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pandas as pd

from edfi_toolkit import model
from edfi_toolkit.errors import OdsError
from edfi_toolkit.ods.copy_file import (
    VERSION,
    Draft,
    Marks,
    ids_in,
    marks_in,
    open_draft,
    parts_of,
    row_count,
)
from edfi_toolkit.ods.read import ODS_COLUMNS, comparable, row_key
from edfi_toolkit.storage import from_json_column

if TYPE_CHECKING:
    import pyarrow as pa

    from edfi_toolkit.display.progress import Progress
    from edfi_toolkit.ods.client import Client
    from edfi_toolkit.ods.pages import Versions
    from edfi_toolkit.settings import Target

# Versions are given when a transaction writes and not when it commits, so a slow one may come in below the newest.
OVERLAP = 100


@dataclass(frozen=True)
class Pulled:
    """What a pull did: rows in the file, rows read, rows removed, and the watermark for the next pull.

    watermark: None where the API keeps no change versions; every pull then reads everything. why: why everything
    was read, as a clause; empty when only what changed was.
    """

    rows: int
    read: int
    removed: int
    watermark: int | None
    why: str = ""

    @property
    def whole(self) -> bool:
        """Whether everything was read."""
        return bool(self.why)


class _Lost(Exception):
    """A copy cannot be followed; says why."""


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
        missing or another's, or the changes since then cannot be read, everything is read.
    snapshot, progress: as in `Client.read`.
    Raises OdsError; the file is then as it was.
    """
    path = Path(path)
    versions = client.change_versions(snapshot=snapshot)
    try:
        since, newest = _stretch(path, _marks_of(client, resource), watermark, versions)
        return _follow(client, resource, path, since, newest, snapshot, progress)
    except _Lost as lost:
        why = str(lost)
    except OdsError as refusal:
        if not refusal.not_offered:
            raise
        why = f"this login may not read what has changed ({refusal.status})"
    mark = versions and versions.newest
    with open_draft(path, _marks_of(client, resource), mark) as draft:
        for frame in client.read(resource, snapshot=snapshot, progress=progress):
            draft.add(frame)
    return Pulled(draft.rows, draft.rows, 0, mark, why)


def read_copy(path: Path | str) -> pd.DataFrame:
    """The file as a frame of `resource`, `id`, `etag`, `body`, as `Client.read_all` gives it."""
    frame = pd.read_parquet(path)
    frame["body"] = pd.Series(from_json_column(frame["body"]), index=frame.index, dtype="object")
    return frame


def _stretch(path: Path, marks: Marks, watermark: int | None, versions: Versions | None) -> tuple[int, int]:
    """The change versions from and up to which a file is to be followed. Raises _Lost when it cannot be."""
    if versions is None:
        raise _Lost("the ODS keeps no change versions")
    found = marks_in(path)
    if watermark is None or not path.exists():
        raise _Lost("no copy of it was kept yet")
    if VERSION not in found or {name: found.get(name) for name in marks} != marks:
        raise _Lost("the copy there is another's, or damaged")
    if watermark > versions.newest:
        raise _Lost("the ODS was put back to an earlier state")
    since = min(watermark, int(found[VERSION]))
    if since < versions.oldest:
        raise _Lost("the ODS no longer reports what has changed since the last copy")
    return since, versions.newest


def _follow(
    client: Client,
    resource: str,
    path: Path,
    since: int,
    newest: int,
    snapshot: bool | str,
    progress: Progress | None,
) -> Pulled:
    """Make the file true by what changed. Raises _Lost when that does not lead to what the ODS holds."""
    if resource not in model.data_standard()["resources"]:
        raise _Lost("its key is not known")
    if newest == since:
        rows = row_count(path)
        _check(client, resource, rows, next(ids_in(path), None), snapshot)
        return Pulled(rows, 0, 0, newest)
    with open_draft(path, _marks_of(client, resource), newest) as draft:
        window: dict[str, Any] = {
            "minimum": max(0, since + 1 - OVERLAP),
            "maximum": newest,
            "snapshot": snapshot,
        }
        ids, keys = _changed(client, resource, draft, window, progress)
        read, kept = draft.rows, None
        gone = set(client.deletes(resource, **window)["id"]) - ids
        removed = 0
        for part in parts_of(path):
            stays, went = _carried(part, resource, ids, keys, gone)
            draft.write(stays)
            removed += went
            kept = stays["id"][0].as_py() if stays.num_rows else kept
        _check(client, resource, draft.rows, kept, snapshot)
    return Pulled(draft.rows, read, removed, newest)


def _check(client: Client, resource: str, rows: int, kept: str | None, snapshot: bool | str) -> None:
    """Raises _Lost when a copy has another number of rows than the ODS, or a row that it has no more.

    kept: the id of a row that no change was reported of.
    """
    held = client.count(resource, snapshot=snapshot)
    if held not in (None, rows):
        raise _Lost(f"the changes led to {rows:,} records and the ODS has {held:,}")
    if kept is not None and not snapshot and client.get(resource, kept) is None:
        raise _Lost("the ODS lacks a record that it never listed as deleted, so it was set up again")


def _changed(
    client: Client, resource: str, draft: Draft, window: dict[str, Any], progress: Progress | None
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
            take(pd.DataFrame([(resource, found.id, found.etag, found.body)], columns=list(ODS_COLUMNS)))
    return ids, keys


def _carried(
    part: pa.RecordBatch,
    resource: str,
    ids: set[str],
    keys: set[frozenset[tuple[str, str]]],
    gone: set[str],
) -> tuple[pa.RecordBatch, int]:
    """The rows that neither changed nor went, and how many went.

    An item that was deleted and made again is in no list of deletes: its old id goes because its key came again.
    """
    stays, removed = [], 0
    for ed_fi_id, body in zip(part["id"].to_pylist(), part["body"].to_pylist(), strict=True):
        replaced = ed_fi_id in ids
        went = ed_fi_id in gone or (
            not replaced and bool(keys) and _key(resource, orjson.loads(body)) in keys
        )
        removed += went
        stays.append(not (replaced or went))
    return part.filter(stays), removed


def _key(resource: str, body: dict[str, Any]) -> frozenset[tuple[str, str]]:
    return frozenset(comparable(row_key(resource, body)).items())


def _marks_of(client: Client, resource: str) -> Marks:
    names = {"target": client.target.identity, "login": login_of(client.target), "resource": resource}
    return {f"edfi.{name}".encode(): value.encode() for name, value in names.items()}


def login_of(target: Target) -> str:
    """A hash of target and key: each key sees records of its own. The key cannot be read from it."""
    key = f"{target.identity}|{target.credentials()[0].reveal()}"
    return hashlib.blake2b(key.encode(), digest_size=8).hexdigest()
