"""One student erased from the ledger's history, database pages included.

The identity map stays: it says what the ODS holds.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import ExitStack
from typing import Any

from sqlalchemy import delete, func, or_, select, text, update

from edfi_toolkit.errors import LedgerError
from edfi_toolkit.ledger import schema
from edfi_toolkit.ledger.ledger import Feed, Ledger


def erase_from_ledger(
    ledger: Ledger, ids: Collection[str], without_keys: Callable[[bytes, str], bytes]
) -> tuple[dict[str, int], int]:
    """Rows that were removed by table, and rows of the identity map that stay.

    ids: of the student, in the state and in the SIS. without_keys: a source's shape without the student's rows, by its
        layout and table. Raises LedgerBusy while a run is at work, LedgerError while a request about them is open.
    """
    removed: dict[str, int] = {}
    attempts, mapped, shapes = schema.attempts, schema.identity_map, schema.source_shapes
    with ExitStack() as held:
        with ledger.reading() as connection:
            feeds = connection.execute(select(schema.feeds.c.id)).scalars().all()
        for number in feeds:
            held.enter_context(ledger.exclusive(Feed(number, "")))
        with ledger.writing() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA secure_delete=ON")
            unsettled = select(func.count()).select_from(attempts)
            unsettled = unsettled.where(
                attempts.c.student_unique_id.in_(ids), attempts.c.settled_at.is_(None)
            )
            if connection.execute(unsettled).scalar_one():
                raise LedgerError(
                    "A request about this student has no answer yet; nothing was erased. Plan and publish their source "
                    "again, which looks it up, then erase."
                )
            for table in schema.metadata.sorted_tables:
                names = [name for name in ("student_unique_id", "student_id") if name in table.c]
                if names and table is not mapped:
                    own = or_(*(table.c[name].in_(ids) for name in names))
                    removed[str(table.name)] = connection.execute(delete(table).where(own)).rowcount
            for row in connection.execute(select(shapes)).mappings().all():
                fresh = without_keys(bytes(row["layout"]), row["table"])
                if fresh != bytes(row["layout"]):
                    place = (shapes.c[name] == row[name] for name in ("feed_id", "school_year", "table"))
                    connection.execute(update(shapes).where(*place).values(layout=fresh))
                    removed["source_shapes"] = removed.get("source_shapes", 0) + 1
            kept = select(func.count()).select_from(mapped).where(mapped.c.student_unique_id.in_(ids))
            stays = int(connection.execute(kept).scalar_one())
        _compact(ledger)
    return {name: count for name, count in removed.items() if count}, stays


def _compact(ledger: Ledger) -> None:
    """Rewrite the database, so that no page keeps what was deleted."""
    if ledger.path is not None:
        raw: Any = ledger.engine.raw_connection()
        for step in ("PRAGMA wal_checkpoint(TRUNCATE)", "VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
            raw.driver_connection.execute(step).fetchall()
        raw.close()
        return
    with ledger.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM FULL"))
