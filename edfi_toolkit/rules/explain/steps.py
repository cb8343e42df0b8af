"""How the elements of one student's records came about, in words: one module a profile, named like the profile's own.

Each module has `elements(candidate, tables, settings)`, the steps of one candidate; `PREFERENCE`, why of two
candidates with one key one wins, by the columns of the profile's WINNER; `without_use(table, settings)`, why a row
was not asked for; and `NO_REASON`, what a student lacks who yields nothing.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from edfi_toolkit.tables import TABLES, Tables

Step = tuple[str, str, str, str, str]  # table, id, outcome, rule, says


def row_of(tables: Tables, table: str, row_id: Any) -> dict[str, Any]:
    """One row by its key; empty when there is none."""
    rows = tables[table]
    found = rows[rows[TABLES[table].primary_key[0]].eq(row_id).fillna(False)]
    return {} if found.empty else {str(name): value for name, value in found.iloc[0].items()}


def has(value: Any) -> bool:
    """Whether a cell is filled."""
    return value is not None and not pd.isna(value)


def day(value: Any, without: str = "none") -> str:
    """A day as yyyy-mm-dd."""
    return str(value)[:10] if has(value) else without
