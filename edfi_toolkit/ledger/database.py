"""Which database a ledger is in, and how it is opened: SQLite in a file of its owner, or PostgreSQL by URL."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url

from edfi_toolkit.errors import ConfigError, LedgerError
from edfi_toolkit.storage import create_private

BUSY_S = 30.0


def url_of(where: str | os.PathLike[str]) -> URL:
    if "://" not in str(where):
        return URL.create("sqlite", database=str(Path(where)))
    url = make_url(str(where))
    backend = url.get_backend_name()
    if backend == "sqlite" and url.database:
        return url
    if backend == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    raise ConfigError(f"A ledger is a file or a PostgreSQL URL, not {backend}. Correct the ledger setting.")


def make_private(path: Path) -> None:
    """The file with mode 0600 before the first byte is written, its new folders 0700."""
    try:
        create_private(path)
    except OSError as error:
        raise LedgerError(
            f"The ledger {path} cannot be opened ({error.strerror}). Check the path and your rights there."
        ) from None


def engine_of(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        return create_engine(url, hide_parameters=True)
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
