"""Read tables from a database with one SELECT each, in one read-only transaction.

A statement that could change anything is refused before it is sent; the transaction is read-only where the
database knows such a thing, and is rolled back in any case.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from edfi_toolkit.errors import ConfigError, EdfiToolkitError, SourceUnavailable, what_failed
from edfi_toolkit.settings.credentials import check_address, without_credentials
from edfi_toolkit.settings.limits import DEFAULT_READING, ReadingLimits
from edfi_toolkit.sources.faults import LONGEST
from edfi_toolkit.sources.rows import rows_of
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

_MEANINGS = {  # SQLSTATE classes, and SQLite's names
    "08": "its server cannot be reached",
    "22": "a value cannot be converted",
    "25006": "the query would write, and the transaction is read-only",
    "28": "the login was refused",
    "3D": "there is no such database",
    "42": "a table or column is not there or may not be read, or the query is not valid",
    "57": "the server stopped the query",
    "SQLITE_ERROR": "a table or column is not there, or the query is not valid",
    "SQLITE_READONLY": "the query would write, and the transaction is read-only",
    "SQLITE_NOTADB": "the file is no SQLite database",
    "SQLITE_CORRUPT": "the file is damaged",
    "SQLITE_BUSY": "another program has locked it",
    "SQLITE_TOOBIG": "a value is longer than the longest that is read",
}
_PARTITION = 50_000  # rows that become a frame at once


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


def read_queries(
    url: str, queries: Mapping[str, str], limits: ReadingLimits = DEFAULT_READING
) -> dict[str, Sheet]:
    """The result of each query by table name.

    Raises ConfigError for a query that is not a plain SELECT, SourceUnavailable when the database cannot be
    read, SourceShapeError when a result is too large.
    """
    statements = {table: check_query(query, table) for table, query in queries.items()}
    with _read_only(url) as connection:
        return {table: _read(connection, table, query, limits) for table, query in statements.items()}


def read_tables(url: str, wanted: Set[str], limits: ReadingLimits = DEFAULT_READING) -> dict[str, Sheet]:
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
        return {name: _read(connection, name, query, limits) for name, query in statements.items()}


@contextmanager
def _read_only(url: str) -> Iterator[Connection]:
    """A connection inside one read-only transaction."""
    engine = _engine(url)
    try:
        with engine.connect() as connection:
            _make_read_only(connection)
            try:
                yield connection
            finally:
                connection.rollback()
    except EdfiToolkitError:
        raise
    except Exception as error:
        raise SourceUnavailable(
            f"The database {without_credentials(url)} cannot be read: {_reason(error)}. Check its URL, and the query."
        ) from None
    finally:
        engine.dispose()


def _reason(error: Exception) -> str:
    """Kind and code of what a driver reports; its text is left out, as it may quote a student or a password."""
    failed = what_failed(error)
    code = failed.partition(" ")[2]
    meaning = next((says for start, says in _MEANINGS.items() if code.startswith(start)), None)
    return f"{meaning} ({failed})" if meaning else failed


def _engine(url: str) -> Engine:
    from sqlalchemy import create_engine, exc, make_url

    check_address(url)
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() != "sqlite":
            return create_engine(parsed, hide_parameters=True)
    except exc.NoSuchModuleError:
        scheme = url.partition(":")[0]
        raise ConfigError(
            f"No driver for {scheme} is known. Files at an address need the extra remote: pip install "
            "'edfi-toolkit[remote]'. Or mount or copy them, then give their path."
        ) from None
    except ImportError:
        driver = url.partition(":")[0]
        raise ConfigError(
            f"No driver for {driver} is installed. Install the extra of edfi-toolkit for it."
        ) from None
    except (exc.ArgumentError, ValueError):
        raise ConfigError(
            "The database URL cannot be understood. Write it as dialect://user@host/database."
        ) from None
    path = Path(parsed.database or "")
    if not path.is_file():
        raise SourceUnavailable(f"There is no SQLite file {path}. Check the path.")
    uri = f"{path.resolve().as_uri()}?mode=ro"
    return create_engine("sqlite://", creator=lambda: _sqlite(uri), hide_parameters=True).execution_options(
        database=str(path)
    )


def _sqlite(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST)
    connection.text_factory = _text_or_bytes
    return connection


def _text_or_bytes(value: bytes) -> str | bytes:
    """A text that is not UTF-8 stays binary, so that its row can be named and the others go on."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


def _make_read_only(connection: Connection) -> None:
    match connection.dialect.name:
        case "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        case "oracle" | "mysql" | "mariadb":
            connection.exec_driver_sql("SET TRANSACTION READ ONLY")
        case "sqlite":
            connection.exec_driver_sql("BEGIN")


def _read(connection: Connection, table: str, statement: str, limits: ReadingLimits) -> Sheet:
    name = f"query {table}"
    try:
        names, rows = rows_of(connection, statement, name, limits)
        columns = pd.Index(names, dtype=object)
        parts = [pd.DataFrame(columns=columns, dtype=object)]
        while part := list(islice(rows, _PARTITION)):
            parts.append(pd.DataFrame(part, columns=columns, dtype=object))
    except EdfiToolkitError:
        raise
    except Exception as error:
        raise SourceUnavailable(
            f"The {connection.dialect.name} database does not answer the query of {table}: {_reason(error)}. "
            "Correct the query or the view, and try it in the database itself."
        ) from None
    frame = pd.concat(parts[1:] or parts, ignore_index=True)
    ordered = _has_order(statement)
    return Sheet(frame=frame, file=name, rows=np.arange(len(frame)) + 1, ordered=ordered)


def _has_order(statement: str) -> bool:
    """Whether the rows of a statement come in an order of its own."""
    bare, nested = _QUOTED.sub(" ", statement), 1
    while nested:
        bare, nested = re.subn(r"\([^()]*\)", " ", bare)
    return re.search(r"\border\s+by\b", bare, re.IGNORECASE) is not None
