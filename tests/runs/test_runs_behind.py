"""The cell that a refusal is about: one, or the likeliest of several, and whose it is."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from edfi_toolkit.review.places import with_source_rows
from edfi_toolkit.runs.behind import Cell
from edfi_toolkit.runs.explained import explained
from edfi_toolkit.runs.refusal import Refusal
from edfi_toolkit.sources import extract
from edfi_toolkit.tables import Tables, normalise

SAMPLE = Path(__file__).parents[2] / "data/samples/wi-infinite-campus/before"
KEY = {
    "student_unique_id": "8300641002",
    "education_organization_id": 9441080,
    "program_education_organization_id": 944100,
    "program_name": "Remote",
    "program_type_descriptor": "uri://ed-fi.org/ProgramTypeDescriptor#Other",
    "begin_date": pd.Timestamp("2025-10-13"),
}
REQUIRED = "$.endDate: EndDate is required."


@pytest.fixture(scope="module")
def tables() -> Tables:
    return extract(SAMPLE, profile="wi-infinite-campus")


def a_refusal(says: str, **values: Any) -> dict[str, Any]:
    return {
        "action": "POST",
        "resource": "studentProgramAssociations",
        **KEY,
        "status": 400,
        "problem_type": None,
        "messages": [says],
        "source_refs": ["instruction_mode_records:706", "enrollments:12", "students:W6410002"],
        "open": True,
        "run_id": "gone",
        **values,
    }


def explain(tables: Tables | None, *refused: dict[str, Any]) -> pd.DataFrame:
    return explained(pd.DataFrame(refused), tables, "wi-infinite-campus", Path("nowhere"))


def test_each_cell_says_how_many_further_rows_are_written_so() -> None:
    said = ['{"priorityForServices": "yes"}', '{"priorityForServices": "yes", "tutor": "no"}', ""]
    rows = [
        {
            "participation_id": str(at),
            "student_id": "7",
            "program_name": "Migrant",
            "begin_date": "2025-09-02",
            "attributes": cell,
        }
        for at, cell in enumerate(said)
    ]
    tables = normalise({"program_participation": rows})
    refusal = Refusal(SimpleNamespace(tables=tables), {})  # type: ignore[arg-type]
    cells = [
        ("program_name", "Migrant"),
        ("begin_date", "2025-09-02"),
        ("attributes.priorityForServices", "yes"),
        ("attributes.tutor", "no"),
        ("end_date", ""),
    ]
    found = refusal._frame(Cell("program_participation", "0", *cell, "") for cell in cells)
    assert found["others"].tolist() == [2, 2, 1, 0, 0]


def test_of_several_cells_the_likeliest_is_in_the_row_that_the_record_is_made_from(tables: Tables) -> None:
    (row,) = explain(tables, a_refusal(REQUIRED)).to_dict("records")

    assert (row["table"], row["row_id"], row["field"]) == ("instruction_mode_records", "706", "end_date")
    assert row["todo"].endswith(
        " The likeliest cell is instruction_mode_records.end_date; it may also be enrollments.end_date."
    )
    assert row["who"] == "Program office"


def test_the_owner_is_who_keeps_the_table_of_the_cell(tables: Tables) -> None:
    says = "StudentUniqueId exceeds maximum length of 3: 8300641002."
    found = explain(tables, a_refusal(says)).iloc[0]

    assert (found["table"], found["field"]) == ("students", "student_unique_id")
    assert found["todo"].endswith(" The cell is students.student_unique_id.")
    assert found["who"] == "SIS clerk"


def test_no_cell_is_named_where_the_source_is_not_to_be_corrected_or_was_not_read(tables: Tables) -> None:
    refused = [
        a_refusal(
            REQUIRED, status=403, problem_type="urn:ed-fi:api:security:authorization:access-denied:action"
        ),
        a_refusal(REQUIRED, status=409, problem_type="urn:ed-fi:api:data-conflict:non-unique-values"),
        a_refusal(REQUIRED, action="DELETE"),
    ]
    assert explain(tables, *refused)["field"].isna().all()
    assert explain(None, a_refusal(REQUIRED))["field"].isna().all()
    assert "cell is" not in " ".join(explain(tables, *refused)["todo"])


def test_file_row_and_column_are_those_of_the_cell_else_the_row_that_the_record_is_made_from(
    tables: Tables,
) -> None:
    refs = ["enrollments:12", "instruction_mode_records:706", "students:W6410002"]
    refused = explain(
        tables, a_refusal("nothing", source_refs=refs), a_refusal(REQUIRED, source_refs=refs[1:])
    )
    found = with_source_rows(refused, tables)

    assert found[["file", "row"]].to_numpy().tolist() == [
        ["enrollments.csv", 4],
        ["instruction_mode_records.csv", 7],
    ]
    assert found["column"].fillna("").tolist() == ["", "end_date"]
