"""By which cell of the source a record is listed: the one that its rule reads, else the one that names the student."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from edfi_toolkit.display.values import cell_text
from edfi_toolkit.model.frames import places as positions
from edfi_toolkit.model.refs import split_ref
from edfi_toolkit.privacy import PERSONAL_TABLES
from edfi_toolkit.review.places import columns_in_the_source, row_places
from edfi_toolkit.rules.catalogue import RULES
from edfi_toolkit.rules.explain.steps import row_of
from edfi_toolkit.tables.corrections import APPLIED
from edfi_toolkit.tables.schema import TABLES

if TYPE_CHECKING:
    from edfi_toolkit.tables import Tables

_STUDENT, _PROGRAM = "student_id", "program_name"


def listed_by(records: pd.DataFrame, tables: Tables) -> pd.Series:
    """Why each record is there, as the end of a sentence: `cte_records.csv, row 9, column program_enrolled says 1`.

    records: as of `Build.records`. Of several rows that say so, one at the school of the enrollment goes first.
    """
    pairs = zip(records["source_refs"], records["rules"], strict=True)
    columns = ["table", "row_id", "field", "says"]
    cells = pd.DataFrame([_cell(*pair, tables) for pair in pairs], records.index, columns, dtype="str")
    at = row_places(cells, tables, id_column="row_id")
    between = cells["table"].isin(PERSONAL_TABLES).map({True: ":", False: " "})  # a reference is masked
    unplaced = cells["table"] + between + cells["row_id"]
    names = pd.Series(columns_in_the_source(cells, tables), cells.index, dtype="str").fillna(cells["field"])
    where = (at["file"] + ", row " + at["row"].astype("str")).fillna(unplaced)
    return where + ", column " + names + " " + cells["says"]


def _cell(refs: list[str], rules: list[str], tables: Tables) -> tuple[str, str, str, str]:
    """table, row_id and field of the cell, and what it says.

    A yes or no that says no, or an empty cell, is not what lists a student: that the row is there is.
    """
    rows = list(dict.fromkeys(map(split_ref, refs)))
    trigger = rows[0][0]
    reads = next((RULES[rule].lists for rule in rules if rule in RULES and RULES[rule].lists), "")
    table, _, field = (reads or f"{trigger}.{_PROGRAM}").partition(".")
    own = [row_id for name, row_id in rows if name == table]
    row_id = _first_of(table, own, rows, tables)
    value = _text(table, row_id, field, tables)
    says = "names the student"
    if value:
        says = f"{'was corrected to' if _is_corrected(table, row_id, field, tables) else 'says'} {value}"
    if more := len(own) - 1:
        says += f", as {'does 1 more row' if more == 1 else f'do {more:,} more rows'}"
    return table, row_id, field if value else _STUDENT, says


def _first_of(table: str, row_ids: list[str], rows: list[tuple[str, str]], tables: Tables) -> str:
    """One at the school of an enrollment that the record rests on: under a setting others do not count."""
    enrolled = (row_of(tables, "enrollments", row_id) for name, row_id in rows if name == "enrollments")
    schools = {row.get("school_id") for row in enrolled}
    there = (row_id for row_id in row_ids if row_of(tables, table, row_id).get("school_id") in schools)
    return next(there, row_ids[0])


def _text(table: str, row_id: str, field: str, tables: Tables) -> str:
    """What the source says in a cell; empty where it has no such column, or says no."""
    frame, shape, written = tables[table], tables.shapes.get(table), tables.written.get(table)
    (at,) = positions(pd.Series([row_id], dtype="str"), TABLES[table].ids(frame))
    if at < 0 or field not in frame or (shape and field not in shape.columns):
        return ""
    cell = frame[field].iloc[at]
    if written is not None and field in written and cell_text(cell) != "no":
        return cell_text(written[field].iloc[at])
    return cell_text(cell) if cell_text(cell) != "no" else ""


def _is_corrected(table: str, row_id: str, field: str, tables: Tables) -> bool:
    laid = tables.corrections
    same = laid["table"].eq(table) & laid["column"].eq(field) & laid["state"].eq(APPLIED)
    return any(row_id in touched for touched in laid.loc[same, "rows"])
