"""Where a skipped row is in the source; and where its rule names the cell to be corrected, where that is, in whatever
table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pandas as pd

from edfi_toolkit.display.values import cell_text
from edfi_toolkit.model.frames import places as positions
from edfi_toolkit.review.cached import cached_by_argument
from edfi_toolkit.review.places import columns_in_the_source, placed_findings, places_of, row_places
from edfi_toolkit.rules.catalogue import RULES
from edfi_toolkit.rules.contract import profile as profile_of
from edfi_toolkit.tables.schema import TABLES

if TYPE_CHECKING:
    from edfi_toolkit.rules import Build
    from edfi_toolkit.tables import Tables
    from edfi_toolkit.validation import Checked

_Places = Callable[[pd.DataFrame], pd.DataFrame]
_ORGANIZATION = "organization"  # as the cell of a rule: the one that the organization id comes from
_PREFERENCES = "preferences"


def skipped_places(skipped: pd.DataFrame, tables: Tables, profile: str) -> pd.DataFrame:
    """student_id, school and program as of `places_of`; file, row, column of the cell to be corrected, where the rule
    names it and the source has it, else of the row; table: that of the cell, else of the row.

    skipped: table, id, rule, file, row, column, and student_id where it is known; its index is unique.
    """
    found = places_of(skipped, tables, profile, id_column="id")
    if "student_id" in skipped:
        found["student_id"] = skipped["student_id"].fillna(found["student_id"])
    of_row = row_places(skipped, tables, id_column="id")
    cells = _cells(skipped.assign(student_id=found["student_id"]), tables, profile)
    of_cell = row_places(cells, tables, id_column="row_id")
    is_known = of_cell["file"].notna()
    names = pd.Series(columns_in_the_source(cells, tables), cells.index, dtype="str")
    return found.assign(
        file=of_cell["file"].fillna(skipped["file"]).fillna(of_row["file"]),
        row=of_cell["row"].fillna(skipped["row"]).fillna(of_row["row"]),
        column=names.where(is_known).fillna(skipped["column"]),
        table=cells["table"].where(is_known, skipped["table"]),
    )


@cached_by_argument
def skipped_at(build: Build) -> pd.DataFrame:
    """`skipped_places` of a build, on the index of its skipped rows."""
    return skipped_places(build.skipped, build.tables, build.profile)


def places_for_report(checked: Checked) -> tuple[_Places, _Places]:
    """`places` and `row_places` of `Checked.write_report`: of findings, and of skipped rows."""
    found, of_skipped = placed_findings(checked), skipped_at(checked.build)

    def of_findings(some: pd.DataFrame) -> pd.DataFrame:
        return found.loc[some.index]

    def of_rows(skipped: pd.DataFrame) -> pd.DataFrame:
        return of_skipped.loc[skipped.index, ["file", "row", "column", "school"]]

    return of_findings, of_rows


def _cells(skipped: pd.DataFrame, tables: Tables, profile: str) -> pd.DataFrame:
    """table, row_id and field of the cell that the rule of each row names; missing where it names none."""
    cells = pd.DataFrame(None, skipped.index, columns=["table", "row_id", "field"], dtype="str")
    for rule_id, rows in skipped.groupby("rule"):
        cell = RULES[rule_id].cell if rule_id in RULES else ""
        if cell == _ORGANIZATION:
            cells.loc[rows.index] = _organization_cells(rows, tables, profile)
        elif cell:
            table, _, field = cell.partition(".")
            cells.loc[rows.index, "table"], cells.loc[rows.index, "field"] = table, field
            cells.loc[rows.index, "row_id"] = _pointed_at(table, rows, tables, profile)
    return cells


def _organization_cells(rows: pd.DataFrame, tables: Tables, profile: str) -> pd.DataFrame:
    """As `_cells`, of the cell that a row's organization comes from; missing where its school is not in the source."""
    ids = {name: _pointed_at(name, rows, tables, profile) for name in ("students", "schools")}
    read = {name: _rows(name, keys, tables).to_dict("records") for name, keys in ids.items()}
    found = [
        _organization_cell(dict(zip(read, pair, strict=True)), profile)
        for pair in zip(*read.values(), strict=True)
    ]
    cells = pd.DataFrame(found, rows.index, columns=["table", "field"], dtype="str")
    of_student = cells["table"].eq("students")
    return cells.assign(row_id=ids["schools"].mask(of_student, ids["students"]))


def _organization_cell(read: dict[str, dict[Any, Any]], profile: str) -> tuple[str | None, str | None]:
    filled = {
        f"{name}.{column}": text
        for name, row in read.items()
        for column, cell in row.items()
        if (text := cell_text(cell))
    }
    if "schools.school_id" not in filled:
        return None, None
    table, _, field = profile_of(profile).organization_cell(filled).partition(".")
    return table or None, field or None


def _pointed_at(table: str, rows: pd.DataFrame, tables: Tables, profile: str) -> pd.Series:
    """The key of the row of this table that each skipped row points to, or is."""
    if table == _PREFERENCES:  # those of the profile's rules concern every row
        wanted = {name.casefold() for name in profile_of(profile).preferences}
        named = [name for name in tables[table]["name"] if name.casefold() in wanted]
        return pd.Series(named[0] if len(named) == 1 else None, rows.index, dtype="str")
    key = TABLES[table].primary_key[0]
    if key == "student_id":
        return rows["student_id"].astype("str")
    found = pd.Series(None, rows.index, dtype="str")
    for name, part in rows.groupby("table"):
        read = _rows(str(name), part["id"], tables) if name in TABLES else pd.DataFrame()
        if key in read:
            found[part.index] = read[key].astype("str")
            if (name, table) == ("enrollments", "schools"):
                counted = profile_of(profile).counted_at(tables)
                found[part.index] = part["id"].map(counted).astype("str").fillna(found[part.index])
    return found


def _rows(table: str, ids: pd.Series, tables: Tables) -> pd.DataFrame:
    """The row of each key, on the index of the keys; all missing where there is none."""
    at = positions(ids, TABLES[table].ids(tables[table]))
    return tables[table].reset_index(drop=True).reindex(at).set_axis(ids.index)
