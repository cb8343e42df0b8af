"""Which database a ledger is in, and how it is opened: SQLite in a file of its owner, or PostgreSQL by URL."""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, OperationalError, SQLAlchemyError

from edfi_toolkit.errors import (
    ConfigError,
    LedgerBusy,
    LedgerError,
    LedgerUnavailable,
    StorageUnavailable,
    what_failed,
)
from edfi_toolkit.settings.credentials import check_address, without_credentials
from edfi_toolkit.storage import create_private, hide_from_others

BUSY_S = 30.0
FILES = ("", "-wal", "-shm")  # the ends of what SQLite keeps a ledger in; none of them may be removed alone
# How the names of SQLite's errors and PostgreSQL's SQLSTATEs begin.
_BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED", "55P03")
_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "XX001", "XX002")
_NOT_NOW = (
    *("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM"),
    *("08", "25006", "53", "57P", "58"),
)


def url_of(where: str | os.PathLike[str]) -> URL:
    if "://" not in str(where):
        return URL.create("sqlite", database=str(Path(where)))
    check_address(str(where))
    try:
        url = make_url(str(where))
    except (ArgumentError, ValueError):
        raise ConfigError(
            f"The ledger's address {without_credentials(str(where))} cannot be understood. Write it as "
            "postgresql://user@host/database."
        ) from None
    backend = url.get_backend_name()
    if backend == "sqlite" and url.database:
        return url
    if backend == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    raise ConfigError(f"A ledger is a file or a PostgreSQL URL, not {backend}. Correct the ledger setting.")


def make_private(path: Path) -> None:
    """The file, and what SQLite keeps next to it, with mode 0600; before the first byte is written, and again later."""
    try:
        create_private(path)
        for suffix in FILES[1:]:
            with suppress(FileNotFoundError):  # they are there while the ledger is open
                hide_from_others(path.with_name(path.name + suffix))
    except StorageUnavailable as error:
        raise LedgerUnavailable(f"The ledger cannot be opened: {error}") from None


def ledger_error(error: SQLAlchemyError | sqlite3.Error, shown: str) -> LedgerError:
    """A database's error as one of ours, without a statement or a value. shown: which ledger it is."""
    driver = getattr(error, "orig", None) or error
    code = str(getattr(driver, "sqlite_errorname", None) or getattr(driver, "sqlstate", None) or "")
    reason = what_failed(error)
    if code.startswith(_BUSY):
        return LedgerBusy(
            f"The ledger {shown} stays locked by another process. Wait for it to finish, or end it; then run again."
        )
    if code.startswith(_DAMAGED):
        return damaged(shown, reason)
    if code.startswith(_NOT_NOW) or (isinstance(error, OperationalError) and not code):
        return LedgerUnavailable(
            f"The ledger {shown} cannot be used for now ({reason}). Check that it can be reached, that you may write "
            "there and that its disk has room; then run again."
        )
    return LedgerError(
        f"The ledger {shown} could not be used ({reason}). Run 'edfi-toolkit doctor', which checks it."
    )


def damaged(shown: str, why: str) -> LedgerError:
    """What to do about a ledger that is no more as it was written."""
    return LedgerError(
        f"The ledger {shown} is damaged ({why}). Check that it is a ledger, keep the file as it is, and put back its "
        "last backup. Without one name a new ledger and run notebook 60: a resync learns again what was published."
    )


def engine_of(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        try:
            return create_engine(url, hide_parameters=True)
        except ImportError:
            raise ConfigError(
                "No driver for PostgreSQL is installed. Install the toolkit with its extra postgres."
            ) from None
    # Named parameters, as PostgreSQL's driver has them: rows go to either as they are.
    engine = create_engine(url, hide_parameters=True, paramstyle="named", connect_args={"timeout": BUSY_S})

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # BEGIN is sent by _begun, below
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        # A writer takes its lock at once: a read that turns into a write could not wait for another writer.
        reads = connection.get_execution_options().get("only_reads")
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return engine
