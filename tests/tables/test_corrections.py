"""Corrections of people, laid over the cells of a source."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.tables import Tables, normalise
from edfi_toolkit.tables.corrections import CORRECTION_COLUMNS, check_correction, members_with_texts, written

ENROLLMENT = {
    "enrollment_id": "10",
    "student_id": "A1",
    "school_id": "E",
    "start_date": "2025-09-02",
    "end_date": None,
}


def a_correction(**changed: Any) -> dict[str, Any]:
    made = {
        "number": 7,
        "table": "enrollments",
        "row_id": "10",
        "column": "end_date",
        "member": "",
        "was": "",
    }
    made |= {"value": "2025-12-19", "student_id": "A1", "author": "R. Ibarra", "reason": "left in December"}
    return made | {"given_at": pd.Timestamp("2025-12-20", tz="UTC")} | changed


def read(
    *rows: dict[str, Any],
    by: list[dict[str, Any]] | dict[str, Any] | None = None,
    table: str = "enrollments",
    **others: Any,
) -> Tables:
    corrections = by if isinstance(by, list) else [by or a_correction()]
    given = pd.DataFrame(corrections, columns=list(CORRECTION_COLUMNS))
    return normalise({**others, table: list(rows)}, corrections=given)


def test_a_cell_is_read_as_corrected_and_counted() -> None:
    """COM-COR-1: the correction is laid over the cell, with a notice and its row; every row is accounted for."""
    students = [{"student_id": "A1", "student_unique_id": "900000001"}]
    tables = read(ENROLLMENT, {**ENROLLMENT, "enrollment_id": "11"}, students=students)
    assert tables.enrollments["end_date"].tolist() == [pd.Timestamp("2025-12-19"), pd.NaT]
    assert tables.corrections[["state", "rows"]].values.tolist() == [["applied", ["10"]]]
    assert tables.corrected() == {"enrollments:10"}
    assert tables.notices["detail"].tolist() == ["Correction 7 of column end_date was laid over 1 cell."]
    assert tables.summary()["collapsed"].tolist() == [0, 0]


def test_of_a_corrected_cell_it_is_known_what_the_source_says() -> None:
    cell = {"table": "enrollments", "id": "10", "column": "end_date", "value": "2025-12-19"}
    laid = read(ENROLLMENT).corrections
    assert written(laid, cell) == ""
    assert written(laid, {**cell, "id": "11"}) == "2025-12-19"
    assert written(laid, {**cell, "column": "start_date", "value": "2025-09-02"}) == "2025-09-02"


def test_of_two_members_of_one_name_only_the_corrected_one_was_something_else() -> None:
    of_list = {"table": "program_participation", "column": "attributes", "member": "services.code"}
    by = a_correction(**of_list, row_id="p1", was="Mathemtics", value="Mathematics")
    services = [{"code": "Mathemtics"}, {"code": "Readng"}]
    row = {**PARTICIPATION, "attributes": {"services": services}}
    laid = read(row, by=by, table="program_participation").corrections
    cell = {"table": "program_participation", "id": "p1", "column": "attributes.services.code"}
    assert written(laid, {**cell, "value": "Mathematics"}) == "Mathemtics"
    assert written(laid, {**cell, "value": "Readng"}) == "Readng"


def test_a_source_that_says_the_same_ends_the_correction_however_it_writes_it() -> None:
    tables = read({**ENROLLMENT, "end_date": "12/19/2025"})
    assert tables.corrections["state"].tolist() == ["source agrees"]
    assert tables.corrected() == set()
    assert tables.enrollments["end_date"].tolist() == [pd.Timestamp("2025-12-19")]


def test_a_source_that_says_a_third_thing_makes_the_row_unreadable() -> None:
    """COM-COR-2: neither value is taken."""
    tables = read({**ENROLLMENT, "end_date": "2026-01-30"})
    assert tables.corrections["state"].tolist() == ["source differs"]
    assert tables.skipped[["table", "id", "rule", "column"]].values.tolist() == [
        ["enrollments", "10", "COM-COR-2", "end_date"]
    ]
    assert tables.enrollments.empty


def test_a_row_under_another_key_holds_the_students_rows_and_the_lost_one() -> None:
    """COM-COR-3: the row may be the corrected one under another key."""
    tables = read(
        {**ENROLLMENT, "enrollment_id": "99"}, {**ENROLLMENT, "enrollment_id": "50", "student_id": "B2"}
    )
    assert tables.corrections["state"].tolist() == ["row not found"]
    assert tables.skipped[["id", "rule"]].values.tolist() == [["99", "COM-COR-3"]]
    assert tables.enrollments["enrollment_id"].tolist() == ["50"]
    assert tables.lost_corrections().values.tolist() == [["enrollments", "10", "A1"]]


def test_a_row_that_is_gone_with_its_student_holds_nothing() -> None:
    gone = a_correction(student_id="Z9")
    tables = read(ENROLLMENT | {"enrollment_id": "11"}, by=gone)
    assert tables.corrections["state"].tolist() == ["row not found"]
    assert tables.lost_corrections().empty
    assert tables.skipped.empty


def test_lines_that_shift_do_not_move_a_correction() -> None:
    others = [{**ENROLLMENT, "enrollment_id": str(number)} for number in (3, 4, 5)]
    tables = read(*others, ENROLLMENT)
    assert tables.corrections["rows"].tolist() == [["10"]]


def test_a_wrong_correction_is_an_unreadable_row() -> None:
    tables = read(ENROLLMENT, by=a_correction(value="2025-02-30"))
    assert tables.skipped[["id", "rule", "value"]].values.tolist() == [["10", "COM-NRM-3", "2025-02-30"]]


PARTICIPATION = {
    "participation_id": "p1",
    "student_id": "A1",
    "resource": "studentHomelessProgramAssociations",
    "education_organization_id": 255901,
    "program_education_organization_id": 255901,
    "program_name": "Homeless",
    "program_type": "Homeless",
    "begin_date": "2025-08-23",
}


def corrected_and_agreeing(by: dict[str, Any], was: Any, wanted: Any) -> Tables:
    """Two rows under one correction each: in the first is what was wrong, in the second what is wanted already."""
    rows = [
        {**PARTICIPATION, "participation_id": name, "attributes": attributes}
        for name, attributes in (("p1", was), ("p2", wanted))
    ]
    tables = read(*rows, by=[by, {**by, "number": 8, "row_id": "p2"}], table="program_participation")
    assert tables.corrections["state"].tolist() == ["applied", "source agrees"]
    return tables


SHELTER = "homelessProgramServices.homelessProgramServiceDescriptor"


def a_code(**changed: Any) -> dict[str, Any]:
    code = {"table": "program_participation", "row_id": None, "column": "attributes", "member": SHELTER}
    return a_correction(**code, was="Shelter", value="Shelters", student_id=None, **changed)


def test_a_code_is_corrected_wherever_it_is_written_also_inside_a_json_cell() -> None:
    wrong = {"homelessProgramServices": [{"homelessProgramServiceDescriptor": "Shelter"}, {"other": "x"}]}
    right = {"homelessProgramServices": [{"homelessProgramServiceDescriptor": "Food"}]}
    rows = [
        {**PARTICIPATION, "participation_id": name, "attributes": attributes}
        for name, attributes in (("p1", wrong), ("p2", right), ("p3", None), ("p4", wrong))
    ]
    tables = read(*rows, by=a_code(), table="program_participation")
    assert tables.corrections["rows"].tolist() == [["p1", "p4"]]
    services = tables.program_participation["attributes"].iloc[0]["homelessProgramServices"]
    assert services[0] == {"homelessProgramServiceDescriptor": "Shelters"}
    assert wrong["homelessProgramServices"][0] == {"homelessProgramServiceDescriptor": "Shelter"}


@pytest.mark.parametrize(
    ("was", "text", "typed", "value"),
    [
        (True, "yes", "no", False),
        (True, "yes", "false", False),
        (False, "no", "true", True),
        (7, "7", "8", 8),
        (0.5, "0.5", "1", 1),
        (7, "7", "eight", "eight"),
        (None, "", "Shelters", "Shelters"),
        ("7", "7", "8", "8"),
    ],
)
def test_a_member_that_is_no_text_is_listed_and_corrected_as_what_it_is(
    was: Any, text: str, typed: str, value: Any
) -> None:
    attributes = {"services": [{"member": was}]}
    assert list(members_with_texts(attributes)) == [("services.member", text)]
    cell = {
        "table": "program_participation",
        "row_id": "p1",
        "column": "attributes",
        "was": text,
        "value": typed,
    }
    by = a_correction(**cell, member="services.member")
    tables = corrected_and_agreeing(by, attributes, {"services": [{"member": value}]})
    (changed,) = tables.program_participation["attributes"].iloc[0]["services"]
    assert changed == {"member": value}
    assert type(changed["member"]) is type(value)


@pytest.mark.parametrize(
    ("was", "written", "typed", "value"),
    [
        (True, "true", "no", False),
        (True, "Yes", "N", False),
        (True, "TRUE", "0", False),
        (False, "n", "y", True),
        (False, "0", "1", True),
        (7.5, "7.50", "8.0", 8.0),
        ("true", "true", "false", "false"),
    ],
)
def test_what_is_told_as_corrected_is_corrected_however_yes_and_no_are_written(
    was: Any, written: str, typed: str, value: Any
) -> None:
    """COM-COR-1, COM-NRM-4: of a correction that was laid over the old value is nowhere left."""
    cell = {"table": "program_participation", "row_id": "p1", "column": "attributes", "member": "isHere"}
    by = a_correction(**cell, was=written, value=typed)
    tables = corrected_and_agreeing(by, {"isHere": was}, {"isHere": value})
    assert repr(tables.program_participation["attributes"].iloc[0]) == repr({"isHere": value})


@pytest.mark.parametrize("word", ["true", "Yes", "1"])
def test_a_text_in_a_json_cell_is_only_what_is_written(word: str) -> None:
    cell = {"table": "program_participation", "row_id": "p1", "column": "attributes", "member": "isHere"}
    by = a_correction(**cell, was=word, value="no")
    tables = read({**PARTICIPATION, "attributes": {"isHere": "yes"}}, by=by, table="program_participation")
    assert tables.corrections["state"].tolist() == ["source differs"]


@pytest.mark.parametrize(
    ("member", "typed", "value"),
    [
        ("homelessUnaccompaniedYouth", "yes", True),
        ("homelessUnaccompaniedYouth", "0", False),
        ("homelessUnaccompaniedYouth", "perhaps", "perhaps"),
        ("services.primaryIndicator", "N", False),
        ("specialEducationHoursPerWeek", "7.25", 7.25),
        ("dosage", "3", 3),
        ("dosage", "three", "three"),
        ("studentNotes", "5", "5"),
        ("studentNotes", "yes", "yes"),
    ],
)
def test_a_member_without_a_value_becomes_what_the_data_standards_have_under_its_name(
    member: str, typed: str, value: Any
) -> None:
    cell = {"table": "program_participation", "row_id": "p1", "column": "attributes", "member": member}
    first, _, second = member.partition(".")
    attributes, wanted = ({first: [{second: it}] if second else it} for it in (None, value))
    by = a_correction(**cell, value=typed)
    tables = corrected_and_agreeing(by, attributes, wanted)
    assert repr(tables.program_participation["attributes"].iloc[0]) == repr(wanted)


@pytest.mark.parametrize("was", [5, None])
@pytest.mark.parametrize("typed", ["99999999999999999999999", "0.12345678901234567890", "1" + "0" * 400])
def test_a_number_that_would_be_sent_as_another_one_is_an_unreadable_row(was: Any, typed: str) -> None:
    cell = {"table": "program_participation", "row_id": "p1", "column": "attributes", "member": "dosage"}
    by = a_correction(**cell, was=str(was or ""), value=typed)
    tables = read({**PARTICIPATION, "attributes": {"dosage": was}}, by=by, table="program_participation")
    assert tables.program_participation.empty
    assert tables.skipped["rule"].tolist() == ["COM-NRM-4"]
    assert "more digits than can be sent exactly. Correct the cell again." in tables.skipped["detail"].item()


@pytest.mark.parametrize(("was", "value"), [(5, 9007199254740993), ("5", "99999999999999999999999")])
def test_a_long_number_that_is_sent_as_it_is_written_is_taken(was: Any, value: Any) -> None:
    cell = {"table": "program_participation", "row_id": "p1", "column": "attributes", "member": "dosage"}
    by = a_correction(**cell, was="5", value=str(value))
    tables = read({**PARTICIPATION, "attributes": {"dosage": was}}, by=by, table="program_participation")
    assert tables.program_participation["attributes"].tolist() == [{"dosage": value}]


def test_a_code_that_is_written_nowhere_any_more_is_done() -> None:
    tables = read(PARTICIPATION, by=a_code(), table="program_participation")
    assert tables.corrections["state"].tolist() == ["source agrees"]


def test_corrections_are_saved_with_the_tables(tmp_path: Any) -> None:
    tables = read(ENROLLMENT)
    tables.save(tmp_path)
    again = Tables.load(tmp_path)
    assert again.corrected() == {"enrollments:10"}
    assert again.corrections["given_at"].tolist() == tables.corrections["given_at"].tolist()


@pytest.mark.parametrize(
    ("table", "column", "member", "says"),
    [
        ("enrolments", "end_date", "", "Did you mean 'enrollments'"),
        ("edfi_config", "valid", "", "decides what is sent at all"),
        ("enrollments", "enrollment_id", "", "is the key"),
        ("enrollments", "end_dat", "", "Did you mean 'end_date'"),
        ("program_participation", "attributes", "", "name the one to correct"),
        ("enrollments", "end_date", "code", "has no members"),
    ],
)
def test_what_cannot_be_corrected_is_refused(table: str, column: str, member: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        check_correction(table, column, member)
