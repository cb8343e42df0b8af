"""The kinds of expectations that the shipped suites are made of, one function each, for one column or pair."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from edfi_toolkit.validation.suite_files import Expectation, expectation

_WORDS = {
    "coord_early_intervention": "flag of Coordinated Early Intervention",
    "ed_fi_uri": "URI of the descriptor",
    "education_organization_id": "organization id",
    "el_served": "EL service",
    "program_education_organization_id": "id of the program's owner",
    "student_unique_id": "state id",
}


def in_words(column: str) -> str:
    """A column or member as a sentence names it: `end_date` and `endDate` as `end date`.

    The finding names the column itself next to the sentence.
    """
    spaced = re.sub("(?<=[a-z])(?=[A-Z])", " ", column).replace("_", " ").lower()
    return _WORDS.get(column, spaced.replace("ed fi", "Ed-Fi"))


def filled(subject: str, column: str, rule_id: str, says: str = "", **more: Any) -> Expectation:
    """The cell is not empty."""
    says = says or f"The {in_words(column)} is empty."
    return expectation(
        subject, "expect_column_values_to_not_be_null", rule_id, says=says, column=column, **more
    )


def matches(subject: str, column: str, regex: str, rule_id: str, says: str, **more: Any) -> Expectation:
    """A filled cell has a shape."""
    kind = "expect_column_values_to_match_regex"
    return expectation(subject, kind, rule_id, says=says, column=column, regex=regex, **more)


def one_of(
    subject: str, column: str, values: Sequence[Any], rule_id: str, says: str, **more: Any
) -> Expectation:
    """A filled cell is one of these values."""
    kind = "expect_column_values_to_be_in_set"
    return expectation(subject, kind, rule_id, says=says, column=column, value_set=list(values), **more)


def between(subject: str, column: str, rule_id: str, says: str, **more: Any) -> Expectation:
    """A filled number is not below `min_value` and not above `max_value`."""
    kind = "expect_column_values_to_be_between"
    return expectation(subject, kind, rule_id, says=says, column=column, **more)


def within(subject: str, column: str, rule_id: str, says: str, **more: Any) -> Expectation:
    """A filled day is not before `min_date` and not after `max_date`."""
    kind = "expect_column_values_to_be_calendar_days"
    return expectation(subject, kind, rule_id, says=says, column=column, **more)


def in_order(subject: str, start: str, end: str, rule_id: str, **more: Any) -> Expectation:
    """The end is not before the start, where both are filled."""
    return expectation(
        subject,
        "expect_column_pair_values_a_to_be_greater_than_b",
        rule_id,
        says=f"The {in_words(end)} lies before the {in_words(start)}.",
        column_A=end,
        column_B=start,
        or_equal=True,
        ignore_row_if="either_value_is_missing",
        **more,
    )


def has_rows(subject: str, needed_by: Sequence[str], rule_id: str, says: str, **more: Any) -> Expectation:
    """The table has a row, when one of the tables that need it has."""
    kind = "expect_table_row_count_to_be_between"
    return expectation(subject, kind, rule_id, says=says, needed_by=needed_by, min_value=1, **more)
