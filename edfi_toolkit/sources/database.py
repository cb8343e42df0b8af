"""Read tables from a database with one SELECT each, in one read-only transaction.

A statement that could change anything is refused before it is sent; the transaction is read-only where the
database knows such a thing, and is rolled back in any case.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from edfi_toolkit.errors import ConfigError, SourceUnavailable
from edfi_toolkit.tables import Sheet

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

_QUOTED = re.compile(
    r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\[[^\]]*\]|`[^`]*`|\$(\w*)\$.*?\$\1\$|--[^\n]*|/\*.*?\*/", re.DOTALL
)
_CHANGES = frozenset(
    {"insert", "update", "delete", "merge", "into", "truncate", "drop", "alter", "create", "attach", "vacuum"}
    | {"grant", "revoke", "call", "exec", "execute", "copy", "pragma", "lock", "begin", "commit", "rollback"}
)


def is_database(source: str) -> bool:
    """Whether a source is a database URL and not a path."""
    return re.match(r"[a-z][a-z0-9+]*://", source) is not None


def check_query(query: str, table: str) -> str:
    """The query without its closing semicolon; ConfigError unless it is one statement that only reads."""
    bare = _QUOTED.sub(" ", query).strip().rstrip(";").lower()
    words = re.findall(r"\w+", bare)
    found = sorted(_CHANGES & set(words))
    if not words or words[0] not in ("select", "with"):
        raise ConfigError(f"The query of {table} must begin with SELECT or WITH.")
    if ";" in bare:
        raise ConfigError(f"The query of {table} must be one statement, without a semicolon inside.")
    if found:
        hint = "Only reading is allowed; put a name that looks so into quotation marks."
        raise ConfigError(f"The query of {table} uses {found[0].upper()}. {hint}")
    return query.strip().rstrip(";")


def read_queries(url: str, queries: Mapping[str, str]) -> dict[str, Sheet]:
    """The result of each query by table name.

    Raises ConfigError for a query that is not a plain SELECT, SourceUnavailable when the database cannot be
    read.
    """
    statements = {table: check_query(query, table) for table, query in queries.items()}
    with _read_only(url) as connection:
        return {table: _read(connection, table, statement) for table, statement in statements.items()}


def read_tables(url: str, wanted: Set[str]) -> dict[str, Sheet]:
    """All columns of those tables or views that the database has; `wanted` holds lower-case names."""
    from sqlalchemy import inspect, select, table, text

    with _read_only(url) as connection:
        inspector = inspect(connection)
        here = [*inspector.get_table_names(), *inspector.get_view_names()]
        statements = {
            name: str(select(text("*")).select_from(table(name)).compile(connection.engine))
            for name in here
            if name.lower() in wanted
        }
        return {name: _read(connection, name, statement) for name, statement in statements.items()}


@contextmanager
def _read_only(url: str) -> Iterator[Connection]:
    """A connection inside one read-only transaction."""
    from sqlalchemy import exc

    engine = _engine(url)
    where = f"{engine.url.get_backend_name()} database {engine.url.database or ''}".strip()
    try:
        with engine.connect() as connection:
            _make_read_only(connection)
            try:
                yield connection
            finally:
                connection.rollback()
    except exc.SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or type(error).__name__).strip().partition("\n")[0]
        raise SourceUnavailable(
            f"The {where} cannot be read: {reason}. Check its URL, and the query."
        ) from error
    finally:
        engine.dispose()


def _engine(url: str) -> Engine:
    from sqlalchemy import create_engine, exc, make_url

    try:
        parsed = make_url(url)
        if parsed.get_backend_name() != "sqlite":
            return create_engine(parsed, hide_parameters=True)
    except (ImportError, exc.NoSuchModuleError) as error:
        driver = url.partition(":")[0]
        raise ConfigError(
            f"No driver for {driver} is installed. Install the extra of edfi-toolkit for it."
        ) from error
    except exc.ArgumentError as error:
        raise ConfigError(
            "The database URL cannot be understood. Write it as dialect://user@host/database."
        ) from error
    path = Path(parsed.database or "")
    if not path.is_file():
        raise SourceUnavailable(f"There is no SQLite file {path}. Check the path.")
    uri = f"{path.resolve().as_uri()}?mode=ro"
    return create_engine(
        "sqlite://", creator=lambda: sqlite3.connect(uri, uri=True), hide_parameters=True
    ).execution_options(database=str(path))


def _make_read_only(connection: Connection) -> None:
    match connection.dialect.name:
        case "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        case "oracle" | "mysql" | "mariadb":
            connection.exec_driver_sql("SET TRANSACTION READ ONLY")
        case "sqlite":
            connection.exec_driver_sql("BEGIN")


def _read(connection: Connection, table: str, statement: str) -> Sheet:
    options = {"stream_results": True, "no_parameters": True}  # a % in a query is a %
    result = connection.exec_driver_sql(statement, execution_options=options)
    names: list[Any] = list(result.keys())
    parts = [
        pd.DataFrame([tuple(row) for row in part], columns=pd.Index(names, dtype=object), dtype=object)
        for part in result.partitions(50_000)
    ]
    empty = pd.DataFrame(columns=pd.Index(names, dtype=object), dtype=object)
    frame = pd.concat(parts, ignore_index=True) if parts else empty
    ordered = _has_order(statement)
    return Sheet(frame=frame, file=f"query {table}", rows=np.arange(len(frame)) + 1, ordered=ordered)


def _has_order(statement: str) -> bool:
    """Whether the rows of a statement come in an order of its own."""
    bare, nested = _QUOTED.sub(" ", statement), 1
    while nested:
        bare, nested = re.subn(r"\([^()]*\)", " ", bare)
    return re.search(r"\border\s+by\b", bare, re.IGNORECASE) is not None
