"""One student erased from the ledger's history, database pages included.

1. Rows about the student go; in what people or the ODS wrote into other rows, what stands for the student is replaced.
2. The identity map stays: it says what the ODS holds.
3. The tables are written again, so that no page keeps them. PostgreSQL's write-ahead log is its server's: it goes with
   the checkpoints.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import ExitStack, closing
from typing import Any, Protocol

from sqlalchemy import Connection, Table, delete, func, or_, select, text, tuple_, update
from sqlalchemy.exc import SQLAlchemyError

from edfi_toolkit.errors import LedgerBusy, LedgerError
from edfi_toolkit.ledger import schema
from edfi_toolkit.ledger.database import ledger_error
from edfi_toolkit.ledger.ledger import Feed, Ledger

# What people and the ODS write in their own words
_IN_WORDS = {
    schema.rejections: ("messages", "source_refs"),
    schema.corrections: ("was", "value", "reason", "closed_how"),
    schema.dismissals: ("place", "reason", "closed_how"),
    schema.approvals: ("answers",),
    schema.overrides: ("breach",),
}


class Erased(Protocol):
    """The student who is erased. ids: in the state and in the SIS. rows: of the source that are theirs, (table, id)."""

    ids: set[str]
    rows: set[tuple[str, str]]

    def cleared(self, content: bytes) -> bytes:
        """A text without what stands for the student."""

    def without_keys(self, layout: bytes, table: str) -> bytes:
        """A source's shape without the student's rows."""


def erase_from_ledger(ledger: Ledger, student: Erased) -> tuple[dict[str, int], int, str]:
    """Rows that were removed or changed by table; rows of the identity map that stay; why pages may still keep any.

    Raises LedgerBusy while a run is at work, LedgerError while a request about the student is open. What only keeps the
    tables from being written again is returned, as a sentence with what to do: the rows are gone by then.
    """
    done: dict[str, int] = {}
    attempts, mapped, ids = schema.attempts, schema.identity_map, student.ids
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
                    done[str(table.name)] = connection.execute(delete(table).where(own)).rowcount
            own = tuple_(schema.corrections.c.table, schema.corrections.c.row_id).in_(student.rows)
            done["corrections"] += connection.execute(delete(schema.corrections).where(own)).rowcount
            for table, columns in _IN_WORDS.items():
                changed = _change(connection, table, columns, student)
                done[str(table.name)] = done.get(str(table.name), 0) + changed
            done["source_shapes"] = _change(connection, schema.source_shapes, ("layout",), student)
            kept = select(func.count()).select_from(mapped).where(mapped.c.student_unique_id.in_(ids))
            stays = int(connection.execute(kept).scalar_one())
        kept_in_pages = ""
        try:
            _compact(ledger)
        except LedgerBusy:
            kept_in_pages = (
                f"Another program has the ledger {ledger.shown} open. Close all notebooks and let runs end."
            )
        except LedgerError as error:
            kept_in_pages = str(error)
    return {name: count for name, count in done.items() if count}, stays, kept_in_pages


def _change(connection: Connection, table: Table, columns: tuple[str, ...], student: Erased) -> int:
    """Replace what stands for the student in rows that stay; how many those were."""
    changed = 0
    for row in connection.execute(select(table)).mappings().all():
        cells = {name: row[name] for name in columns if row[name] is not None}
        fresh = {name: _cell(cell, row, student) for name, cell in cells.items()}
        if fresh != cells:
            place = (column == row[column.key] for column in table.primary_key)
            connection.execute(update(table).where(*place).values(fresh))
            changed += 1
    return changed


def _cell(cell: Any, row: Mapping[Any, Any], student: Erased) -> Any:
    if isinstance(cell, str):
        return student.cleared(cell.encode()).decode()
    return student.without_keys(bytes(cell), row["table"])


def _compact(ledger: Ledger) -> None:
    """Rewrite the tables, so that no page keeps what was deleted; PostgreSQL's statistics keep samples of it too.

    Raises LedgerBusy where another program that has the ledger open keeps it from being done, another LedgerError where
    anything else does.
    """
    try:
        if ledger.path is not None:
            _compact_file(ledger)
            return
        tables = ", ".join(str(table.name) for table in schema.metadata.sorted_tables)
        with ledger.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(f"ANALYZE {tables}"))
            connection.execute(text(f"VACUUM FULL {tables}, pg_statistic"))
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise ledger_error(error, ledger.shown) from None


def _compact_file(ledger: Ledger) -> None:
    with closing(ledger.engine.raw_connection()) as raw:
        pages: Any = raw.driver_connection
        for step in ("PRAGMA wal_checkpoint(TRUNCATE)", "VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
            for busy, *_ in pages.execute(step).fetchall():
                if busy:  # no error for SQLite: a reader still needs what the log or the file holds
                    raise LedgerBusy(
                        f"Another program has the ledger {ledger.shown} open. Close it, then run again."
                    )
