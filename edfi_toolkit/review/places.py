"""At which school and in which program a source row or a record is, by the names a steward knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from edfi_toolkit.tables.schema import TABLES

if TYPE_CHECKING:
    from edfi_toolkit.tables import Tables
    from edfi_toolkit.validation import Checked


def school_names(ids: pd.Series, tables: Tables) -> pd.Series:
    """The name of each school by its Ed-Fi id; the id where the source has no name for it."""
    schools = tables["schools"].dropna(subset=["ed_fi_school_id", "name"])
    names = schools.drop_duplicates("ed_fi_school_id").set_index("ed_fi_school_id")["name"]
    return _named(ids, names)


def places_of(rows: pd.DataFrame, tables: Tables, *, id_column: str) -> pd.DataFrame:
    """student_id, school and program of source rows; missing where the row has none.

    rows: `table`, and the row's id in `id_column`. A row that names no school is where its student was enrolled last.
    """
    found = pd.DataFrame({"student_id": None, "school": None, "program": None}, index=rows.index, dtype="str")
    for name, part in rows.groupby("table"):
        table = TABLES.get(str(name))  # a finding about a whole resource has that in place of a table
        if table is None or len(table.primary_key) != 1:
            continue
        ids = tables[table.name][table.primary_key[0]].astype("str")
        known = _of_table(tables[table.name], tables).set_axis(ids)
        known = known[~known.index.duplicated()]
        for column in found:
            found.loc[part.index, column] = part[id_column].map(known[column]).astype("str")
    return found


def _of_table(frame: pd.DataFrame, tables: Tables) -> pd.DataFrame:
    known = pd.DataFrame(index=frame.index)
    known["student_id"] = frame.get("student_id", pd.Series(None, frame.index, dtype="str"))
    if "school_id" in frame:
        known["school"] = _named(frame["school_id"], _names(tables))
    elif "education_organization_id" in frame:
        known["school"] = school_names(frame["education_organization_id"], tables)
    else:
        known["school"] = known["student_id"].map(_last_schools(tables))
    known["program"] = frame.get("program_name", pd.Series(None, frame.index, dtype="str"))
    return known.astype("str")


def _names(tables: Tables) -> pd.Series:
    """The name of each school by its id in the SIS."""
    return (
        tables["schools"].dropna(subset=["name"]).drop_duplicates("school_id").set_index("school_id")["name"]
    )


def _last_schools(tables: Tables) -> pd.Series:
    """The name of the school where each student was enrolled last."""
    last = (
        tables["enrollments"]
        .sort_values("start_date", kind="stable")
        .drop_duplicates("student_id", keep="last")
    )
    schools = last.set_index("student_id")["school_id"]
    return _named(schools, _names(tables))


def _named(ids: pd.Series, names: pd.Series) -> pd.Series:
    return ids.map(names).astype("str").fillna(ids.astype("str"))


def findings_at_places(checked: Checked) -> pd.DataFrame:
    """The findings with the school by its name, and of a source row its student, school and program."""
    found, tables = checked.findings, checked.build.tables
    places = places_of(found, tables, id_column="row_id")
    school = school_names(found["education_organization_id"], tables).where(found["resource"].notna())
    places = places.assign(school=school.fillna(places["school"]))
    places["program"] = found["program_name"].fillna(places["program"])
    first = ["severity", "rule_id", "says", "hint", "field", "student_unique_id"]
    rest = found.columns.drop([*first, "program_name", "education_organization_id"])
    return pd.concat([found[first], places[["school", "program"]], found[rest], places["student_id"]], axis=1)
