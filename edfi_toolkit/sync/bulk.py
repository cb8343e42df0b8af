"""Many rows by one statement, without what SQLAlchemy does anew for every row.

That costs several times as much as the database's own work. The statement is still SQLAlchemy's, in the dialect of the
database; it is compiled once, and its rows go to the driver as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Dialect, Executable


def execute_many(connection: Connection, statement: Executable, rows: Sequence[dict[str, Any]]) -> None:
    """Execute a statement for each row, a dict by parameter; all rows have the same ones, at least two.

    statement: one that is kept, such as a constant of a module: what is worked out about it is kept, too.
    """
    if not rows:
        return
    text, positions, converted = _prepared(statement, connection.dialect, tuple(rows[0]))
    for name, convert in converted.items():
        for row in rows:
            row[name] = convert(row[name])
    given = list(map(itemgetter(*positions), rows)) if positions else list(rows)
    connection.exec_driver_sql(text, given)


@lru_cache
def _prepared(
    statement: Any, dialect: Dialect, names: tuple[str, ...]
) -> tuple[str, list[str], dict[str, Callable[[Any], Any]]]:
    """The statement's text, its parameters in order where the driver counts them, and what converts values for it."""
    compiled = statement.compile(dialect=dialect, column_keys=list(names))
    converted = {name: bind.type.dialect_impl(dialect).bind_processor(dialect) for name, bind in compiled.binds.items()}
    return str(compiled), compiled.positiontup or [], {name: each for name, each in converted.items() if each}
