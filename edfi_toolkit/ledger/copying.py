"""A ledger copied whole, with its history, into an empty one: a backup, its restoration, a move to another database.

The copy is one moment of the ledger. It is checked: each table must have the same rows on either side.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, insert, select, text

from edfi_toolkit.errors import ConfigError, LedgerError
from edfi_toolkit.ledger import schema
from edfi_toolkit.ledger.ledger import Feed, Ledger

_AT_A_TIME = 5_000


def backup(ledger: Ledger, file: Path) -> dict[str, int]:
    """Write a ledger, of whatever database, into a new SQLite file; the rows of each table. Runs may go on meanwhile.

    Raises ConfigError when there is such a file.
    """
    _need_new(file)
    draft = file.with_name(f".{file.name}.part")
    draft.unlink(missing_ok=True)
    with Ledger(draft) as copy:
        counts = copy_into(ledger, copy)
    os.replace(draft, file)  # closed, so that all of it is in the one file
    return counts


def restore(file: Path, ledger: Ledger) -> dict[str, int]:
    """Bring a backup back into an empty ledger; the rows of each table. Raises ConfigError for one that holds runs."""
    if not file.is_file():
        raise ConfigError(
            f"There is no backup {file}. Name a file that 'edfi-toolkit ledger backup' has written."
        )
    with Ledger(file) as kept:
        return copy_into(kept, ledger)


def move(ledger: Ledger, to: Ledger) -> dict[str, int]:
    """Copy a ledger into an empty one while no run is at work; the rows of each table. The old one stays as it is.

    Raises LedgerBusy while a run is at work, ConfigError when the new one holds runs.
    """
    with ExitStack() as held:
        with ledger.reading() as connection:
            feeds = connection.execute(select(schema.feeds.c.id)).scalars().all()
        for number in feeds:
            held.enter_context(ledger.exclusive(Feed(number, "")))
        return copy_into(ledger, to)


def copy_into(source: Ledger, target: Ledger) -> dict[str, int]:
    """All rows of all tables, in one transaction of the target, compared at the end."""
    tables = schema.metadata.sorted_tables
    with ExitStack() as opened:
        reading = opened.enter_context(source.engine.connect()).execution_options(only_reads=True)
        if reading.dialect.name == "postgresql":
            reading = reading.execution_options(isolation_level="REPEATABLE READ")
        writing = opened.enter_context(target.writing())
        if any(writing.execute(select(func.count()).select_from(table)).scalar_one() for table in tables):
            raise ConfigError(
                f"The ledger {target.shown} holds something already; nothing was copied. Name a new one, or rename "
                "that one first."
            )
        counts = {}
        for table in tables:
            counts[table.name] = 0
            for rows in _rows(reading, table):
                writing.execute(insert(table), rows)
                counts[table.name] += len(rows)
            if _digest(reading, table) != _digest(writing, table):
                raise LedgerError(
                    f"{table.name} is not the same in {source.shown} and {target.shown}; nothing was copied. Run "
                    "'edfi-toolkit doctor', which checks the ledger, then copy again."
                )
            if writing.dialect.name == "postgresql" and "id" in table.c:
                _count_on(writing, table)
    return counts


def _rows(connection: Connection, table: Any) -> Iterator[list[dict[str, Any]]]:
    """The rows by the order of their keys, some at a time; instants in UTC, which SQLite does not say."""
    found = connection.execute(select(table).order_by(*table.primary_key.columns))
    for part in found.partitions(_AT_A_TIME):
        yield [
            {column.key: _plain(value) for column, value in zip(table.columns, row, strict=True)}
            for row in part
        ]


def _plain(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC) if value.tzinfo else value.replace(tzinfo=dt.UTC)
    return bytes(value) if isinstance(value, memoryview) else value


def _digest(connection: Connection, table: Any) -> str:
    digest = hashlib.sha256()
    for rows in _rows(connection, table):
        for row in rows:
            digest.update(repr(list(row.values())).encode())
    return digest.hexdigest()


def _count_on(connection: Connection, table: Any) -> None:
    """New rows get numbers after those that were copied."""
    newest = connection.execute(select(func.max(table.c.id))).scalar()
    if newest is not None:
        place = text("SELECT setval(pg_get_serial_sequence(:table, 'id'), :newest)")
        connection.execute(place, {"table": table.name, "newest": newest})


def _need_new(file: Path) -> None:
    if file.exists():
        raise ConfigError(f"{file} is there already; nothing was written. Give the backup a name of its own.")
