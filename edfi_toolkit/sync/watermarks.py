"""How far each collection of a target was read: the change version its last pull ended with, kept in the ledger."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import delete, insert, select

from edfi_toolkit.ods import Client, Progress, Pulled, pull
from edfi_toolkit.sync.ledger import Feed, Ledger
from edfi_toolkit.sync.schema import watermarks

_NAME = "change_version"
_READER = "pull"  # stands where a feed has its profile: reading is no feed's own


def follow(
    client: Client,
    ledger: Ledger,
    resource: str,
    path: Path | str,
    *,
    snapshot: bool | str = False,
    progress: Progress | None = None,
) -> Pulled:
    """`ods.pull`, from where the ledger says that the last one ended: whole at first, then what changed.

    The watermark belongs to target and resource, and is kept only once the file is there.
    """
    feed = ledger.feed(client.target.identity, _READER, "")
    mark = watermark(ledger, feed, resource)
    pulled = pull(client, resource, path, watermark=mark, snapshot=snapshot, progress=progress)
    keep_watermark(ledger, feed, resource, pulled.watermark)
    return pulled


def watermark(ledger: Ledger, feed: Feed, resource: str) -> int | None:
    """The change version up to which a collection was read; None when it never was."""
    query = select(watermarks.c.value).where(*_place(feed, resource))
    with ledger.reading() as connection:
        found = connection.execute(query).scalar()
    return None if found is None else int(found)


def keep_watermark(ledger: Ledger, feed: Feed, resource: str, version: int | None) -> None:
    """Remember a change version; None forgets what was kept."""
    with ledger.writing() as connection:
        connection.execute(delete(watermarks).where(*_place(feed, resource)))
        if version is not None:
            row = {"feed_id": feed.id, "resource": resource, "name": _NAME, "value": str(version)}
            connection.execute(insert(watermarks).values(**row, updated_at=ledger.clock()))


def _place(feed: Feed, resource: str) -> tuple[object, ...]:
    columns = watermarks.c
    return (columns.feed_id == feed.id, columns.resource == resource, columns.name == _NAME)
