"""The dirty rows a district may have: what stands in them, and the rule or finding that must tell of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pandas as pd

from edfi_toolkit.synthetic.edits import Edit
from edfi_toolkit.synthetic.people import among

Tables = Mapping[str, pd.DataFrame]
NO_DAY = "2026-02-30"


def _cell(
    table: str,
    column: str,
    becomes: str | Callable[[pd.DataFrame], pd.Series] | None,
    rule: str,
    where: Callable[[Tables], pd.Series] | None = None,
) -> Edit:
    """One cell of a row becomes another text, or empty."""

    def to(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(**{column: becomes(rows) if callable(becomes) else becomes})

    return Edit(table=table, what=column, to=to, rule=rule, where=where)


def _decimal(column: str) -> Callable[[pd.DataFrame], pd.Series]:
    """An id as a spreadsheet writes it that took it for a number."""
    return lambda rows: rows[column] + ".0"


def _years_before(column: str) -> Callable[[pd.DataFrame], pd.Series]:
    """A day in the year before, so that the row ends before it begins."""
    return lambda rows: (rows[column].str[:4].astype("int64") - 1).astype("str") + "-01-01"


def _mistyped(rows: pd.DataFrame) -> pd.Series:
    """A state id that no ODS knows."""
    return rows["student_unique_id"] + "X"


# ---- which rows may be chosen: those whose fault no other reason to leave them out would hide


def _of(rows: Callable[[Tables], pd.Series]) -> Callable[[Tables], pd.Series]:
    """The students of the enrollments chosen, as rows of `students`."""
    return lambda tables: among(
        tables["students"]["student_id"], tables["enrollments"].loc[rows(tables), "student_id"]
    )


def _participants(tables: Tables) -> pd.Series:
    return among(tables["students"]["student_id"], tables["program_participation"]["student_id"])


def _plain_in_new_mexico(tables: Tables) -> pd.Series:
    """The current period of a student who is sent: published, not left out, in CTE, in a school of this year."""
    enrollments, students, schools = tables["enrollments"], tables["students"], tables["schools"]
    plain = students["student_published"].eq("1") & students["state_exclude"].isna()
    plain &= students["enroll_status"].eq("0")
    enrolled = tables["cte_records"].loc[tables["cte_records"]["program_enrolled"].ne("0"), "student_id"]
    regular = schools["state_exclude"].isna() & schools["school_number"].str.len().le(3)
    return (
        enrollments["is_current"].eq("1")
        & enrollments["start_date"].ge(_opening(tables))
        & among(enrollments["school_id"], schools.loc[regular, "school_id"])
        & among(enrollments["student_id"], students.loc[plain, "student_id"])
        & among(enrollments["student_id"], enrolled)
    )


def _plain_in_wisconsin(tables: Tables) -> pd.Series:
    """Enrollments of this year that nothing leaves out, of students whose every enrollment is such a one."""
    enrollments, schools, calendars = tables["enrollments"], tables["schools"], tables["calendars"]
    regular = calendars["state_exclude"].isna() & calendars["summer_school"].isna()
    known = schools["state_exclude"].isna() & schools["ed_fi_school_id"].notna()
    plain = (
        enrollments[["no_show", "state_exclude", "wise_exclude"]].isna().all(axis="columns")
        & enrollments["state_enrollment_type"].ne("C")
        & enrollments["state_enrollment_type"].ne("M")
        & enrollments["service_type"].ne("S")
        & enrollments["start_date"].ge(_opening(tables))
        & among(enrollments["calendar_id"], calendars.loc[regular, "calendar_id"])
        & among(enrollments["school_id"], schools.loc[known, "school_id"])
    )
    student = enrollments["student_id"]
    taught = among(student, tables["instruction_mode_records"]["student_id"])
    return plain & taught & ~among(student, enrollments.loc[~plain, "student_id"])


def _opening(tables: Tables) -> str:
    return f"{int(tables['edfi_config']['school_year'].iloc[0]) - 1}-07-01"


# ---- what is wrong


DIRT: Mapping[str, tuple[Edit, ...]] = {
    "certification": (
        _cell("students", "student_unique_id", None, "CERT-SEL-1", _participants),
        _cell("students", "student_unique_id", _mistyped, "REF-STUDENT", _participants),
        _cell("program_participation", "begin_date", NO_DAY, "COM-NRM-3"),
        _cell("program_participation", "end_date", _years_before("begin_date"), "CERT-SEL-3"),
        _cell("program_participation", "student_id", _decimal("student_id"), "COM-NRM-2"),
        _cell("program_participation", "student_id", None, "COM-NRM-6"),
        _cell("program_participation", "resource", "studentSportsProgramAssociations", "CERT-SEL-4"),
        _cell("program_participation", "attributes", "{", "COM-NRM-4"),
        _cell("program_participation", "program_name", "Program of nowhere", "COM-DEP-1"),
    ),
    "nm-powerschool": (
        _cell("students", "student_unique_id", None, "NM-SEL-4", _of(_plain_in_new_mexico)),
        _cell("students", "student_unique_id", _mistyped, "REF-STUDENT", _of(_plain_in_new_mexico)),
        _cell("students", "location_code", "1234", "NM-ERR-2", _of(_plain_in_new_mexico)),
        _cell("students", "enroll_status", "active", "COM-NRM-2"),
        _cell("enrollments", "start_date", NO_DAY, "COM-NRM-3"),
        _cell("enrollments", "end_date", _years_before("start_date"), "COM-VAL-1", _plain_in_new_mexico),
        _cell("enrollments", "student_id", _decimal("student_id"), "COM-NRM-2"),
        _cell("enrollments", "school_id", None, "COM-NRM-6"),
        _cell("enrollments", "school_id", "8888", "NM-ERR-2", _plain_in_new_mexico),
        _cell("cte_records", "program_completed", "maybe", "COM-NRM-4"),
        _cell("cte_records", "student_id", "unknown", "NM-SEL-1"),
    ),
    "wi-infinite-campus": (
        _cell("students", "student_unique_id", None, "WI-ENR-1", _of(_plain_in_wisconsin)),
        _cell("students", "student_unique_id", _mistyped, "REF-STUDENT", _of(_plain_in_wisconsin)),
        _cell("enrollments", "start_date", NO_DAY, "COM-NRM-3"),
        _cell("enrollments", "start_date", None, "WI-ENR-2", _plain_in_wisconsin),
        _cell("enrollments", "student_id", _decimal("student_id"), "COM-NRM-2"),
        _cell("enrollments", "school_id", None, "COM-NRM-6"),
        _cell("enrollments", "school_id", "8888", "WI-ENR-10", _plain_in_wisconsin),
        _cell("enrollments", "no_show", "perhaps", "COM-NRM-4"),
        _cell("enrollments", "service_type", "Q", "COM-NRM-5"),
        _cell("section504_records", "start_date", NO_DAY, "COM-NRM-3"),
        _cell("section504_records", "end_date", _years_before("start_date"), "WI-504-1"),
        _cell("ceis_records", "start_date", "13/45/2025", "COM-NRM-3"),
        _cell("ceis_records", "end_date", _years_before("start_date"), "WI-CEIS-1"),
        _cell("instruction_mode_records", "learning_modality", "Satellite", "WI-MOD-3"),
        _cell("instruction_mode_records", "school_number", "9999", "WI-MOD-4"),
        _cell("instruction_mode_records", "end_date", NO_DAY, "COM-NRM-3"),
    ),
}
