"""Rows kept, unreadable and collapsed, and what a steward reads about them."""

from __future__ import annotations

import re
import string
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edfi_toolkit.errors import SourceShapeError
from edfi_toolkit.tables import TABLES, Sheet, Tables, normalise
from tests.proofs import bounded

FILES = {"students": "students.csv", "enrollments": "enrollments.csv"}


def enrollment(**changes: Any) -> dict[str, Any]:
    row = {"enrollment_id": "1", "student_id": "7", "school_id": "A", "start_date": "2025-09-02"}
    return row | changes


def test_a_bad_cell_names_file_row_column_value_and_the_mend() -> None:
    rows = [enrollment(enrollment_id=str(number)) for number in range(4)]
    rows[3]["start_date"] = "2026-02-29"
    tables = normalise({"enrollments": pd.DataFrame(rows)}, files=FILES)
    [found] = tables.skipped.to_dict("records")
    assert found == {
        "table": "enrollments",
        "id": "3",
        "rule": "COM-NRM-3",
        "file": "enrollments.csv",
        "row": 5,
        "column": "start_date",
        "value": "2026-02-29",
        "student_id": "7",
        "detail": "enrollments.csv, row 5, column start_date: '2026-02-29' is not a day of the calendar. "
        "Write the day that is meant, for example 2025-09-02.",
    }
    assert tables.enrollments["enrollment_id"].tolist() == ["0", "1", "2"]


def test_all_bad_cells_of_a_row_are_told_and_the_row_counts_once() -> None:
    tables = normalise({"enrollments": [enrollment(no_show="maybe", start_date="soon", service_type="Q")]})
    [found] = tables.skipped.to_dict("records")
    assert (found["rule"], found["column"], found["row"]) == ("COM-NRM-3", "start_date", 1)
    assert "column start_date: the cell is not a date" in found["detail"]
    assert "column no_show: the cell is neither yes nor no" in found["detail"]
    assert "column service_type: 'Q' is not one of P, S, N" in found["detail"]


@pytest.mark.parametrize("wrong", ["Ann", "Maria", "0090417307"])
@pytest.mark.parametrize("column", ["start_date", "no_show", "service_type"])
def test_a_student_in_a_column_of_another_kind_is_in_no_sentence(column: str, wrong: str) -> None:
    [found] = normalise({"enrollments": [enrollment(**{column: wrong})]}).skipped.to_dict("records")
    assert (found["column"], found["value"]) == (column, wrong)
    assert wrong not in found["detail"]


def test_personal_values_stay_out_of_sentences_com_nrm_2() -> None:
    tables = normalise({"students": [{"student_id": "7", "student_unique_id": "900111222.0"}]})
    [found] = tables.skipped.to_dict("records")
    assert (found["rule"], found["column"], found["value"]) == (
        "COM-NRM-2",
        "student_unique_id",
        "900111222.0",
    )
    assert "900111222" not in found["detail"]


def test_the_key_of_a_row_made_a_number_is_the_id_that_was_meant_com_nrm_2() -> None:
    """What was published under that id must be recognised, and held instead of deleted."""
    tables = normalise({"students": pd.DataFrame({"student_id": [900123.0, np.nan]})})
    assert tables.skipped["id"].tolist() == ["900123", pytest.approx(float("nan"), nan_ok=True)]
    assert tables.skipped["rule"].tolist() == ["COM-NRM-2", "COM-NRM-6"]


@pytest.mark.parametrize("column", ["enrollment_id", "student_id", "school_id"])
def test_a_row_without_its_keys_is_set_aside_com_nrm_6(column: str) -> None:
    tables = normalise({"enrollments": [enrollment(**{column: " "})]})
    assert tables.enrollments.empty
    assert tables.skipped["rule"].tolist() == ["COM-NRM-6"]
    assert f"column {column}: the cell is empty" in tables.skipped["detail"][0]


def test_an_empty_cell_of_a_required_column_is_left_to_the_profile() -> None:
    tables = normalise({"enrollments": [enrollment(start_date=None)]})
    assert tables.enrollments["start_date"].isna().tolist() == [True]
    assert tables.skipped.empty


def test_a_missing_required_column_names_table_column_file_and_the_nearest_com_nrm_6() -> None:
    frame = pd.DataFrame([enrollment()]).rename(columns={"start_date": "startdate", "school_id": "campus"})
    with pytest.raises(SourceShapeError) as raised:
        normalise({"enrollments": frame}, files=FILES)
    assert str(raised.value) == (
        "COM-NRM-6: table enrollments needs the column school_id, and enrollments.csv has none. "
        "Add it to the export.\n"
        "COM-NRM-6: table enrollments needs the column start_date, and enrollments.csv has none. "
        "Did you mean 'startdate'? Rename it."
    )


def test_hand_written_records_may_leave_out_what_is_empty_but_not_keys() -> None:
    tables = normalise({"enrollments": [{"enrollment_id": "1", "student_id": "7", "school_id": "A"}]})
    assert tables.enrollments["start_date"].isna().all()
    with pytest.raises(SourceShapeError, match="needs the column school_id"):
        normalise({"enrollments": [{"enrollment_id": "1", "student_id": "7"}]})


def test_a_missing_optional_column_is_a_column_of_defaults_com_nrm_6() -> None:
    row = normalise({"enrollments": [enrollment()]}).enrollments.iloc[0]
    assert row[["service_type", "state_enrollment_type", "no_show"]].tolist() == ["P", "P", False]
    assert pd.isna(row["end_date"])


def test_an_unknown_column_gives_a_notice_with_the_nearest_name_com_nrm_6() -> None:
    frame = pd.DataFrame([enrollment(noshow="1")])
    [notice] = normalise({"enrollments": frame}, files=FILES).notices.to_dict("records")
    assert (notice["code"], notice["table"], notice["id"]) == ("COM-NRM-6", "enrollments", "noshow")
    assert notice["detail"].endswith("is not used. Did you mean 'no_show'?")


def test_where_no_name_is_like_an_unknown_column_those_that_a_rule_reads_are_named_com_nrm_6() -> None:
    frame = pd.DataFrame([{"student_id": "7", "state_name": "900"}])
    [notice] = normalise({"students": frame}, files=FILES).notices.to_dict("records")
    assert re.search("Not in the file are .*student_unique_id", notice["detail"])
    assert "first_name" not in notice["detail"]


def test_an_unknown_table_gives_a_notice_with_the_nearest_name() -> None:
    [notice] = normalise({"enrolments": [{}]}).notices.to_dict("records")
    assert notice["code"] == "UNKNOWN_TABLE"
    assert notice["detail"].endswith("Did you mean 'enrollments'?")


def test_headers_match_without_regard_to_case_and_never_twice() -> None:
    assert normalise({"students": pd.DataFrame({" Student_ID ": ["1"]})}).students["student_id"].tolist() == [
        "1"
    ]
    with pytest.raises(SourceShapeError, match="column student_id is there twice"):
        normalise({"students": pd.DataFrame([["1", "2"]], columns=["student_id", "STUDENT_ID"])})


def test_identical_rows_collapse_with_a_notice_com_nrm_7() -> None:
    rows = [enrollment(), enrollment(start_date="9/2/2025"), enrollment(enrollment_id="2")]
    tables = normalise({"enrollments": rows})
    assert tables.enrollments["enrollment_id"].tolist() == ["1", "2"]
    assert tables.skipped.empty
    assert tables.notices.to_dict("records") == [
        {
            "code": "DUPLICATE_ROW",
            "table": "enrollments",
            "id": "1",
            "detail": "enrollments, row 2: the same row is there already; one of them was kept.",
        }
    ]


def test_one_key_with_other_contents_sets_all_its_rows_aside_com_nrm_7() -> None:
    attributes = [{"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": 1, "b": 3}]
    rows = [
        {"participation_id": key, "student_id": "7", "attributes": each}
        for key in ("p1", "p2")
        for each in attributes[: 3 if key == "p1" else 2]
    ]
    tables = normalise({"program_participation": rows})
    assert tables.program_participation["participation_id"].tolist() == ["p2"]
    assert tables.skipped[["id", "rule", "row"]].to_numpy().tolist() == [
        ["p1", "COM-NRM-7", n] for n in (1, 2, 3)
    ]
    assert tables.skipped["detail"][0].endswith(
        "3 rows (1, 2, 3) have the same participation_id and differ in attributes. "
        "Correct or remove all but one."
    )


def test_a_readable_row_beside_an_unreadable_one_of_its_key_is_not_trusted_com_nrm_7() -> None:
    tables = normalise({"enrollments": [enrollment(), enrollment(start_date="soon")]})
    assert tables.enrollments.empty
    assert tables.skipped["rule"].tolist() == ["COM-NRM-7", "COM-NRM-3"]


def test_a_key_of_two_columns_com_nrm_7() -> None:
    row = {
        "descriptor": "ProgramTypeDescriptor",
        "local_code": "A",
        "ed_fi_uri": "uri://x/ProgramTypeDescriptor#A",
    }
    tables = normalise({"descriptor_map": [row, row | {"local_code": "B"}, row | {"ed_fi_uri": None}]})
    assert tables.descriptor_map["local_code"].tolist() == ["B"]
    assert tables.skipped["id"].tolist() == ["ProgramTypeDescriptor|A"] * 2


def test_an_open_school_year_runs_from_july_to_june() -> None:
    rows = [
        {"school_year": "2026"},
        {"school_year": 2025, "config_start": "8/1/2024", "profile": "Choice_Only"},
    ]
    config = normalise({"edfi_config": rows}).edfi_config.set_index("school_year")
    assert config["config_start"].tolist() == [pd.Timestamp("2025-07-01"), pd.Timestamp("2024-08-01")]
    assert config["config_end"].tolist() == [pd.Timestamp("2026-06-30"), pd.Timestamp("2025-06-30")]
    assert config["profile"].tolist() == ["public", "choice_only"]
    assert config["valid"].tolist() == [True, True]


def test_a_sheet_tells_the_source_s_own_file_row_and_column() -> None:
    frame = pd.DataFrame({"student_id": ["1", "2"], "state_exclude": ["1", "?"]})
    sheet = Sheet(
        frame=frame, file=["a.csv", "b.csv"], rows=np.array([2, 9]), names={"state_exclude": "Excl"}
    )
    tables = normalise({"students": sheet})
    assert tables.skipped["detail"][0].startswith("b.csv, row 9, column Excl: '?' is neither yes nor no.")
    assert tables.origins.to_dict("records") == [{"table": "students", "file": "a.csv, b.csv", "rows": 2}]


def test_empty_input_gives_typed_empty_tables() -> None:
    for raw in ([], pd.DataFrame()):
        tables = normalise({"students": raw})
        assert tables.students.dtypes.astype(str).to_dict() == {
            column.name: str(column.dtype) for column in TABLES["students"].columns.values()
        }


def test_the_input_is_not_modified() -> None:
    frame = pd.DataFrame([enrollment(start_date="9/2/2025 ")])
    before = frame.copy()
    normalise({"enrollments": frame})
    pd.testing.assert_frame_equal(frame, before)


# Any table, in any order, twice

CELLS: dict[str, st.SearchStrategy[Any]] = {
    "str": st.sampled_from(["", "1", "2", " 1", "3.0", "01", None, 4, 5.0, "a\u00a0"]),
    "enum": st.sampled_from(["", "P", "s", "Q", "public", None, 3]),
    "int": st.sampled_from(["", "2026", 2025, "x", 1.0, 1.5, None]),
    "year": st.sampled_from(["", "2026", 2025, 2026.0, "2025-26", "202", 26, None]),
    "date": st.sampled_from(
        ["", "2025-09-02", "9/2/2025", "2026-02-30", "0/0/0", None, pd.Timestamp("2025-09-02 10:00")]
    ),
    "bool": st.sampled_from(["", "1", "no", "maybe", True, 0, None]),
    "json": st.sampled_from(["", '{"a":1}', "{", {"a": 1}, {"b": [1]}, None]),
}


@st.composite
def a_table(draw: st.DrawFn) -> tuple[str, list[dict[str, Any]]]:
    name = draw(st.sampled_from(sorted(TABLES)))
    columns = TABLES[name].columns.values()
    row = st.fixed_dictionaries({each.name: CELLS[each.type] for each in columns})
    return name, draw(st.lists(row, max_size=12))


def comparable(frame: pd.DataFrame) -> list[str]:
    return sorted(repr([str(each) for each in row]) for row in frame.to_numpy(dtype=object))


@pytest.mark.volume
@bounded(12)
@given(a_table(), st.randoms(use_true_random=False))
def test_every_row_is_accounted_for_in_any_order_and_twice_is_once(
    named: tuple[str, list[dict[str, Any]]], random: Any
) -> None:
    name, rows = named
    tables = normalise({name: rows})
    collapsed = int(tables.notices["code"].eq("DUPLICATE_ROW").sum())
    assert len(rows) == len(tables[name]) + len(tables.skipped) + collapsed
    assert tables.summary()[["rows", "kept", "set_aside", "collapsed"]].to_numpy().tolist() == [
        [len(rows), len(tables[name]), len(tables.skipped), collapsed]
    ]

    shuffled = random.sample(rows, len(rows))
    again = normalise({name: shuffled})
    assert comparable(again[name]) == comparable(tables[name])
    told = ["id", "rule", "column", "value"]
    assert comparable(again.skipped[told]) == comparable(tables.skipped[told])

    twice = normalise(dict(tables))
    pd.testing.assert_frame_equal(twice[name], tables[name])
    assert twice.skipped.empty
    assert normalise(tables) is tables


@pytest.mark.volume
@bounded(10)
@given(
    st.sampled_from(["edfi_config", "enrollments", "program_participation"]),
    st.lists(st.text(alphabet=string.printable + "\u00a0", max_size=12), max_size=8),
)
def test_no_text_breaks_a_column(name: str, texts: list[str]) -> None:
    rows = [dict.fromkeys(TABLES[name].columns, text) for text in texts]
    tables = normalise({name: rows})
    assert len(rows) >= len(tables[name]) + len(tables.skipped)


def test_tables_are_what_the_source_had_and_read_as_empty_otherwise() -> None:
    tables = normalise({"students": [{"student_id": "1"}]})
    assert list(tables) == ["students"]
    assert "schools" not in tables
    assert tables.schools.empty
    assert tables["schools"].columns.tolist() == list(TABLES["schools"].columns)
    with pytest.raises(KeyError):
        tables["pupils"]
    with pytest.raises(AttributeError):
        _ = tables.pupils
    assert isinstance(tables, Tables)
