"""The expectations on the ten associations: they follow from the model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from edfi_toolkit.model import standards
from edfi_toolkit.validation.check_texts import STANDARD
from edfi_toolkit.validation.suite_files import (
    DESCRIPTOR_URI,
    NO_OUTER_SPACE,
    SCHOOL_YEAR,
    Expectation,
    expectation,
)


def association_suite(endpoint: str) -> list[Expectation]:
    """All expectations of one association: what the standard requires, its limits, dates and key.

    Members that only some standards have are in it too; `check_records` asks what the build's own has.
    """
    properties = {
        path.removeprefix("$."): {**facts, "standard": f"Ed-Fi Data Standard {version}"}
        for version in reversed(standards.STANDARDS)
        if endpoint in standards.resources(version)
        for path, facts in standards.resources(version)[endpoint]["properties"].items()
    }
    properties = dict(sorted(properties.items()))
    rules = [
        rule
        for path, facts in properties.items()
        if facts["type"] not in {"object", "array"}
        for rule in _of_property(endpoint, path, facts)
    ]
    return [*rules, *_dates(endpoint), _key(endpoint)]


def _of_property(endpoint: str, path: str, facts: dict[str, Any]) -> Iterator[Expectation]:
    about: dict[str, Any] = {"source": f"{facts['standard']}, {endpoint}.{path}", "column": path}
    if facts.get("required"):
        says = f"{path} is missing, and the data standard requires it."
        yield expectation(endpoint, "expect_column_values_to_not_be_null", "DS-REQUIRED", says=says, **about)
        if facts["type"] == "integer":
            says = f"{path} is 0 or negative, which is not an id."
            kind = "expect_column_values_to_be_between"
            yield expectation(endpoint, kind, "DS-RANGE", says=says, min_value=1, **about)
    if facts.get("format") == "date":
        says = f"{path} is not a day of the calendar written as yyyy-mm-dd."
        yield expectation(endpoint, "expect_column_values_to_be_calendar_days", "DS-DATE", says=says, **about)
    if limit := facts.get("maxLength"):
        says = f"{path} is longer than {limit} characters. It is held, never cut."
        yield expectation(
            endpoint,
            "expect_column_value_lengths_to_be_between",
            "COM-PAY-4",
            says=says,
            max_value=limit,
            **about,
        )
    if facts.get("descriptor"):
        says = f"{path} is not a full URI of the form namespace/{facts['descriptor']}#code."
        yield expectation(
            endpoint,
            "expect_column_values_to_match_regex",
            "COM-PAY-3",
            says=says,
            regex=DESCRIPTOR_URI,
            **about,
        )
    if facts.get("noOuterWhitespace"):
        says = f"{path} is empty, or begins or ends with white space."
        yield expectation(
            endpoint,
            "expect_column_values_to_match_regex",
            "DS-TEXT",
            says=says,
            regex=NO_OUTER_SPACE,
            **about,
        )


def _dates(endpoint: str) -> Iterator[Expectation]:
    yield expectation(
        endpoint,
        "expect_column_pair_values_a_to_be_greater_than_b",
        "COM-VAL-1",
        source=f"{STANDARD}, {endpoint}.endDate",
        column_A="endDate",
        column_B="beginDate",
        or_equal=True,
        ignore_row_if="either_value_is_missing",
    )
    for path in ("beginDate", "endDate"):
        says = f"{path} lies outside of the school year of this build."
        yield expectation(
            endpoint,
            "expect_column_values_to_be_calendar_days",
            "YEAR",
            says=says,
            column=path,
            **SCHOOL_YEAR,
        )


def _key(endpoint: str) -> Expectation:
    columns = [
        path.removeprefix("$.") for path in standards.resources(standards.SHIPPED)[endpoint]["identity"]
    ]
    return expectation(
        endpoint,
        "expect_compound_columns_to_be_unique",
        "COM-KEY-1",
        source=f"{STANDARD}, natural key of {endpoint}",
        column_list=columns,
        ignore_row_if="any_value_is_missing",
    )
