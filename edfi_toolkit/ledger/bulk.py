"""Many rows by one statement, without what SQLAlchemy's own way does again for every row.

That would be more than a tenth of what a record costs in a publish (`bench/README.md`). The statement is still
SQLAlchemy's, in the dialect of the database; it is compiled once, and its rows go to the driver as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect, Executable, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from edfi_toolkit.ledger import schema


def _upsert(dialect: Any) -> Any:
    new = dialect.insert(schema.identity_map)
    unique = ("feed_id", "school_year", "resource", "key_hash")
    values = {column.name: column for column in new.excluded if column.name not in ("id", *unique)}
    return new.on_conflict_do_update(index_elements=unique, set_=values)


# What a journal executes for every record
BEGIN = insert(schema.attempts)
NEWEST = select(func.coalesce(func.max(schema.attempts.c.id), 0))
BEGUN = select(schema.attempts.c.item, schema.attempts.c.id).where(
    # What BEGIN has added since; RETURNING would make a statement of every row. Only by the id is it found at once: the
    # sum keeps SQLite from the index of the run, which holds all that it has sent so far.
    schema.attempts.c.id > bindparam("newest"),
    schema.attempts.c.run + 0 == bindparam("run"),
)
FINISH = update(schema.attempts).where(schema.attempts.c.id == bindparam("attempt"))
MAP = {"sqlite": _upsert(sqlite), "postgresql": _upsert(postgresql)}
FORGET = delete(schema.identity_map).where(
    schema.identity_map.c.feed_id == bindparam("of_feed"),
    schema.identity_map.c.school_year == bindparam("of_year"),
    schema.identity_map.c.resource == bindparam("of_resource"),
    schema.identity_map.c.key_hash == bindparam("of_key"),
)


def execute_many(connection: Connection, statement: Executable, rows: Sequence[dict[str, Any]]) -> None:
    """Execute a statement for each row, a dict by parameter; all have the same ones.

    statement: one that is kept, such as those above: what is worked out about it is kept, too. rows: changed to what
        the driver wants.
    """
    if not rows:
        return
    text, converters = _prepared(statement, connection.dialect, tuple(rows[0]))
    for name, convert in converters.items():
        known = {value: convert(value) for value in {row[name] for row in rows}}  # mostly one moment for all
        for row in rows:
            row[name] = known[row[name]]
    connection.exec_driver_sql(text, list(rows))


@lru_cache
def _prepared(
    statement: Any, dialect: Dialect, names: tuple[str, ...]
) -> tuple[str, Mapping[str, Callable[[Any], Any]]]:
    """The statement's text with named parameters, and what converts values for the driver."""
    compiled = statement.compile(dialect=dialect, column_keys=list(names))
    converters = {
        name: bind.type.dialect_impl(dialect).bind_processor(dialect) for name, bind in compiled.binds.items()
    }
    return str(compiled), {name: convert for name, convert in converters.items() if convert}
