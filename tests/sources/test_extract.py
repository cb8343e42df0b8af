"""Whole sources: what is found, what is missed, and what cannot be read."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from edfi_toolkit.errors import ConfigError, SourceShapeError, SourceUnavailable
from edfi_toolkit.sources import extract

STUDENTS = "student_id,student_unique_id,last_name\n7,0012345,NA\n8,900.0,Z\n"
HEADER = "participation_id,student_id,resource,education_organization_id,program_education_organization_id,"
PARTICIPATION = HEADER + "program_name,program_type,begin_date\np1,7,r,1,1,n,t,2025-09-02\n"


def folder(path: Path, **files: str) -> Path:
    for name, text in files.items():
        (path / f"{name}.csv").write_text(text, encoding="utf-8")
    return path


def test_a_folder_of_files_becomes_tables(tmp_path: Path) -> None:
    tables = extract(
        folder(tmp_path, Students=STUDENTS, program_participation=PARTICIPATION), profile="certification"
    )
    assert tables.students["student_unique_id"].tolist() == ["0012345"]
    assert tables.students["last_name"].tolist() == ["NA"]
    assert tables.skipped[["file", "row", "rule", "column"]].to_numpy().tolist() == [
        ["Students.csv", 3, "COM-NRM-2", "student_unique_id"]
    ]
    assert tables.notices.empty
    assert tables.origins["rows"].tolist() == [2, 1]


def test_a_table_not_found_is_told_and_reads_as_empty(tmp_path: Path) -> None:
    tables = extract(folder(tmp_path, students=STUDENTS, enrolments="a\n"), profile="certification")
    assert tables.program_participation.empty
    notices = tables.notices.set_index("code")
    assert notices.loc["NO_TABLE", "table"] == "program_participation"
    assert "has no table program_participation" in notices.loc["NO_TABLE", "detail"]
    assert "Did you mean 'enrollments'?" in notices.loc["UNKNOWN_TABLE", "detail"]
    assert "has no table program_participation" in tables._repr_html_()


def test_a_source_without_any_table_of_the_profile_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceShapeError, match="It holds no table at all"):
        extract(tmp_path, profile="certification")
    with pytest.raises(SourceShapeError, match=r"none of the tables students, .*It holds pupils"):
        extract(folder(tmp_path, pupils="a,b\n"), profile="certification")


def test_one_table_in_two_files_is_refused(tmp_path: Path) -> None:
    folder(tmp_path, students=STUDENTS)
    (tmp_path / "students.txt").write_text(STUDENTS)
    with pytest.raises(SourceShapeError, match=r"students\.txt holds the table students once more"):
        extract(tmp_path, profile="certification")


def test_a_source_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="There is no folder or file"):
        extract(tmp_path / "gone", profile="certification")


def test_an_unknown_profile_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'certification'"):
        extract({}, profile="certificaton")


def test_frames_and_records_are_a_source_too() -> None:
    raw = {
        "students": pd.DataFrame({"student_id": ["7"]}),
        "program_participation": [{"participation_id": "p1", "student_id": "7"}],
    }
    tables = extract(raw, profile="certification")
    assert tables.program_participation["participation_id"].tolist() == ["p1"]
    assert extract(tables, profile="certification") is tables
