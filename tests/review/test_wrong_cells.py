"""Every list sends a steward to the cell that is wrong, whatever table it is in."""

from __future__ import annotations

import pandas as pd
import pytest

from edfi_toolkit import extract
from edfi_toolkit.review.summaries import skipped_rows
from edfi_toolkit.rules.catalogue import RULES
from edfi_toolkit.tables import Tables
from edfi_toolkit.tables.schema import TABLES
from edfi_toolkit.tables.tables import SKIPPED_COLUMNS
from tests.factories.samples import sample

NM, WI = "nm-powerschool", "wi-infinite-campus"


def nm(**frames: list[dict[str, object]]) -> Tables:
    """A student at school 410 with one enrollment, and what a test has instead."""
    usual = {
        "students": [{"student_id": "N1", "student_unique_id": "1"}],
        "schools": [{"school_id": "410", "school_number": "1430", "alt_school_number": "0"}],
        "enrollments": [
            {"enrollment_id": "e1", "student_id": "N1", "school_id": "410", "is_current": "1",
             "start_date": "2025-08-11"}
        ],
        "preferences": [{"name": "Other", "value": "1"}, {"name": "districtnumber", "value": "none"}],
    }  # fmt: skip
    return extract({**usual, **frames}, profile=NM)


def place(
    tables: Tables, rule: str, profile: str = NM, *, table: str = "enrollments", row: str = "e1"
) -> list[object]:
    """file, row, column and owner of one skipped row as the lists have them."""
    skipped = pd.DataFrame({"table": [table], "id": [row], "rule": [rule], "detail": ["-"]})
    skipped = skipped.reindex(columns=list(SKIPPED_COLUMNS)).astype(SKIPPED_COLUMNS)
    found = skipped_rows(skipped, tables, profile)
    return found[["file", "row", "column", "who"]].fillna("").to_numpy().tolist()[0]


ELSEWHERE = {"enroll_status": "2", "current_school_id": "410", "enrollment_school_id": "420"}


@pytest.mark.parametrize(
    ("student", "schools", "where"),
    [
        ({}, [("410", "1430", "0")], ["schools", 1, "school_number"]),
        ({}, [("410", "430", "A1")], ["schools", 1, "alt_school_number"]),
        ({"location_code": "1234"}, [("410", "430", None)], ["students", 1, "location_code"]),
        ({}, [("420", "420", None)], ["enrollments", 1, ""]),
        (ELSEWHERE, [("410", "410", None), ("420", "x", None)], ["schools", 2, "school_number"]),
    ],
    ids=[
        "own number",
        "alternate number",
        "building of the student",
        "school not there",
        "transfer in mid-year",
    ],
)
def test_nm_err_2_is_at_the_number_that_no_id_can_be_formed_of(
    student: dict[str, object], schools: list[tuple[str, str, str | None]], where: list[object]
) -> None:
    columns = ("school_id", "school_number", "alt_school_number")
    tables = nm(
        students=[{"student_id": "N1", "student_unique_id": "1", **student}],
        schools=[dict(zip(columns, school, strict=True)) for school in schools],
    )
    assert place(tables, "NM-ERR-2") == [*where, "SIS clerk"]


def test_a_rule_names_a_cell_of_a_preference_a_school_or_the_row_itself() -> None:
    tables = nm()
    assert place(tables, "NM-ERR-1") == ["preferences", 2, "value", "Program office"]
    twice = [{"name": "DistrictNumber", "value": "none"}, {"name": "districtnumber", "value": "none"}]
    assert place(nm(preferences=twice), "NM-ERR-1")[0] == "enrollments"
    assert place(tables, "NM-SEL-6") == ["schools", 1, "state_exclude", "SIS clerk"]
    own = place(tables, "NM-SEL-4", table="students", row="N1")
    assert own == ["students", 1, "student_unique_id", "SIS clerk"]


@pytest.mark.parametrize(
    ("rule", "file", "column"),
    [
        ("WI-ENR-7", "calendars.csv", "state_exclude"),
        ("WI-ENR-9", "schools.csv", "state_exclude"),
        ("WI-ENR-10", "schools.csv", "ed_fi_school_id"),
        ("WI-ENR-11", "enrollments.csv", "service_type"),
    ],
)
def test_an_enrollment_is_skipped_for_its_calendar_or_school(rule: str, file: str, column: str) -> None:
    tables = sample(WI)
    enrollment = tables["enrollments"].iloc[0]
    found = place(tables, rule, WI, row=str(enrollment["enrollment_id"]))
    assert (found[0], found[2], found[3]) == (file, column, "SIS clerk")


def test_the_cell_of_a_rule_is_one_that_can_be_found() -> None:
    for rule in RULES.values():
        if rule.cell and rule.cell != "organization":
            table, _, column = rule.cell.partition(".")
            assert column in TABLES[table].columns, rule.id
