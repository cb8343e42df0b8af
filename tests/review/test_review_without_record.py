"""A row that was corrected and still gives no record is listed, with the reason."""

from __future__ import annotations

import pandas as pd

from edfi_toolkit.review.without_record import corrected_block, corrected_without_record, reasons
from edfi_toolkit.rules import Build, build
from edfi_toolkit.tables import normalise
from edfi_toolkit.tables.corrections import LAID_COLUMNS

STUDENT = {"student_id": "K1", "student_unique_id": "8300641001"}
SCHOOL = {"school_id": "H", "school_number": "0080", "ed_fi_school_id": "9441080"}
CALENDAR = {"calendar_id": "H26", "school_id": "H", "school_year": "2026"}
CALENDAR |= {"start_date": "2025-09-02", "end_date": "2026-06-09"}
ENROLLED = {"student_id": "K1", "school_id": "H", "calendar_id": "H26", "service_type": "P"}
ENROLLED |= {"start_date": "2025-09-02", "state_enrollment_type": "P"}
ROWS = {
    "students": [STUDENT],
    "schools": [SCHOOL],
    "calendars": [CALENDAR],
    "enrollments": [
        {**ENROLLED, "enrollment_id": "1", "third_party_provider": "CESA"},
        {**ENROLLED, "enrollment_id": "2"},
        {**ENROLLED, "enrollment_id": "3", "no_show": "1", "third_party_provider": "CESA"},
    ],
}


def built(*corrected: str) -> Build:
    tables = normalise(ROWS)
    laid = [
        {"table": "enrollments", "column": "start_date", "state": "applied", "rows": [row]}
        for row in corrected
    ]
    tables.corrections = pd.DataFrame(laid, columns=list(LAID_COLUMNS))
    return build(tables, profile="wi-infinite-campus", school_year=2026)


def test_a_corrected_row_without_a_record_is_listed_with_its_reason() -> None:
    made = built("1", "2", "3")
    found = corrected_without_record(made)
    assert found[["id", "rule"]].values.tolist() == [["2", ""], ["3", "WI-ENR-5"]]
    assert found["why"].tolist()[0].startswith("Nothing asks for this enrollment:")
    assert found["why"].tolist()[1] == "The enrollment is marked No Show."
    assert found["todo"].tolist()[1].startswith("Uncheck No Show")
    assert len(corrected_block(made)) == 1
    assert corrected_block(built("1")) == []


def test_a_row_that_is_gone_is_said_to_be_gone() -> None:
    rows = pd.DataFrame({"table": ["enrollments"], "id": ["9"]})
    assert reasons(rows, built())["why"].tolist() == ["The source has no such row any more."]
