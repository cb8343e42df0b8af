"""At which school and in which program a source row or a record is, by the names a steward knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from edfi_toolkit.rules.contract import profile as profile_of
from edfi_toolkit.tables.schema import TABLES

if TYPE_CHECKING:
    from edfi_toolkit.tables import Tables
    from edfi_toolkit.validation import Checked


def schools_by_id(tables: Tables, profile: str) -> pd.Series:
    """The name of each school of the source by its Ed-Fi id; missing where the source has none."""
    ids = profile_of(profile).school_ids(tables)
    names = pd.Series(tables["schools"]["name"].array, pd.Index(ids), dtype="str")
    return names[names.index.notna() & ~names.index.duplicated()]


def school_names(ids: pd.Series, tables: Tables, profile: str) -> pd.Series:
    """The name of each organization by its Ed-Fi id; of one that is no school of the source, its id and what it is."""
    schools, texts = schools_by_id(tables, profile), ids.astype("str")
    if schools.empty:
        return texts
    is_owner = ids.isin(tables["program_participation"]["program_education_organization_id"].dropna())
    what = is_owner.map({True: " (owner of the programs)", False: " (not in the table schools)"})
    return ids.map(schools).astype("str").fillna(texts.where(ids.isin(schools.index), texts + what))


def places_of(rows: pd.DataFrame, tables: Tables, profile: str, *, id_column: str) -> pd.DataFrame:
    """student_id, school and program of source rows; missing where the row has none.

    rows: `table`, and the row's id in `id_column`; in `student_id` whose row it is, where that is known of a row that
    could not be read. A row that names no school is where its student was enrolled last.
    """
    found = pd.DataFrame({"student_id": None, "school": None, "program": None}, index=rows.index, dtype="str")
    for name, part in rows.groupby("table"):
        table = TABLES.get(str(name))  # a finding about a whole resource has that in place of a table
        if table is None or len(table.primary_key) != 1:
            continue
        frame = tables[table.name]
        frame = frame.set_axis(frame[table.primary_key[0]].astype("str"))
        read = frame[~frame.index.duplicated()].reindex(part[id_column].astype("str")).set_axis(part.index)
        if "student_id" in part and "student_id" in read:
            read["student_id"] = read["student_id"].fillna(part["student_id"])
        found.loc[part.index] = _of_table(table.name, read, tables, profile)
    return found


def _of_table(name: str, frame: pd.DataFrame, tables: Tables, profile: str) -> pd.DataFrame:
    known = pd.DataFrame(index=frame.index)
    known["student_id"] = frame.get("student_id", pd.Series(None, frame.index, dtype="str"))
    school = known["student_id"].map(_last_schools(tables)).astype("str")
    if "school_id" in frame:
        school = _named(frame["school_id"], _names(tables)).fillna(school)
    elif "education_organization_id" in frame:
        school = school_names(frame["education_organization_id"], tables, profile).fillna(school)
    known["school"] = school
    programs = profile_of(profile).row_programs.get(name)
    known["program"] = (
        programs(frame) if programs else frame.get("program_name", pd.Series(None, frame.index, dtype="str"))
    )
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
    profile = checked.build.profile
    places = places_of(found, tables, profile, id_column="row_id")
    school = school_names(found["education_organization_id"], tables, profile).where(
        found["resource"].notna()
    )
    places = places.assign(school=school.fillna(places["school"]))
    places["program"] = found["program_name"].fillna(places["program"])
    first = ["severity", "rule_id", "says", "hint", "field", "student_unique_id"]
    rest = found.columns.drop([*first, "program_name", "education_organization_id"])
    return pd.concat([found[first], places[["school", "program"]], found[rest], places["student_id"]], axis=1)
