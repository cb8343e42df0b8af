"""How far each collection of a target was read: the change version its last pull ended with, kept in the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from sqlalchemy import ColumnElement, delete, insert, select

from edfi_toolkit.display.progress import Progress
from edfi_toolkit.ledger.database import BUSY_S
from edfi_toolkit.ledger.ledger import Feed, Ledger
from edfi_toolkit.ledger.lock import file_lock
from edfi_toolkit.ledger.schema import watermarks
from edfi_toolkit.ods import Client, Pulled, login_of, pull, read_copy

_NAME = "change_version"
_READER = "pull"  # in place of a feed's profile: reading belongs to no feed


class Copies:
    """A target's collections as files in a folder, read whole once and then by what changed.

    pulled: what was done for each resource that was read, by name.
    """

    def __init__(self, client: Client, ledger: Ledger, folder: Path) -> None:
        self._client, self._ledger = client, ledger
        self._folder = folder / login_of(client.target)
        self.pulled: dict[str, Pulled] = {}

    def read(self, resource: str, *, progress: Progress | None = None) -> Iterator[pd.DataFrame]:
        """As `Client.read`; one frame."""
        path = self._folder / f"{resource}.parquet"
        busy = f"Another run is bringing {path} up to date. Wait until it has finished, then run again."
        with file_lock(path.with_suffix(".lock"), busy=busy, wait_s=BUSY_S):
            self.pulled[resource] = follow(self._client, self._ledger, resource, path, progress=progress)
            frame = read_copy(path)
        yield frame

    @property
    def says(self) -> str:
        """What was read whole and why, for a person; and how much of the rest was."""
        done = self.pulled.items()
        whole = [f"{resource} was read whole: {each.why}." for resource, each in done if each.whole]
        followed = [each for _, each in done if not each.whole]
        read, rows = (sum(getattr(pulled, name) for pulled in followed) for name in ("read", "rows"))
        part = (
            [f"Of {rows:,} records in the ODS, {read:,} that may have changed were read."] if followed else []
        )
        return " ".join([*part, *whole])


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

    The watermark belongs to target, login and resource, and is kept only once the file is there.
    """
    feed = ledger.feed(client.target.identity, _READER, login_of(client.target))
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


def _place(feed: Feed, resource: str) -> tuple[ColumnElement[bool], ...]:
    columns = watermarks.c
    return (columns.feed_id == feed.id, columns.resource == resource, columns.name == _NAME)
