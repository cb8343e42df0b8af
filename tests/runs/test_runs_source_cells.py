"""The cell that a refusal is about: one, or the likeliest of several, and whose it is."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pandas as pd
import pytest

from edfi_toolkit.review.causes import with_causes
from edfi_toolkit.review.places import with_source_rows
from edfi_toolkit.runs.rejections.explained import explained
from edfi_toolkit.runs.rejections.refusal import Refusal
from edfi_toolkit.runs.rejections.sent_bodies import SentBodies
from edfi_toolkit.runs.rejections.source_cells import Answered, Behind, Cell
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
    assert row["value"] == "(empty)"


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


def a_cell(table: str, field: str, value: str, *messages: str) -> dict[str, Any]:
    return {
        "source_refs": ["enrollments:12"],
        "table": table,
        "row_id": "12",
        "field": field,
        "value": value,
    } | {"messages": [*messages]}


def test_a_value_is_handed_on_where_no_person_can_stand_in_it_or_the_answer_names_it(tables: Tables) -> None:
    refused = [
        a_cell("enrollments", "start_date", "2025-09-02"),
        a_cell("enrollments", "override_ed_fi_school_id", "9990500"),
        a_cell("enrollments", "end_status", "(empty)"),
        a_cell("enrollments", "end_status", "T9", "'uri://x/Reason#T9' is not known."),
        a_cell("enrollments", "end_status", "Ann Lee moved to aunt Kim", "It is longer than 20 characters."),
    ]
    found = with_source_rows(pd.DataFrame(refused), tables)["value"]
    assert found.fillna("").tolist() == ["2025-09-02", "9990500", "(empty)", "T9", ""]
    none = with_source_rows(pd.DataFrame(refused).iloc[:0], tables)
    assert none["value"].tolist() == []


INVALID = "urn:ed-fi:api:bad-request:data-validation-failed"
PROGRAM = {
    "educationOrganizationId": 255901,
    "programName": "Gifted",
    "programTypeDescriptor": "uri://x/T#Gifted",
}
BODY = {
    "studentReference": {"studentUniqueId": "222222"},
    "educationOrganizationReference": {"educationOrganizationId": 255901},
    "programReference": PROGRAM,
    "beginDate": "2025-08-23",
    "endDate": "2025-08-23",
    "cteProgramServices": [{"cipCode": "11.01034"}],
}


def likeliest(says: str, body: Any = BODY, row_id: str = "p1", **cells: Any) -> str:
    """The cell that an answer about a participation of one day is about, the likeliest of several; else empty."""
    row = {
        "participation_id": row_id,
        "student_id": "7",
        "resource": "studentProgramAssociations",
        "education_organization_id": 255901,
        "program_education_organization_id": 255901,
        "program_name": "Gifted",
        "program_type": "Gifted",
        "begin_date": "2025-08-23",
        "end_date": "2025-08-23",
        **cells,
    }
    student = {
        "student_id": "7",
        "student_unique_id": "222222",
        "first_name": "Will",
        "last_name": "Required",
    }
    tables = normalise({"students": [student], "program_participation": [row]})
    refs = [f"program_participation:{row_id}", "students:7"]
    refused = with_causes(
        pd.DataFrame(
            [a_refusal(says, source_refs=refs, education_organization_id=255901, problem_type=INVALID)]
        )
    )
    sent = cast("SentBodies", SimpleNamespace(of=lambda _row: body))
    wrong = Answered(Behind(tables, "certification", refused, sent), refused.iloc[0].to_dict()).wrong
    return wrong[0].name.removeprefix("program_participation.") if wrong else ""


@pytest.mark.parametrize(
    ("says", "column"),
    [
        ("$.endDate: must not be after 2025-07-01", "end_date"),
        ("$.beginDate: must not be after 2025-07-01", "begin_date"),
        ("$.programReference.programTypeDescriptor: the value 'Gifted' is wrong", "program_type"),
        ("$.programReference.programName: is wrong", "program_name"),
        ("$.programReference.educationOrganizationId: is wrong", "program_education_organization_id"),
        (
            "$.educationOrganizationReference.educationOrganizationId: is wrong",
            "education_organization_id",
        ),
        ("$.cteProgramServices[0].cipCode: is too long", "attributes.cteProgramServices.cipCode"),
    ],
)
def test_of_cells_with_the_same_value_the_one_that_fills_the_member_comes_first(
    says: str, column: str
) -> None:
    attributes = '{"note": "11.01034", "cteProgramServices": [{"cipCode": "11.01034"}]}'
    assert likeliest(says, attributes=attributes) == column


@pytest.mark.parametrize(
    ("value", "sent", "says"),
    [("true", True, "is wrong"), ("7", 7, "is wrong"), ("null", None, "is required")],
)
def test_a_member_that_is_no_text_is_a_cell_too(value: str, sent: Any, says: str) -> None:
    body = {name: of for name, of in {**BODY, "privateCTEProgram": sent}.items() if of is not None}
    attributes = f'{{"other": {value}, "privateCTEProgram": {value}}}'
    found = likeliest(f"$.privateCTEProgram: {says}", body, attributes=attributes)
    assert found == "attributes.privateCTEProgram"


def test_an_organization_counts_where_the_answer_names_it() -> None:
    program = {**BODY, "programReference": {**PROGRAM, "educationOrganizationId": 255950}}
    says = "$.programReference.educationOrganizationId: is wrong"
    found = likeliest(says, program, program_education_organization_id=255950)
    assert found == "program_education_organization_id"
    says = "$.educationOrganizationReference.educationOrganizationId: is wrong"
    assert likeliest(says, program, program_education_organization_id=255950) == "education_organization_id"


def test_a_code_that_was_mapped_is_found_by_its_column() -> None:
    says = "$.programReference.programTypeDescriptor: the value 'Gifted' is wrong"
    assert likeliest(says, program_type="G/T") == "program_type"


def test_a_name_is_never_what_an_answer_is_about() -> None:
    assert likeliest("The request is invalid. It will not be taken.") == ""
    assert likeliest("The request is invalid. It will not be taken.", None) == ""


def test_a_text_that_was_not_sent_is_not_what_an_answer_is_about() -> None:
    says = "The request is invalid: see the Field."
    assert likeliest(says, program_name="Field") == ""
    assert likeliest(says, None, program_name="Field") == "program_name"


def test_what_is_required_is_never_in_a_filled_cell() -> None:
    assert likeliest("$.tribalAffiliation: the field is Required.") == ""
    assert likeliest("EndDate is required for Gifted.") == ""
    without = {name: value for name, value in BODY.items() if name != "endDate"}
    assert likeliest("EndDate is required for Gifted.", without, end_date="") == "end_date"


@pytest.mark.parametrize("row_id", ["p#4", "p#b", "p:4"])
def test_the_cell_is_found_whatever_the_id_of_its_row(row_id: str) -> None:
    assert likeliest("$.endDate: must not be after 2025-07-01", row_id=row_id) == "end_date"


def several(*rows: dict[str, Any]) -> Tables:
    """Certification: students s1, s2, ... with one participation each."""
    base = {
        "resource": "studentProgramAssociations",
        "education_organization_id": 255901,
        "program_education_organization_id": 255901,
        "program_name": "Gifted",
        "program_type": "Gifted",
        "begin_date": "2025-08-23",
    }
    numbered = list(enumerate(rows, start=1))
    students = [
        {"student_id": f"s{n}", "student_unique_id": f"90{n}", "first_name": f"F{n}", "last_name": f"L{n}"}
        for n, _ in numbered
    ]
    taking = [{**base, "participation_id": f"p{n}", "student_id": f"s{n}", **row} for n, row in numbered]
    return normalise({"students": students, "program_participation": taking})


def as_sent(row: dict[str, Any], number: int) -> dict[str, Any]:
    body = {
        "studentReference": {"studentUniqueId": f"90{number}"},
        "programReference": {"educationOrganizationId": 255901, "programName": row.get("program_name")},
        "beginDate": row.get("begin_date", "2025-08-23"),
        "endDate": row.get("end_date"),
    }
    return {name: value for name, value in body.items() if value is not None}


@pytest.mark.parametrize(
    ("says", "first", "second", "alike"),
    [
        ("$.endDate: too late", {"end_date": "2025-12-01"}, {"end_date": "2026-02-01"}, True),
        ("$.endDate: too late", {"end_date": "2025-12-01"}, {"end_date": "2025-08-23"}, False),
        ("$.endDate: too late", {"end_date": "2025-12-01"}, {"end_date": ""}, False),
        ("Closed since 2025-12-01", {"end_date": "2025-12-01"}, {"end_date": "2026-02-01"}, False),
        ("Closed since 2025-12-01", {"end_date": "2026-03-01"}, {"end_date": "2026-02-01"}, True),
        ("The student with 901 is wrong", {}, {}, False),
        ("StudentUniqueId is wrong", {}, {}, True),
        ("$.beginDate: wrong", {}, {"education_organization_id": 255902}, False),
        ("$.programReference.educationOrganizationId: no", {}, {"education_organization_id": 255902}, False),
    ],
)
def test_refusals_are_alike_where_the_same_is_the_same_in_them_and_the_answer_names_the_same(
    says: str, first: dict[str, Any], second: dict[str, Any], alike: bool
) -> None:
    tables = several(first, second)
    refused = with_causes(
        pd.DataFrame(
            [
                a_refusal(says, source_refs=[f"program_participation:p{n}", f"students:s{n}"])
                | {"key_hash": str(n), "education_organization_id": 255901}
                for n in (1, 2)
            ]
        )
    )
    bodies = {str(n): as_sent(row, n) for n, row in ((1, first), (2, second))}
    sent = cast("SentBodies", SimpleNamespace(of=lambda row: bodies[row["key_hash"]]))
    behind = Behind(tables, "certification", refused, sent)
    one, other = (Answered(behind, row) for row in refused.to_dict("records"))
    assert (one.kind() == other.kind()) is alike
    if alike:
        assert [cell.name for cell in one.wrong] == [cell.name for cell in other.wrong]


TUTOR = "$.tutorName: TutorName is required."


@pytest.mark.parametrize(
    ("says", "first", "second", "is_sent"),
    [
        (TUTOR, {"tutorName": None}, {"tutorName": "Ann"}, False),
        (TUTOR, {"tutorName": ""}, {"tutorName": "Ann"}, False),
        ("$.mentorName: not valid", {"tutorName": "yes"}, {"tutorName": "maybe"}, True),
        ("$.mentorName: not valid", {"tutorName": "no"}, {"tutorName": "maybe"}, True),
        ("$.mentorName: not valid", {"tutorName": True}, {"tutorName": "maybe"}, True),
    ],
)
def test_a_value_that_is_judged_by_itself_is_not_explained_as_another_one_is(
    says: str, first: dict[str, Any], second: dict[str, Any], is_sent: bool
) -> None:
    """An empty member is not filled, and a yes or no says nothing of whose it is."""
    attributes = (first, second)
    tables = several(*({"attributes": json.dumps(given)} for given in attributes))
    refused = with_causes(
        pd.DataFrame(
            [
                a_refusal(says, source_refs=[f"program_participation:p{n + 1}"]) | {"key_hash": str(n)}
                for n in (0, 1)
            ]
        )
    )
    bodies = [{"mentorName": given["tutorName"]} if is_sent else None for given in attributes]
    sent = cast("SentBodies", SimpleNamespace(of=lambda row: bodies[int(row["key_hash"])]))
    behind = Behind(tables, "certification", refused, sent)
    one, other = (Answered(behind, row) for row in refused.to_dict("records"))
    assert [cell.name for cell in one.wrong] != [cell.name for cell in other.wrong]
    assert one.kind() != other.kind()


def test_of_refusals_that_are_alike_each_has_its_own_row(tables: Tables) -> None:
    others = {
        "instruction_mode_records:706": "instruction_mode_records:701",
        "enrollments:12": "enrollments:13",
    }
    answers = [REQUIRED, "$.beginDate: too early", "The value 'Remote' is wrong: programName"]
    first = [a_refusal(says) for says in answers]
    second = [one | {"source_refs": [others.get(ref, ref) for ref in one["source_refs"]]} for one in first]
    together = explain(tables, *first, *second)
    apart = pd.concat([explain(tables, one) for one in (*first, *second)], ignore_index=True)
    pd.testing.assert_frame_equal(together, apart)
    assert together["row_id"].nunique() > 1
