"""The rows of one query, within the bounds of reading.

A driver hands over whole values, so one that is too long is in memory before it can be seen. SQLite stops at a length
by itself; PostgreSQL is asked to leave such a value out and to name its column.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from edfi_toolkit.errors import SourceShapeError
from edfi_toolkit.settings.limits import ReadingLimits
from edfi_toolkit.sources.faults import LONGEST, MEGABYTE, check_bytes, check_size

if TYPE_CHECKING:
    from sqlalchemy import Connection, CursorResult

_AT_ONCE = 200  # rows that a driver holds; how much is in them is only known then
_OPTIONS = {
    "stream_results": True,
    "max_row_buffer": _AT_ONCE,
    "no_parameters": True,  # a % in a query is a %
}
_BINARY = 17  # PostgreSQL's number of the type bytea


def rows_of(
    connection: Connection, statement: str, name: str, limits: ReadingLimits
) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
    """The columns of a query, and its rows as they come; SourceShapeError when they are too many or too large."""
    query = connection.execution_options(**_OPTIONS).exec_driver_sql
    if connection.dialect.name != "postgresql":
        result = query(statement)
        return list(result.keys()), (row for part in _parts(result, name, limits) for row in part)
    with closing(query(f"SELECT * FROM ({statement}\n) AS q LIMIT 0")) as nothing:  # noqa: S608 — a steward's query
        described: Sequence[Any] = nothing.cursor.description
    columns = [column.name for column in described]
    result = query(_bounded(statement, described))
    return columns, _none_too_long(result, columns, name, limits)


def _parts(result: CursorResult[Any], name: str, limits: ReadingLimits) -> Iterator[list[tuple[Any, ...]]]:
    rows = size = 0
    with closing(result):
        for part in result.partitions(_AT_ONCE):
            rows += len(part)
            size += sum(len(cell) for row in part for cell in row if isinstance(cell, str | bytes))
            check_size(name, rows=rows, cells=rows * len(part[0]), limits=limits)
            check_bytes(name, size, limits.max_unpacked_mb, "max_unpacked_mb")
            yield [tuple(row) for row in part]


def _bounded(statement: str, described: Sequence[Any]) -> str:
    """The query without values that are too long, and with one more column: the position of the first of these."""
    names = [f"c{at}" for at in range(len(described))]
    sizes = {
        name: f"octet_length({name}{'' if column.type_code == _BINARY else '::text'})"
        for name, column in zip(names, described, strict=True)
        if column.internal_size is None  # values of any length
    }
    values = [
        f"CASE WHEN {sizes[name]} <= {LONGEST} THEN {name} END" if name in sizes else name for name in names
    ]
    too_long = " ".join(f"WHEN {size} > {LONGEST} THEN {name[1:]}" for name, size in sizes.items())
    first = f"CASE {too_long} END" if too_long else "NULL"
    return f"SELECT {', '.join([*values, first])} FROM ({statement}\n) AS q({', '.join(names)})"  # noqa: S608


def _none_too_long(
    result: CursorResult[Any], columns: Sequence[str], name: str, limits: ReadingLimits
) -> Iterator[tuple[Any, ...]]:
    number = 0
    with closing(result):
        for part in _parts(result, name, limits):
            for *row, too_long in part:
                number += 1
                if too_long is not None:
                    raise SourceShapeError(
                        f"{name}, row {number}, column {columns[too_long]}: the value is longer than the longest "
                        f"that is read, {LONGEST // MEGABYTE} MB. Leave the column out of the query, or correct it."
                    )
                yield tuple(row)
