"""The expectations on the canonical tables that hold under every profile, as data.

A row with an unreadable cell does not reach these suites (COM-NRM-*), and a profile's own rules judge what may be
empty. What is left for these suites is to name *all* doubtful cells of a row at once; only what no record
may rest on is critical. What one state asks of a table is in the suites of that state.
"""

from __future__ import annotations

from collections.abc import Iterator

from edfi_toolkit.model import associations
from edfi_toolkit.tables.schema import TABLES
from edfi_toolkit.validation.check_texts import STANDARD
from edfi_toolkit.validation.expectation_kinds import (
    between,
    filled,
    has_rows,
    in_order,
    in_words,
    matches,
    one_of,
    within,
)
from edfi_toolkit.validation.suite_files import (
    DESCRIPTOR_URI,
    NO_OUTER_SPACE,
    SCHOOL_YEAR,
    Expectation,
    expectation,
)

# Column pairs (start, end) of each table; those of the states' trigger tables are judged by the states' suites.
PERIODS = {
    "calendars": ("start_date", "end_date"),
    "lep_records": ("identified_date", "program_exit_date"),
    "edfi_config": ("config_start", "config_end"),
}
# A table without rows -> the tables whose rows would then hang in the air.
NEEDED_BY = {
    "students": ("program_participation", "enrollments", "cte_records", "section504_records"),
    "schools": ("enrollments", "calendars"),
    "enrollments": ("cte_records", "section504_records", "ceis_records", "instruction_mode_records"),
}
# What the data standard itself requires of a participation: column -> the property it becomes.
OF_THE_STANDARD = {
    "resource": "resource",
    "education_organization_id": "educationOrganizationReference.educationOrganizationId",
    "program_education_organization_id": "programReference.educationOrganizationId",
    "program_name": "programReference.programName",
    "program_type": "programReference.programTypeDescriptor",
    "begin_date": "beginDate",
}
# Required columns whose empty cells a suite judges under a rule of its own.
JUDGED = {
    "program_participation": set(OF_THE_STANDARD),
    "enrollments": {"start_date"},
    "section504_records": {"start_date"},
    "ceis_records": {"start_date"},
    "instruction_mode_records": {"start_date", "school_number", "learning_modality"},
}


def source_suites() -> dict[str, list[Expectation]]:
    """Suite name (`source.<table>`) -> expectations, for every canonical table."""
    return {f"source.{table}": [*_schema_rules(table), *_OWN.get(table, lambda: ())()] for table in TABLES}


def _schema_rules(table: str) -> Iterator[Expectation]:
    """What follows from the table's own definition: key, required cells, enumerations, periods, rows."""
    subject, schema = f"source.{table}", TABLES[table]
    if needed_by := NEEDED_BY.get(table):
        says = f"The table {table} is empty, and rows of other tables depend on it."
        yield has_rows(subject, needed_by, "SRC-EMPTY", says)
    for name in schema.primary_key:
        yield filled(subject, name, "SRC-KEY")
    if len(schema.primary_key) == 1:
        yield expectation(
            subject,
            "expect_column_values_to_be_unique",
            "SRC-KEY",
            column=schema.primary_key[0],
            says=f"Two rows of {table} have one {in_words(schema.primary_key[0])}.",
        )
    else:
        yield expectation(
            subject,
            "expect_compound_columns_to_be_unique",
            "SRC-KEY",
            column_list=list(schema.primary_key),
            ignore_row_if="any_value_is_missing",
            says=f"Two rows of {table} have one {' and '.join(map(in_words, schema.primary_key))}.",
        )
    judged = {*schema.primary_key, *JUDGED.get(table, ())}
    for column in schema.columns.values():
        if column.required and column.name not in judged:
            yield filled(subject, column.name, "SRC-REQUIRED")
        if column.values:
            says = f"The {in_words(column.name)} is none of {', '.join(column.values)}."
            yield one_of(subject, column.name, column.values, "SRC-VALUE", says)
        if column.name == "school_year":
            says = "The school year is no year between 2000 and 2100; it is the year the school year ends in."
            yield between(subject, "school_year", "SRC-VALUE", says, min_value=2000, max_value=2100)
    if table in PERIODS:
        yield in_order(subject, *PERIODS[table], "SRC-DATES")


def _students() -> Iterator[Expectation]:
    subject, column = "source.students", "student_unique_id"
    yield expectation(
        subject,
        "expect_column_value_lengths_to_be_between",
        "COM-PAY-4",
        column=column,
        max_value=32,
        says="The state id is longer than 32 characters.",
        source=f"{STANDARD}, students.studentUniqueId",
    )
    yield expectation(subject, "expect_column_values_to_be_unique", "SHARED_UNIQUE_ID", column=column)


def _participation() -> Iterator[Expectation]:
    subject = "source.program_participation"
    for column, path in OF_THE_STANDARD.items():
        says = f"The {in_words(column)} is empty, and the data standard requires it."
        source = f"{STANDARD}, GeneralStudentProgramAssociation.{path}"
        yield filled(subject, column, "DS-REQUIRED", says, source=source)
    says = "The resource is none of the ten student program associations."
    yield one_of(subject, "resource", associations(), "SRC-VALUE", says, severity="critical")
    for column in ("education_organization_id", "program_education_organization_id"):
        says = f"The {in_words(column)} is 0 or negative, which is not an id."
        yield between(subject, column, "DS-RANGE", says, min_value=1)
    yield expectation(
        subject,
        "expect_column_value_lengths_to_be_between",
        "COM-PAY-4",
        column="program_name",
        max_value=60,
        says="The program name is longer than 60 characters. It is held, never cut.",
        source=f"{STANDARD}, programs.programName",
    )
    for column in ("program_name", "program_type"):
        says = f"The {in_words(column)} is empty, or begins or ends with white space."
        yield matches(subject, column, NO_OUTER_SPACE, "DS-TEXT", says)
    yield in_order(subject, "begin_date", "end_date", "COM-VAL-1")
    for column in ("begin_date", "end_date"):
        says = f"The {in_words(column)} lies outside of the school year of this build."
        yield within(subject, column, "YEAR", says, **SCHOOL_YEAR)


def _schools() -> Iterator[Expectation]:
    says = "The Ed-Fi school id is not a positive number."
    yield between("source.schools", "ed_fi_school_id", "SRC-VALUE", says, min_value=1)


def _switches() -> Iterator[Expectation]:
    says = "The resource is none of the ten student program associations, so this switch does nothing."
    hint = "Write the resource as the ODS names it, for example studentProgramAssociations."
    yield one_of(
        "source.resource_preferences",
        "resource",
        associations(),
        "COM-TOG-1",
        says,
        severity="warning",
        hint=hint,
    )


def _descriptors() -> Iterator[Expectation]:
    subject = "source.descriptor_map"
    yield filled(subject, "ed_fi_uri", "SRC-REQUIRED", "A local code has no URI.")
    says = "The URI of the descriptor is not a full one of the form namespace/NameDescriptor#code."
    yield matches(subject, "ed_fi_uri", DESCRIPTOR_URI, "SRC-VALUE", says)


_OWN = {
    "students": _students,
    "program_participation": _participation,
    "schools": _schools,
    "resource_preferences": _switches,
    "descriptor_map": _descriptors,
}
