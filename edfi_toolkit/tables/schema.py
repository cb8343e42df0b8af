"""The canonical tables as data: what a source is mapped to, and all that a rule ever reads.

One schema serves every student information system. `required` on a key column means each row must fill it;
on any other column it means the column must exist, and an empty cell is judged by the profile's own rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

import pandas as pd

DTYPES = {
    "str": "str",
    "enum": "str",
    "int": "Int64",
    "year": "Int64",
    "date": "datetime64[us]",
    "json": "object",
}


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column: its type, what an empty cell becomes, and what it means.

    is_id: text that names something; an id that an export has disguised is a load error (COM-NRM-2).
    upper: a code, upper-cased for comparison (COM-NRM-5). Codes that are published keep their spelling.
    none: the code for "none"; any other word for nothing is then a load error (COM-NRM-5).
    loose: spelling, spaces and hyphens of the code do not matter (COM-NRM-5).
    values: the members of an enumeration, in the spelling that is kept.
    references: the table whose primary key this column holds.
    shown_only: no rule reads it, so no record rests on it.
    """

    name: str
    type: str = "str"
    meaning: str = ""
    default: Any = None
    required: bool = False
    is_id: bool = False
    upper: bool = False
    none: str | None = None
    loose: bool = False
    values: tuple[str, ...] = ()
    references: str | None = None
    shown_only: bool = False

    @property
    def dtype(self) -> Any:
        """The pandas dtype of the normalised column."""
        if self.type == "bool":
            return "boolean" if self.default is None else "bool"
        return DTYPES[self.type]

    @property
    def keeps_text(self) -> bool:
        """Whether a cell is the text of the source, and no other spelling or type of it."""
        return self.type == "str" and not (self.upper or self.loose or self.none)


@dataclass(frozen=True, kw_only=True)
class Table:
    """One canonical table: its columns in order, its primary key, and what one row is."""

    name: str
    meaning: str
    primary_key: tuple[str, ...]
    columns: Mapping[str, Column] = field(default_factory=dict)

    @cached_property
    def foreign_keys(self) -> dict[str, str]:
        """Column -> the table it refers to."""
        return {column.name: column.references for column in self.columns.values() if column.references}

    @cached_property
    def required_keys(self) -> tuple[str, ...]:
        """The columns every row must fill."""
        return tuple(
            column.name
            for column in self.columns.values()
            if column.required and (column.name in self.primary_key or column.references)
        )

    def ids(self, rows: pd.DataFrame) -> pd.Series:
        """The primary key of each row as one text, its parts joined by `|`."""
        first, *others = (rows[name].astype("str") for name in self.primary_key)
        return first.str.cat(others, sep="|") if others else first.copy()

    def empty(self) -> pd.DataFrame:
        """A frame without rows, with all columns in their types."""
        return self._empty.copy()

    @cached_property
    def _empty(self) -> pd.DataFrame:
        return pd.DataFrame({column.name: pd.Series(dtype=column.dtype) for column in self.columns.values()})


def _table(name: str, meaning: str, primary_key: str, *columns: Column) -> Table:
    by_name = MappingProxyType({column.name: column for column in columns})
    return Table(name=name, meaning=meaning, primary_key=tuple(primary_key.split()), columns=by_name)


def _key(name: str, meaning: str) -> Column:
    return Column(name=name, meaning=meaning, required=True, is_id=True)


def _refers(name: str, table: str, meaning: str, *, required: bool = True) -> Column:
    return Column(name=name, meaning=meaning, required=required, is_id=True, references=table)


def _id(name: str, meaning: str, *, required: bool = False) -> Column:
    return Column(name=name, meaning=meaning, required=required, is_id=True)


def _text(name: str, meaning: str, *, required: bool = False) -> Column:
    return Column(name=name, meaning=meaning, required=required)


def _code(name: str, meaning: str, *, none: str | None = None) -> Column:
    return Column(name=name, meaning=meaning, upper=True, none=none)


def _shown(name: str, meaning: str) -> Column:
    return Column(name=name, meaning=meaning, shown_only=True)


def _enum(name: str, meaning: str, values: str, default: str | None = None) -> Column:
    return Column(name=name, type="enum", meaning=meaning, values=tuple(values.split()), default=default)


def _int(name: str, meaning: str, *, required: bool = False) -> Column:
    return Column(name=name, type="int", meaning=meaning, required=required)


def _school_year() -> Column:
    return Column(name="school_year", type="year", meaning="the year the school year ends in", required=True)


def _date(name: str, meaning: str, *, required: bool = False) -> Column:
    return Column(name=name, type="date", meaning=meaning, required=required)


def _flag(name: str, meaning: str, default: bool | None = False) -> Column:
    return Column(name=name, type="bool", meaning=meaning, default=default)


_RECORD = _key("record_id", "key of the record in the SIS")
_STUDENT = _refers("student_id", "students", "whose record it is")
_START = _date("start_date", "first day", required=True)
_END = _date("end_date", "last day; empty while it goes on")

_ALL = (
    _table(
        "students",
        "one person as the SIS knows them",
        "student_id",
        _key("student_id", "the SIS's own key"),
        _id("student_unique_id", "state-assigned id, published as studentUniqueId"),
        _shown("first_name", "shown in reports only, never published"),
        _shown("last_name", "shown in reports only, never published"),
        _flag("state_exclude", "left out of state reporting"),
        _flag("student_published", "the student is already in the ODS for this year; empty: not known", None),
        _int("enroll_status", "0 active, 2 transferred out, 3 graduated"),
        _id("current_school_id", "school the record sits in now"),
        _id("enrollment_school_id", "school of the enrollment the record describes"),
        _id("location_code", "building override of one student"),
    ),
    _table(
        "schools",
        "one school or building",
        "school_id",
        _key("school_id", "key that enrollments use"),
        _id("school_number", "number used for reporting, up to 7 letters and digits"),
        _id("alt_school_number", "alternate number; empty, 0 or negative means none"),
        _int("ed_fi_school_id", "Ed-Fi id of the school, where the SIS stores it"),
        _shown("name", "shown in reports only"),
        _flag("state_exclude", "left out of state reporting"),
    ),
    _table(
        "calendars",
        "one school's calendar of one year",
        "calendar_id",
        _key("calendar_id", "key of the calendar"),
        _refers("school_id", "schools", "the school it belongs to"),
        _school_year(),
        _date("start_date", "first day"),
        _date("end_date", "last day"),
        _flag("state_exclude", "left out of state reporting"),
        _flag("summer_school", "a summer-school calendar"),
    ),
    _table(
        "enrollments",
        "one period of one student at one school",
        "enrollment_id",
        _key("enrollment_id", "key of the period"),
        _refers("student_id", "students", "who is enrolled"),
        _refers("school_id", "schools", "where"),
        _refers("calendar_id", "calendars", "in which calendar", required=False),
        _date("start_date", "first day", required=True),
        _date("end_date", "as the SIS stores it: last day attended, or first day no longer enrolled"),
        _flag("is_current", "the period that the SIS keeps on the student's own row"),
        _shown("grade_level", "not used for selection"),
        _enum("service_type", "P primary, S partial, N special education services", "P S N", "P"),
        _enum(
            "state_enrollment_type",
            "P primary, PPP parentally placed private, C coursework only, M membership",
            "P PPP C M",
            "P",
        ),
        _flag("no_show", "enrolled and never came"),
        _flag("state_exclude", "left out of state reporting"),
        _flag("wise_exclude", "left out of Wisconsin's reporting"),
        _enum("coord_early_intervention", "coordinated early intervening services", "Y N"),
        _code("third_party_provider", "CESA, NONE or another provider's code", none="NONE"),
        _int("override_ed_fi_school_id", "Ed-Fi id of the school chosen as override"),
    ),
    _table(
        "program_participation",
        "one student in one program, as it is published",
        "participation_id",
        _key("participation_id", "key of the participation"),
        _refers("student_id", "students", "who takes part"),
        _text("resource", "endpoint, for example studentHomelessProgramAssociations", required=True),
        _int("education_organization_id", "who delivers or reports it", required=True),
        _int("program_education_organization_id", "owner of the program", required=True),
        _text("program_name", "name of the program, at most 60 characters", required=True),
        _text("program_type", "descriptor code value or full URI", required=True),
        _date("begin_date", "first day", required=True),
        _date("end_date", "last day"),
        _text("reason_exited", "code value or URI of ReasonExitedDescriptor"),
        _flag("served_outside_of_regular_session", "served outside of the regular session", None),
        Column(name="attributes", type="json", meaning="properties of the resource under their Ed-Fi names"),
    ),
    _table(
        "section504_records",
        "one section 504 record",
        "record_id",
        _RECORD,
        _STUDENT,
        _START,
        _END,
        _flag("eligible", "found eligible", True),
        _flag("accommodation_plan", "has a plan", None),
        _date("meeting_date", "day of the meeting"),
        _date("eligibility_decision_date", "day of the decision"),
        _text("disability", "code value or URI of Section504DisabilityDescriptor"),
    ),
    _table(
        "ceis_records",
        "one record of coordinated early intervening services",
        "record_id",
        _RECORD,
        _STUDENT,
        _START,
        _END,
    ),
    _table(
        "instruction_mode_records",
        "one period of one student in one learning modality",
        "record_id",
        _RECORD,
        _STUDENT,
        _START,
        _END,
        _id("school_number", "state number of the school, not its key in the SIS", required=True),
        _text("learning_modality", "In-Person, Remote or Hybrid", required=True),
    ),
    _table(
        "lep_records",
        "one English learner record",
        "record_id",
        _RECORD,
        _STUDENT,
        _enum("program_status", "the status of the student", "EL PENDING NOT_EL EXITED"),
        _date("identified_date", "day of identification"),
        _date("program_exit_date", "last day in the program"),
        _enum("el_served", "S served without Title III, T served by Title III, N not served", "S T N"),
        _date("first_year_monitoring_date", "begin of the first year of monitoring"),
        _date("second_year_monitoring_date", "begin of the second year of monitoring"),
        _flag("parent_refused", "the parents refused the service", None),
    ),
    _table(
        "cte_records",
        "one career and technical education credential of one student",
        "record_id",
        _RECORD,
        _STUDENT,
        _refers("school_id", "schools", "where it was earned", required=False),
        _code("industry_credential_code", "the credential"),
        _code("delivery_method_code", "how it was taught"),
        _date("credential_earned_date", "day it was earned"),
        _flag("program_completed", "the program was completed", None),
        _flag("program_enrolled", "enrolled in the program", True),
    ),
    _table(
        "preferences",
        "one setting of the SIS",
        "name",
        _text("name", "compared without regard to case", required=True),
        _text("value", "its value"),
    ),
    _table(
        "edfi_config",
        "one school year's configuration; a run works on one row",
        "school_year",
        _school_year(),
        _date("config_start", "first day; when empty, July 1 of the year before"),
        _date("config_end", "last day; when empty, June 30"),
        Column(
            name="profile",
            type="enum",
            meaning="the kind of reporter",
            values=("public", "choice_only", "choice_private_opt_in"),
            default="public",
            loose=True,
        ),
        _flag("valid", "the configuration may be used", True),
        _text("data_standard", "version of the data standard, such as 5.2"),
    ),
    _table(
        "resource_preferences",
        "one resource's switch",
        "resource",
        _text("resource", "endpoint", required=True),
        _flag("enabled", "the resource is published", True),
        _text("mapping_version", "version of the mapping"),
    ),
    _table(
        "descriptor_map",
        "one local code and the descriptor it stands for",
        "descriptor local_code",
        _text("descriptor", "such as ProgramTypeDescriptor", required=True),
        _text("local_code", "the code in the SIS", required=True),
        _text("ed_fi_uri", "the full URI"),
    ),
)
TABLES: Mapping[str, Table] = MappingProxyType({table.name: table for table in _ALL})
# They decide what is sent at all, whatever the source (COM-CTL-1 to -3).
CONTROL_TABLES = ("preferences", "edfi_config", "resource_preferences", "descriptor_map")
