"""What the ledger remembers of a sync: how each resource was set (`planning.preferences`)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd
from sqlalchemy import Connection, insert, select, update

from edfi_toolkit.ledger.ledger import Feed
from edfi_toolkit.ledger.schema import last_sync


def remember(
    connection: Connection,
    feed: Feed,
    school_year: int,
    preferences: pd.DataFrame,
    *,
    resynced: bool,
    now: dt.datetime,
) -> None:
    """What was off stays remembered as off, and a mapping as the old one, until a resync of the resource.

    preferences: PREFERENCES. resynced: whether the sync that ends now was a resync.
    """
    of_feed = last_sync.c.feed_id == feed.id, last_sync.c.school_year == school_year
    known = set(connection.execute(select(last_sync.c.resource).where(*of_feed)).scalars())
    new = list[dict[str, Any]]()
    for resource, enabled, version in preferences.itertuples(index=False):
        values: dict[str, Any] = {"enabled": bool(enabled), "updated_at": now}
        if enabled:
            values["mapping_version"] = None if pd.isna(version) else str(version)
        if resource not in known:
            row = {"feed_id": feed.id, "school_year": school_year, "resource": resource}
            new.append({"mapping_version": None, **row, **values})
        elif resynced or not enabled:
            connection.execute(
                update(last_sync).where(*of_feed, last_sync.c.resource == resource).values(**values)
            )
    if new:
        connection.execute(insert(last_sync), new)
