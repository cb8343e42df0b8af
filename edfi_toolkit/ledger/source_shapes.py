"""What the ledger remembers of a source: what each table looked like at the last publish (`tables.shapes`)."""

from __future__ import annotations

import datetime as dt

import pandas as pd
from sqlalchemy import Connection, delete, insert

from edfi_toolkit.ledger.ledger import Feed
from edfi_toolkit.ledger.schema import source_shapes


def remember_shapes(
    connection: Connection, feed: Feed, school_year: int, shapes: pd.DataFrame, *, now: dt.datetime
) -> None:
    """Put these in the place of what was remembered. shapes: SHAPES; without rows nothing changes."""
    if shapes.empty:
        return
    place = {"feed_id": feed.id, "school_year": school_year}
    old = source_shapes.c.feed_id == feed.id, source_shapes.c.school_year == school_year
    connection.execute(delete(source_shapes).where(*old))
    connection.execute(
        insert(source_shapes), [{**place, **row, "updated_at": now} for row in shapes.to_dict("records")]
    )
