"""What the tables hold of one student, and which of these rows no rule asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pandas as pd

from edfi_toolkit.display.values import cell_text
from edfi_toolkit.model.refs import row_of
from edfi_toolkit.privacy import is_personal
from edfi_toolkit.rules.explain.steps import Step, day, has
from edfi_toolkit.rules.totals import row_ids
from edfi_toolkit.tables import TABLES, Tables

if TYPE_CHECKING:
    from edfi_toolkit.rules.building import Build

STUDENT = "student_id"


def unreadable_rows(tables: Tables, ids: set[str]) -> pd.DataFrame:
    """Rows of these students that a bad cell kept out of the tables."""
    aside = tables.skipped
    mine = aside[STUDENT].isin(ids) | (aside["table"].eq("students") & aside["id"].isin(ids))
    steps = aside.loc[mine, ["table", "id", "rule", "detail"]].rename(columns={"detail": "says"})
    return steps.assign(outcome="unreadable")


def read(own: Tables, found: pd.DataFrame, column: str) -> Iterator[Step]:
    """The student's row, every row that names the student, and the schools and calendars these name."""
    if found.empty:
        says = f"No row of the table students has this {column}. Look in the SIS, and in the unreadable rows."
        yield "students", "", "not found", "", says
    named: dict[str, set[Any]] = {"schools": set(), "calendars": set()}
    for table, rows in own.items():
        if STUDENT in rows:
            yield from _rows_read(table, rows)
            for key, referred in TABLES[table].foreign_keys.items():
                named.setdefault(referred, set()).update(rows[key].dropna())
    for table in ("schools", "calendars"):
        (key,) = TABLES[table].primary_key
        yield from _rows_read(table, own[table][own[table][key].isin(named[table])])


def _rows_read(table: str, rows: pd.DataFrame) -> Iterator[Step]:
    for row_id, row in zip(row_ids(table, rows), rows.to_dict("records"), strict=True):
        yield table, row_id, "read", "", _cells(table, row)


def _cells(table: str, row: dict[Any, Any]) -> str:
    """The cells that say something: filled and not the default. Names of people never, they decide nothing."""
    filled = [
        f"{column.name}: {day(row[column.name]) if column.type == 'date' else cell_text(row[column.name])}"
        for column in TABLES[table].columns.values()
        if column.type != "json"
        and column.name not in TABLES[table].primary_key
        and (column.name == "student_unique_id" or not is_personal(column.name))
        and has(row[column.name])
        and row[column.name] != column.default
    ]
    return f"{', '.join(filled)}." if filled else "Nothing but its key decides anything."


def not_applicable(again: Build, words: Any) -> Iterator[Step]:
    """Rows of the student that no record rests on and no rule dropped."""
    refs = again.records["source_refs"].explode().dropna()
    settled = {row_of(ref) for ref in refs} | set(again.skipped["table"] + ":" + again.skipped["id"])
    for table, rows in again.tables.items():
        if STUDENT in rows and table != "students":
            for row_id in row_ids(table, rows):
                if f"{table}:{row_id}" not in settled:
                    yield table, row_id, "not asked for", *words.without_use(table, again.settings)
