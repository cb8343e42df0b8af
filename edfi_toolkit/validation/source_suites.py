"""The expectations on the canonical tables, as data.

A row with a bad cell was set aside when it was read (COM-NRM-*), and a profile's own rules judge what may be
empty. What is left for these suites is to name *all* doubtful cells of a row at once; only what no record
may rest on is critical.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edfi_toolkit.model import associations
from edfi_toolkit.tables.schema import TABLES
from edfi_toolkit.validation.facts import STANDARD
from edfi_toolkit.validation.files import (
    DESCRIPTOR_URI,
    NO_OUTER_SPACE,
    SCHOOL_YEAR,
    Expectation,
    expectation,
)

CERTIFIED, WISCONSIN = "certification", "wi-infinite-campus"
# Column pairs (start, end) of each table, and the columns that end before they start by mistake.
PERIODS = {
    "calendars": ("start_date", "end_date"),
    "enrollments": ("start_date", "end_date"),
    "section504_records": ("start_date", "end_date"),
    "ceis_records": ("start_date", "end_date"),
    "instruction_mode_records": ("start_date", "end_date"),
    "lep_records": ("identified_date", "program_exit_date"),
    "edfi_config": ("config_start", "config_end"),
}
# A table without rows -> the tables whose rows would then hang in the air.
NEEDED_BY = {
    "students": ("program_participation", "enrollments", "cte_records", "section504_records"),
    "schools": ("enrollments", "calendars"),
    "enrollments": ("cte_records", "section504_records", "ceis_records", "instruction_mode_records"),
}
CHECKED = (
    "students",
    "program_participation",
    "edfi_config",
    "schools",
    "calendars",
    "enrollments",
    "cte_records",
    "section504_records",
    "ceis_records",
    "instruction_mode_records",
    "lep_records",
    "descriptor_map",
)


def source_suites() -> dict[str, list[Expectation]]:
    """Suite name (`source.<table>`) -> expectations."""
    return {f"source.{table}": [*_schema_rules(table), *_OWN.get(table, lambda: ())()] for table in CHECKED}


def _schema_rules(table: str) -> Iterator[Expectation]:
    """What follows from the table's own definition: key, required cells, enumerations, periods, rows."""
    subject, schema = f"source.{table}", TABLES[table]
    if needed_by := NEEDED_BY.get(table):
        says = f"The table {table} is empty, and rows of other tables depend on it."
        yield expectation(
            subject,
            "expect_table_row_count_to_be_between",
            "SRC-EMPTY",
            says=says,
            needed_by=needed_by,
            min_value=1,
        )
    for name in schema.primary_key:
        yield _filled(table, name, "SRC-KEY")
    if len(schema.primary_key) == 1:
        yield expectation(
            subject,
            "expect_column_values_to_be_unique",
            "SRC-KEY",
            column=schema.primary_key[0],
            says=f"Two rows of {table} have one {schema.primary_key[0]}.",
        )
    else:
        yield expectation(
            subject,
            "expect_compound_columns_to_be_unique",
            "SRC-KEY",
            column_list=list(schema.primary_key),
            ignore_row_if="any_value_is_missing",
            says=f"Two rows of {table} have one {' and '.join(schema.primary_key)}.",
        )
    standard = _OF_THE_STANDARD if table == "program_participation" else {}
    for column in schema.columns.values():
        if column.required and column.name not in schema.primary_key and column.name not in standard:
            yield _filled(table, column.name, "SRC-REQUIRED")
        if column.values:
            says = f"{column.name} is none of {', '.join(column.values)}."
            yield expectation(
                subject,
                "expect_column_values_to_be_in_set",
                "SRC-VALUE",
                says=says,
                column=column.name,
                value_set=list(column.values),
            )
    if table in PERIODS:
        start, end = PERIODS[table]
        yield _in_order(table, start, end, "SRC-DATES")


def _filled(
    table: str, column: str, rule_id: str, *, says: str = "", profiles: Sequence[str] = ()
) -> Expectation:
    return expectation(
        f"source.{table}",
        "expect_column_values_to_not_be_null",
        rule_id,
        says=says or f"{column} is empty.",
        profiles=profiles,
        column=column,
    )


def _in_order(table: str, start: str, end: str, rule_id: str) -> Expectation:
    return expectation(
        f"source.{table}",
        "expect_column_pair_values_a_to_be_greater_than_b",
        rule_id,
        says=f"{end} lies before {start}.",
        column_A=end,
        column_B=start,
        or_equal=True,
        ignore_row_if="either_value_is_missing",
    )


def _matches(table: str, column: str, regex: str, says: str, *, profiles: Sequence[str] = ()) -> Expectation:
    return expectation(
        f"source.{table}",
        "expect_column_values_to_match_regex",
        "SRC-VALUE",
        says=says,
        profiles=profiles,
        column=column,
        regex=regex,
    )


def _students() -> Iterator[Expectation]:
    subject, column = "source.students", "student_unique_id"
    yield _filled(
        "students",
        column,
        "SRC-REQUIRED",
        says="The student has no state id, so nothing can be reported for this student.",
    )
    yield expectation(
        subject,
        "expect_column_value_lengths_to_be_between",
        "COM-PAY-4",
        column=column,
        max_value=32,
        says="student_unique_id is longer than 32 characters.",
        source=f"{STANDARD}, students.studentUniqueId",
    )
    yield _matches(
        "students", column, r"^\S+$", "student_unique_id holds white space; check that it is the state id."
    )
    yield expectation(subject, "expect_column_values_to_be_unique", "SHARED_UNIQUE_ID", column=column)


# What the data standard itself requires of a participation: column -> the property it becomes.
_OF_THE_STANDARD = {
    "resource": "resource",
    "education_organization_id": "educationOrganizationReference.educationOrganizationId",
    "program_education_organization_id": "programReference.educationOrganizationId",
    "program_name": "programReference.programName",
    "program_type": "programReference.programTypeDescriptor",
    "begin_date": "beginDate",
}


def _participation() -> Iterator[Expectation]:
    table, subject = "program_participation", "source.program_participation"
    yield expectation(
        subject,
        "expect_table_row_count_to_be_between",
        "SRC-EMPTY",
        min_value=1,
        profiles=(CERTIFIED,),
        says="The table program_participation is empty, and this profile builds from nothing else.",
    )
    for column, path in _OF_THE_STANDARD.items():
        yield expectation(
            subject,
            "expect_column_values_to_not_be_null",
            "DS-REQUIRED",
            column=column,
            says=f"{column} is empty, and the data standard requires it.",
            source=f"{STANDARD}, GeneralStudentProgramAssociation.{path}",
        )
    yield expectation(
        subject,
        "expect_column_values_to_be_in_set",
        "SRC-VALUE",
        severity="critical",
        says="resource is none of the ten student program associations.",
        column="resource",
        value_set=list(associations()),
    )
    for column in ("education_organization_id", "program_education_organization_id"):
        yield expectation(
            subject,
            "expect_column_values_to_not_be_in_set",
            "DS-RANGE",
            says=f"{column} is 0, which is not an id.",
            column=column,
            value_set=[0],
        )
    yield expectation(
        subject,
        "expect_column_value_lengths_to_be_between",
        "COM-PAY-4",
        column="program_name",
        max_value=60,
        says="program_name is longer than 60 characters. It is held, never cut.",
        source=f"{STANDARD}, programs.programName",
    )
    for column in ("program_name", "program_type"):
        yield expectation(
            subject,
            "expect_column_values_to_match_regex",
            "DS-TEXT",
            column=column,
            regex=NO_OUTER_SPACE,
            says=f"{column} is empty, or begins or ends with white space.",
        )
    yield _in_order(table, "begin_date", "end_date", "COM-VAL-1")
    for column in ("begin_date", "end_date"):
        yield expectation(
            subject,
            "expect_column_values_to_be_calendar_days",
            "YEAR",
            says=f"{column} lies outside of the school year of this build.",
            column=column,
            **SCHOOL_YEAR,
        )


def _config() -> Iterator[Expectation]:
    yield expectation(
        "source.edfi_config",
        "expect_column_values_to_be_between",
        "SRC-VALUE",
        says="school_year is no year between 2000 and 2100; it is the year the school year ends in.",
        column="school_year",
        min_value=2000,
        max_value=2100,
    )


def _schools() -> Iterator[Expectation]:
    yield _matches(
        "schools", "school_number", r"^[0-9A-Za-z]{1,7}$", "school_number is not 1 to 7 letters and digits."
    )
    yield _filled(
        "schools",
        "ed_fi_school_id",
        "SRC-REQUIRED",
        profiles=(WISCONSIN,),
        says="The school has no Ed-Fi id (Entity ID), so nothing can be reported for its enrollments.",
    )
    yield expectation(
        "source.schools",
        "expect_column_values_to_be_between",
        "SRC-VALUE",
        says="ed_fi_school_id is not a positive number.",
        column="ed_fi_school_id",
        min_value=1,
    )


def _modality() -> Iterator[Expectation]:
    yield _matches(
        "instruction_mode_records",
        "learning_modality",
        r"(?i)^(in[- ]person|remote|hybrid)$",
        "learning_modality is none of In-Person, Remote, Hybrid.",
    )


def _descriptors() -> Iterator[Expectation]:
    yield _filled("descriptor_map", "ed_fi_uri", "SRC-REQUIRED", says="A local code has no URI.")
    yield _matches(
        "descriptor_map",
        "ed_fi_uri",
        DESCRIPTOR_URI,
        "ed_fi_uri is not a full URI of the form namespace/NameDescriptor#code.",
    )


_OWN = {
    "students": _students,
    "program_participation": _participation,
    "edfi_config": _config,
    "schools": _schools,
    "instruction_mode_records": _modality,
    "descriptor_map": _descriptors,
}
