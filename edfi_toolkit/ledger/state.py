"""Whether a ledger still is what it was for one feed: a digest that changes with what is written about the feed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import DateTime, Text, func, select, type_coerce

from edfi_toolkit.ledger import schema

if TYPE_CHECKING:
    from edfi_toolkit.ledger.ledger import Feed, Ledger

_AT_A_TIME = 10_000  # records


def state_of(ledger: Ledger, feed: Feed) -> str:
    """A digest of every table with rows of the feed: how many and the newest; of the identity map, each record."""
    digest = hashlib.sha256()
    known = schema.identity_map.c
    with ledger.reading() as connection:
        for table in schema.metadata.sorted_tables:
            if "feed_id" not in table.c or table is schema.identity_map:
                continue
            instants = [column for column in table.c if isinstance(column.type, DateTime)]
            about: list[Any] = [func.max(table.c.id)] if "id" in table.c else []
            for column in instants:
                about += [func.max(column), func.count(column)]
            row = connection.execute(select(func.count(), *about).where(table.c.feed_id == feed.id)).one()
            digest.update(repr((table.name, *map(str, row))).encode())
        key = known.school_year, known.resource, known.key_hash
        instant = type_coerce(known.updated_at, Text)  # as it stands there
        records = select(*key, known.body_hash, known.ed_fi_id, instant).where(known.feed_id == feed.id)
        found = connection.execute(records.order_by(known.id))  # as they are stored: an index has them so
        for part in found.partitions(_AT_A_TIME):
            digest.update(orjson.dumps([*map(tuple, part)]))
    return digest.hexdigest()


def newest_run(ledger: Ledger, feed: Feed) -> str | None:
    """The id of the run that was last begun for the feed."""
    runs = schema.runs
    query = select(runs.c.run_id).where(runs.c.feed_id == feed.id).order_by(runs.c.id.desc()).limit(1)
    with ledger.reading() as connection:
        found: str | None = connection.execute(query).scalar()
    return found
