"""Workbooks and Parquet files: ids stay what the file stores, and broken files are named."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from edfi_toolkit.errors import SourceShapeError, SourceUnavailable
from edfi_toolkit.sources import extract
from edfi_toolkit.sources.workbook import read_workbook
from tests.factories.workbooks import workbook


def test_a_workbook_is_a_source_with_one_sheet_a_table(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "sis.xlsx",
        Students=[
            ["student_id", "student_unique_id", "last_name", None],
            [7, "0012", "NA", None],
            [8, 1.5, "B", None],
        ],
        enrollments=[
            ["enrollment_id", "student_id", "school_id", "start_date", "no_show"],
            [1, 7, "A", datetime(2025, 9, 2), True],
            [None, None, None, None, None],
            [2, 7, "A", "9/3/2025", "maybe"],
        ],
        empty=[],
    )
    tables = extract(path, profile="certification")
    assert tables.students[["student_id", "student_unique_id", "last_name"]].to_numpy().tolist() == [
        ["7", "0012", "NA"]
    ]
    assert tables.enrollments["start_date"].tolist() == [pd.Timestamp("2025-09-02")]
    assert tables.enrollments["no_show"].tolist() == [True]
    told = tables.skipped[["file", "row", "rule"]].to_numpy().tolist()
    assert told == [
        ["sis.xlsx, sheet Students", 3, "COM-NRM-2"],
        ["sis.xlsx, sheet enrollments", 4, "COM-NRM-4"],
    ]


def test_zeros_that_only_the_format_shows_belong_to_the_id_com_nrm_2(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", students=[["student_id"], [123]])
    book = openpyxl.load_workbook(path)
    book["students"]["A2"].number_format = "00000"
    book.save(path)
    assert read_workbook(path)[0]["students"].frame["student_id"].tolist() == ["00123"]


def test_the_only_sheet_of_a_workbook_in_a_folder_is_the_table_of_its_file(tmp_path: Path) -> None:
    workbook(tmp_path / "students.xlsx", Sheet1=[["student_id"], ["7"]])
    workbook(tmp_path / "~$students.xlsx", Sheet1=[["student_id"], ["8"]])
    (tmp_path / "notes.docx").write_text("not a table")
    assert extract(tmp_path, profile="certification").students["student_id"].tolist() == ["7"]


def test_a_cell_that_shows_an_error_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", students=[["student_id"], ["#N/A"]])
    with pytest.raises(SourceShapeError, match="sheet students: cell A2 shows #N/A"):
        read_workbook(path)


def test_a_sheet_must_begin_with_its_header(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", students=[[None], ["student_id"], ["7"]])
    with pytest.raises(SourceShapeError, match="does not begin with a header"):
        read_workbook(path)


@pytest.mark.parametrize(
    ("name", "says"), [("a.xlsx", "is not an Excel workbook"), ("a.parquet", "is not a Parquet file")]
)
def test_a_broken_file_is_named(tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / name).write_bytes(b"this is something else")
    with pytest.raises(SourceUnavailable, match=f"{name} {says}"):
        extract(tmp_path, profile="certification")


def test_a_file_of_another_kind_is_no_source(tmp_path: Path) -> None:
    (tmp_path / "students.pdf").write_bytes(b"%PDF")
    with pytest.raises(SourceUnavailable, match=r"students\.pdf is no workbook"):
        extract(tmp_path / "students.pdf", profile="certification")


def test_parquet_keeps_its_types_and_floats_are_no_ids_com_nrm_2(tmp_path: Path) -> None:
    pd.DataFrame({"student_id": [7, 8], "student_unique_id": [1.0, None]}).to_parquet(
        tmp_path / "students.parquet"
    )
    tables = extract(tmp_path, profile="certification")
    assert tables.students["student_id"].tolist() == ["8"]
    assert tables.skipped[["file", "row", "value"]].to_numpy().tolist() == [["students.parquet", 1, "1.0"]]
