"""What New Mexico asks of its tables and records beyond the data standard (docs/rules/nm_powerschool.md), as data.

A row that a rule of the profile skips is told once more beside all its other doubtful cells, as a warning: there is
no record to hold. A record that breaks what the state fixes is critical.
"""

from __future__ import annotations

from collections.abc import Iterator

from edfi_toolkit.rules.nm_powerschool.rules import CIP_CODE, NAME, PROGRAM, RESOURCE, STATE
from edfi_toolkit.validation.expectation_kinds import (
    NOT_EXCLUDED,
    SKIPPED,
    between,
    empty,
    filled,
    has_rows,
    in_order,
    matches,
    one_of,
    somewhere,
    within,
)
from edfi_toolkit.validation.suite_files import SCHOOL_YEAR, Expectation

ORGANIZATIONS = {"min_value": int(f"{STATE}000000"), "max_value": int(f"{STATE}999999")}  # NM-ELE-1: 8 digits
THREE_DIGITS = r"^[0-9]{1,3}$"
ENROLL_STATUS = (-2, -1, 0, 1, 2, 3, 4)  # PowerSchool's own list
DISTRICT = {"type": "comparison", "column": {"name": "name"}, "operator": "==", "parameter": "districtnumber"}
NO_ALTERNATE = {"type": "nullity", "column": {"name": "alt_school_number"}, "is_null": True}
BY_CALENDAR = {"nm.year_window": ["calendar"]}


def nm_suites() -> dict[str, list[Expectation]]:
    """Suite name -> expectations: the tables the profile reads, then the resource it builds."""
    tables = {
        "students": _students,
        "schools": _schools,
        "preferences": _preferences,
        "enrollments": _enrollments,
        "calendars": _calendars,
        "cte_records": _credentials,
    }
    return {
        **{f"{NAME}.source.{table}": list(rules(f"source.{table}")) for table, rules in tables.items()},
        f"{NAME}.{RESOURCE}": list(_records(RESOURCE)),
    }


def _students(subject: str) -> Iterator[Expectation]:
    says = "No student is marked as published, so no record can be built."
    asked = {"nm.student_published_from": ["column"]}
    yield somewhere(subject, "student_published", [True], "NM-SEL-1", says, severity=SKIPPED, settings=asked)
    says = "The student has no state student number, so nothing can be reported for this student."
    yield filled(subject, "student_unique_id", "NM-SEL-4", says, severity=SKIPPED)
    says = "The state student number is not made of digits alone; check that it is the state's."
    yield matches(subject, "student_unique_id", r"^[0-9]+$", "NM-ELE-5", says, severity="warning")
    says = "Enroll_Status is none of PowerSchool's codes, -2 to 4; only 2 marks a transfer."
    yield one_of(subject, "enroll_status", ENROLL_STATUS, "NM-ELE-1a", says, severity="warning")
    says = "LocationCode is not one to three digits, so no organization id can be formed from it."
    yield matches(subject, "location_code", THREE_DIGITS, "NM-ERR-2", says, severity=SKIPPED)


def _schools(subject: str) -> Iterator[Expectation]:
    for column, words in (
        ("school_number", "The school number"),
        ("alt_school_number", "The alternate school number"),
    ):
        says = f"{words} is not one to three digits, so no organization id can be formed from it."
        regex = THREE_DIGITS if column == "school_number" else r"^-?[0-9]{1,3}$"
        yield matches(subject, column, regex, "NM-ERR-2", says, severity=SKIPPED, row_condition=NOT_EXCLUDED)
    says = "The school has neither a school number nor an alternate one."
    yield filled(subject, "school_number", "NM-ERR-2", says, severity=SKIPPED, row_condition=NO_ALTERNATE)


def _preferences(subject: str) -> Iterator[Expectation]:
    says = "The table preferences is empty: without DistrictNumber no organization id can be formed."
    yield has_rows(subject, ("cte_records",), "NM-ERR-1", says, severity=SKIPPED)
    says = "There is no preference DistrictNumber, so no organization id can be formed."
    yield somewhere(subject, "name", ["districtnumber"], "NM-ERR-1", says, severity=SKIPPED)
    says = "DistrictNumber is empty, so no organization id can be formed."
    yield filled(subject, "value", "NM-ERR-1", says, severity=SKIPPED, row_condition=DISTRICT)
    says = "DistrictNumber is not one to three digits, so no organization id can be formed."
    yield matches(subject, "value", THREE_DIGITS, "NM-ERR-1", says, severity=SKIPPED, row_condition=DISTRICT)


def _enrollments(subject: str) -> Iterator[Expectation]:
    says = "The enrollment has no entry date."
    yield filled(subject, "start_date", "NM-SEL-3", says, severity=SKIPPED)
    yield in_order(subject, "start_date", "end_date", "COM-VAL-1", severity=SKIPPED)
    says = "The entry date lies after the school year. Earlier years are ordinary; a later one may be a slip."
    last = {"max_date": SCHOOL_YEAR["max_date"]}
    yield within(subject, "start_date", "NM-SEL-3", says, severity="info", **last)


def _calendars(subject: str) -> Iterator[Expectation]:
    year = {"$PARAMETER": "school_years"}
    says = "No year term of this school year is there, so the days of the configuration count."
    yield somewhere(subject, "school_year", year, "NM-SEL-3", says, severity="warning", settings=BY_CALENDAR)
    for column, words in (("start_date", "first"), ("end_date", "last")):
        says = f"The year term has no {words} day, so that of the configuration counts."
        yield filled(subject, column, "NM-SEL-3", says, severity="warning", settings=BY_CALENDAR)


def _credentials(subject: str) -> Iterator[Expectation]:
    says = "The table cte_records is empty, and only a credential row makes a record."
    yield has_rows(subject, ("students",), "NM-SEL-2", says, severity="warning")
    says = "The credential row names no school, and the settings ask for the school of the enrollment."
    asked = {"nm.enrolled_requires": ["row_at_school"]}
    yield filled(subject, "school_id", "NM-SEL-2", says, severity=SKIPPED, settings=asked)


def _records(subject: str) -> Iterator[Expectation]:
    """The constants of NM-ELE, and the shape of the organizations."""
    program, services = "programReference", "cteProgramServices"
    says = "The organization is not eight digits that begin with 35."
    organization = "educationOrganizationReference.educationOrganizationId"
    yield between(subject, organization, "NM-ELE-1", says, severity="critical", **ORGANIZATIONS)
    says = "The program's organization is not eight digits that begin with 35."
    asked = {"nm.program_edorg": ["lea", "school"]}
    yield between(
        subject, f"{program}.educationOrganizationId", "NM-ELE-2", says,
        severity="critical", settings=asked, **ORGANIZATIONS,
    )  # fmt: skip
    says = f"The program type is not {PROGRAM}. That is right only if descriptor_map says so."
    yield matches(
        subject, f"{program}.programTypeDescriptor", f"#{PROGRAM}$", "NM-ELE-3", says, severity="warning"
    )
    says = f"The program name is not {PROGRAM}."
    yield one_of(subject, f"{program}.programName", [PROGRAM], "NM-ELE-4", says, severity="critical")
    says = "The state student number is not made of digits alone; check that it is the state's."
    yield matches(
        subject, "studentReference.studentUniqueId", r"^[0-9]+$", "NM-ELE-5", says, severity="warning"
    )
    says = "The record begins outside of the school year."
    asked = {"nm.year_window": ["config"]}
    yield within(subject, "beginDate", "NM-SEL-3", says, severity="critical", settings=asked, **SCHOOL_YEAR)
    says = f"The CIP code is not the text {CIP_CODE}."
    yield one_of(subject, f"{services}[*].cipCode", [CIP_CODE], "NM-ELE-8", says, severity="critical")
    says = "An end date is sent, and New Mexico does not ask for one."
    asked = {"nm.emit_end_date": [False]}
    yield empty(subject, "endDate", "NM-ELE-11", says, severity="critical", settings=asked)
