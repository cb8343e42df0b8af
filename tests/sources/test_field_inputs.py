"""Exports as they come from the field: what is read, what is named, and what stops the extract."""

from __future__ import annotations

import sqlite3
import traceback
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import edfi_toolkit as edfi
from bench.parts.workbooks import HEAD, SHEET, SHEET_END
from bench.parts.workbooks import workbook as packed
from edfi_toolkit.errors import SourceError, SourceShapeError, SourceUnavailable
from edfi_toolkit.settings import ReadingLimits
from edfi_toolkit.tables import Tables
from tests.factories.workbooks import workbook

STUDENTS = ["student_id,student_unique_id,last_name", "A1,0090417307,Zwirnfaden", "A2,900417308,Fjell"]
HEADER = (
    "participation_id,student_id,resource,education_organization_id,program_education_organization_id,"
    "program_name,program_type,begin_date,attributes"
)
ROW = "p{0},A{0},{1},255901,255901,Gifted and Talented,Gifted and Talented,2025-08-23,{2}"
GENERIC = "studentProgramAssociations"


def source(folder: Path, students: list[str], *more: str, suffix: str = ".csv") -> Path:
    (folder / f"students{suffix}").write_text("\n".join([*students, *more]) + "\n")
    rows = [ROW.format(number, GENERIC, "") for number in (1, 2)]
    (folder / f"program_participation{suffix}").write_text("\n".join([HEADER, *rows]) + "\n")
    return folder


def read(place: Path) -> tuple[Tables, list[str]]:
    """The tables, and the students of whom a record is built."""
    tables = edfi.extract(place, profile="certification")
    records = edfi.build(tables, profile="certification", school_year=2026).records
    return tables, records["student_unique_id"].tolist()


def notices(tables: Tables, code: str) -> list[str]:
    return tables.notices.loc[tables.notices["code"].eq(code), "detail"].tolist()


def test_sqlcmd_s_dashes_and_its_closing_line_are_no_rows_and_are_named(tmp_path: Path) -> None:
    header, *rows = STUDENTS
    place = source(
        tmp_path, [header, "----------,-----------------,---------", *rows], "", "(2 rows affected)"
    )
    tables, students = read(place)
    assert students == ["0090417307", "900417308"]
    assert notices(tables, "NOT_IN_TABLE") == [
        "students.csv, row 2: a line of dashes is no row of the table.",
        "students.csv: a closing line of a program, such as (2 rows affected), is no row of the table.",
    ]
    assert tables.summary()["rows"].tolist() == [2, 2]


def test_a_closing_line_in_a_table_of_one_column_is_no_student(tmp_path: Path) -> None:
    (tmp_path / "students.txt").write_text("student_id\nA1\n\n1 row selected.\n")
    assert edfi.extract(tmp_path, profile="certification").students["student_id"].tolist() == ["A1"]


@pytest.mark.parametrize(
    "title", ["Students as of 11/03/2025", "Students,,", "Students, all", '"Students, all"']
)
def test_below_a_title_the_header_is_named_by_its_row(tmp_path: Path, title: str) -> None:
    with pytest.raises(
        SourceShapeError, match=r"students\.csv: the header is not in the first row; row 3 looks"
    ):
        read(source(tmp_path, [title, "", *STUDENTS]))


def test_a_title_above_a_file_with_tabs_is_seen(tmp_path: Path) -> None:
    lines = ["Students, all", *(line.replace(",", "\t") for line in STUDENTS)]
    (tmp_path / "students.txt").write_text("\n".join(lines))
    with pytest.raises(SourceShapeError, match="row 2 looks like it"):
        edfi.extract(tmp_path, profile="certification")


def test_a_repeated_header_is_no_row_and_a_total_is_an_unreadable_one(tmp_path: Path) -> None:
    tables, students = read(source(tmp_path, [*STUDENTS, STUDENTS[0], "A3,900417309,Orm"], "Total,3,"))
    assert (students, len(tables.students)) == (["0090417307", "900417308"], 3)
    assert notices(tables, "NOT_IN_TABLE") == [
        "students.csv, row 4: the header again is no row of the table."
    ]
    assert tables.skipped[["row", "rule"]].to_numpy().tolist() == [[6, "COM-NRM-2"]]
    assert "label of a total" in tables.skipped["detail"][0]


def test_an_inner_header_of_another_table_stops_the_extract(tmp_path: Path) -> None:
    with pytest.raises(SourceShapeError, match="2 rows do not have the 3 cells of the header"):
        read(source(tmp_path, STUDENTS, "school_id,name", "A,High"))


def test_values_without_a_column_name_are_named(tmp_path: Path) -> None:
    header, *rows = STUDENTS
    tables, _ = read(source(tmp_path, [f"{header},,", f"{rows[0]},,x", f"{rows[1]},,"]))
    assert notices(tables, "NOT_IN_TABLE") == [
        "students.csv: column 5 has values and no name in the header, and is not used."
    ]
    assert notices(tables, "COM-NRM-6") == []


def test_ids_guarded_for_excel_and_words_for_nothing_give_no_record_com_nrm_2(tmp_path: Path) -> None:
    rows = ["student_id,student_unique_id", 'A1,"=""0090417307"""', "A2,NULL"]
    tables, students = read(source(tmp_path, rows))
    assert students == []
    assert tables.skipped[["file", "row", "column", "rule"]].to_numpy().tolist() == [
        ["students.csv", 2, "student_unique_id", "COM-NRM-2"],
        ["students.csv", 3, "student_unique_id", "COM-NRM-2"],
    ]


def test_a_table_of_years_of_two_digits_is_wholly_unreadable_and_builds_nothing_com_nrm_3(
    tmp_path: Path,
) -> None:
    place = source(tmp_path, STUDENTS)
    path = place / "program_participation.csv"
    path.write_text(path.read_text().replace("2025-08-23", "8/23/25"))
    tables, students = read(place)
    assert (students, tables.skipped["rule"].tolist()) == ([], ["COM-NRM-3"] * 2)
    assert "has a year of two digits" in tables.skipped["detail"][0]


def test_nested_parquet_gives_the_records_of_the_json_text_com_nrm_6(tmp_path: Path) -> None:
    service = {
        "cteProgramServiceDescriptor": "Information Technology",
        "primaryIndicator": True,
        "cipCode": None,
    }
    attributes = [
        {
            "nonTraditionalGenderStatus": False,
            "cteProgramServices": [service],
            "homelessUnaccompaniedYouth": None,
        },
        {"nonTraditionalGenderStatus": None, "cteProgramServices": None, "homelessUnaccompaniedYouth": True},
    ]
    resources = ["studentCTEProgramAssociations", "studentHomelessProgramAssociations"]
    header = HEADER.split(",")
    rows = [ROW.format(number, name, "").split(",") for number, name in enumerate(resources, 1)]
    columns = {name: [row[at] for row in rows] for at, name in enumerate(header)} | {"attributes": attributes}
    columns["education_organization_id"] = [255901, 255901]
    pq.write_table(pa.table(columns), tmp_path / "program_participation.parquet")
    (tmp_path / "students.csv").write_text("\n".join(STUDENTS))
    tables, _ = read(tmp_path)
    bodies = edfi.build(tables, profile="certification", school_year=2026).records["body"].tolist()
    assert bodies[0]["cteProgramServices"] == [
        {
            "cteProgramServiceDescriptor": "uri://ed-fi.org/CTEProgramServiceDescriptor#Information Technology",
            "primaryIndicator": True,
        }
    ]
    assert bodies[0]["nonTraditionalGenderStatus"] is False
    assert "homelessUnaccompaniedYouth" not in bodies[0]
    assert bodies[1]["homelessUnaccompaniedYouth"] is True


def test_parquet_types_become_ids_or_named_rows_com_nrm_2(tmp_path: Path) -> None:
    table = pa.table(
        {
            "student_id": pa.array([1, None, 3, 4], pa.int64()),
            "student_unique_id": pa.array([b"0090417307"] * 4, pa.binary()),
            "location_code": pa.array([2**53 + 1] * 4, pa.decimal128(20, 0)),
            "current_school_id": pa.array([7] * 4, pa.decimal128(10, 2)),
            "last_name": pa.array(["a", "b", "a", None]).dictionary_encode(),
            "__index_level_0__": [0, 1, 2, 3],
        }
    )
    pq.write_table(table.drop(["student_unique_id", "current_school_id"]), tmp_path / "students.parquet")
    tables = edfi.extract(tmp_path, profile="certification")
    assert tables.students[["student_id", "location_code", "last_name"]].astype(object).values.tolist()[
        :2
    ] == [
        ["1", "9007199254740993", "a"],
        ["3", "9007199254740993", "a"],
    ]
    assert tables.skipped["rule"].tolist() == ["COM-NRM-6"]
    pq.write_table(table, tmp_path / "students.parquet")
    details = edfi.extract(tmp_path, profile="certification").skipped["detail"]
    assert details.str.contains("student_unique_id: the cell is binary").all()
    assert details.str.contains("current_school_id: the cell has a decimal point").all()


def test_broken_text_in_parquet_names_its_column(tmp_path: Path) -> None:
    broken = pa.array([b"\xff\xfe"], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"student_id": ["1"], "last_name": broken}), tmp_path / "students.parquet")
    with pytest.raises(
        SourceShapeError, match=r"students\.parquet, column last_name: it holds text that is not UTF-8"
    ):
        edfi.extract(tmp_path, profile="certification")


def test_text_suffixes_are_read_and_all_else_is_named_with_the_reason_com_nrm_6(tmp_path: Path) -> None:
    source(tmp_path, STUDENTS, suffix=".text")
    for name in ("lep_records.xls", "old.zip", "notes", ".hidden", "_SUCCESS"):
        (tmp_path / name).write_text("x")
    (tmp_path / "archive").mkdir()
    (tmp_path / "gone.csv").symlink_to(tmp_path / "nowhere")
    tables, students = read(tmp_path)
    assert len(students) == 2
    reasons = tables.notices.set_index("id")["detail"]
    for thing, says in {
        "lep_records.xls": "save it as .xlsx",
        "old.zip": "Unpack it",
        "notes": "no ending",
        "archive": "it is a folder",
        "gone.csv": "no file that can be opened",
        ".hidden": "hidden or temporary",
        "_SUCCESS": "hidden or temporary",
    }.items():
        assert says in reasons[thing]
    assert set(tables.notices["code"]) == {"LEFT_ALONE", "HIDDEN_FILE"}
    assert "lep_records.xls is left alone" in tables._repr_html_()
    assert "_SUCCESS" not in tables._repr_html_()


def test_a_source_of_nothing_but_other_kinds_names_them(tmp_path: Path) -> None:
    (tmp_path / "students.xls").write_text("x")
    with pytest.raises(SourceShapeError, match="none of the tables"):
        edfi.extract(tmp_path, profile="certification")
    with pytest.raises(SourceUnavailable, match=r"save it as \.xlsx"):
        edfi.extract(tmp_path / "students.xls", profile="certification")


def test_file_names_of_any_bytes_can_be_printed(tmp_path: Path) -> None:
    names = [
        "M\u00fcller",
        "m\u00fcller\u202e",
        "a\nb",
        "a\x1b[31m",
        b"\xff\xfe".decode(errors="surrogateescape"),
    ]
    source(tmp_path, STUDENTS)
    for name in names:
        (tmp_path / f"{name}.csv").write_text("a\n1\n")
    tables, students = read(tmp_path)
    unknown = notices(tables, "UNKNOWN_TABLE")
    assert len(set(unknown)) == len(names)
    for says in unknown:
        assert says.isprintable()
        assert says.encode()
    assert len(students) == 2
    Tables.load(tables.save(tmp_path / "saved"))


def test_a_merged_title_in_a_workbook_is_named_with_the_header_s_row(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "a.xlsx", students=[["Students as of today"], ["student_id", "last_name"], [1, "a"]]
    )
    book = openpyxl.load_workbook(path)
    book["students"].merge_cells("A1:B1")
    book.save(path)
    with pytest.raises(
        SourceShapeError, match=r"a\.xlsx, sheet students: the header is not .* row 2 looks like it"
    ):
        edfi.extract(path, profile="certification")


def test_cells_beyond_the_header_and_empty_sheets_are_named(tmp_path: Path) -> None:
    students = [["student_id", None, "last_name"], [1, "?", "a", None, "note"], ["(1 row affected)"]]
    path = workbook(tmp_path / "a.xlsx", students=students, Sheet2=[])
    tables = edfi.extract(path, profile="certification")
    assert tables.students["student_id"].tolist() == ["1"]
    assert notices(tables, "NOT_IN_TABLE") == [
        "a.xlsx, sheet students: column 2 has values and no name in the header, and is not used.",
        "a.xlsx, sheet students, row 3: the closing line of a program is no row of the table.",
        "a.xlsx, sheet students: cells to the right of the header are not used (1 rows have some).",
    ]
    assert notices(tables, "LEFT_ALONE") == ["a.xlsx, sheet Sheet2 is left alone: it holds nothing."]


def test_a_formula_that_was_never_calculated_is_no_empty_cell(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", students=[["student_id"], ["=1+1"]])
    with pytest.raises(SourceShapeError, match="cell A2 has a formula without a result"):
        edfi.extract(path, profile="certification")


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        (ReadingLimits(max_rows=1), r"more than 1 rows, so reading stopped.*max_rows higher in \[reading\]"),
        (ReadingLimits(max_cells=3), "more than 3 cells.*max_cells"),
    ],
)
@pytest.mark.parametrize("kind", ["csv", "parquet", "xlsx", "sqlite"])
def test_reading_stops_at_the_settings_bounds(
    tmp_path: Path, kind: str, limits: ReadingLimits, says: str
) -> None:
    frame = pd.DataFrame({"student_id": ["1", "2", "3"], "last_name": ["a", "b", "c"]})
    path: Path | str = tmp_path / f"students.{kind}"
    match kind:
        case "csv":
            frame.to_csv(path, index=False)
        case "parquet":
            frame.to_parquet(path)
        case "xlsx":
            workbook(tmp_path / "students.xlsx", students=[list(frame), *frame.to_numpy().tolist()])
        case "sqlite":
            with sqlite3.connect(path) as connection:
                frame.to_sql("students", connection, index=False)
            connection.close()
            path = f"sqlite:///{path}"
    with pytest.raises(SourceShapeError, match=says):
        edfi.extract(path, profile="certification", limits=limits)


def test_unpacked_sizes_are_bounded(tmp_path: Path) -> None:
    small = ReadingLimits(max_unpacked_mb=1, max_workbook_mb=1)
    pq.write_table(pa.table({"student_id": ["x" * 1_000] * 2_000}), tmp_path / "students.parquet")
    assert (tmp_path / "students.parquet").stat().st_size < 10_000
    with pytest.raises(SourceShapeError, match="max_unpacked_mb"):
        edfi.extract(tmp_path / "students.parquet", profile="certification", limits=small)
    (tmp_path / "students.csv").write_text("student_id\n" + "x" * 2_000_000)
    with pytest.raises(SourceShapeError, match="max_unpacked_mb"):
        edfi.extract(tmp_path / "students.csv", profile="certification", limits=small)
    path = workbook(
        tmp_path / "a.xlsx", students=[["student_id"], *([["x" * 30_000 + str(n)] for n in range(50)])]
    )
    with pytest.raises(SourceShapeError, match="max_workbook_mb"):
        edfi.extract(path, profile="certification", limits=small)


CAMPUS = {
    "person": "personID,stateID\n7,0090417307\n",
    "school": "schoolID,number,entityID\n1,A,301\n",
    "calendar": "calendarID,schoolID,endYear\n5,1,2026\n",
    "enrollment": "enrollmentID,personID,schoolID,calendarID,startDate\n9,7,1,5,2025-09-02\n",
}


def campus(folder: Path, section504: str) -> pd.DataFrame:
    for name, text in {**CAMPUS, "section504": section504}.items():
        (folder / f"{name}.csv").write_text(text)
    return edfi.extract(folder, profile="wi-infinite-campus", mapping="infinite-campus").section504_records


def test_a_column_that_two_headers_lead_to_is_the_one_of_the_table_s_own_object_com_nrm_6(
    tmp_path: Path,
) -> None:
    header = "section504ID,student.personID,activeEnrollment.startDate,section504.startDate\n"
    rows = campus(tmp_path, header + "1,7,2025-09-02,2025-10-01\n")
    assert rows["start_date"].tolist() == [pd.Timestamp("2025-10-01")]


def test_where_no_object_decides_both_headers_are_named_com_nrm_6(tmp_path: Path) -> None:
    header = "section504ID,student.personID,activeEnrollment.startDate,other.startDate\n"
    with pytest.raises(
        SourceShapeError, match=r"two columns for startDate: activeEnrollment\.startDate and other"
    ):
        campus(tmp_path, header + "1,7,2025-09-02,2025-10-01\n")


def number_cells(text: str) -> str:
    rows = f'<row r="2"><c r="A2"><v>{text}</v></c></row>'
    return SHEET + HEAD + rows + SHEET_END


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("students.csv", lambda path: path.write_text("student_id,last_name\nA1,Zwirnfaden,x\n")),
        ("students.csv", lambda path: path.write_text('student_id,last_name\nA1,"Zwirnfaden\nA2,"Orm"\n')),
        ("students.csv", lambda path: path.write_bytes(b"student_id,last_name\nA1,Zwirnfaden\x81\n")),
        ("students.xlsx", lambda path: packed(number_cells("Zwirnfaden"))(path.parent, 1)),
        ("students.xlsx", lambda path: packed(number_cells("Zwirnfaden</c>"))(path.parent, 1)),
        ("students.parquet", lambda path: pq.write_table(broken_parquet(), path)),
    ],
)
def test_what_a_parser_quotes_is_in_no_message_and_no_traceback(
    tmp_path: Path, name: str, write: Any
) -> None:
    write(tmp_path / name)
    with pytest.raises(SourceError, match=name) as refused:
        edfi.extract(tmp_path, profile="certification")
    assert "Zwirnfaden" not in "".join(traceback.format_exception(refused.value))


def broken_parquet() -> pa.Table:
    return pa.table({"student_id": pa.array([b"Zwirnfaden\xff"], pa.binary()).view(pa.string())})


def wisconsin(*providers: str, kind: str) -> Any:
    """The build of a student with an enrollment for each provider, in a year of some kind of reporter."""
    ids = [str(number) for number in range(len(providers))]
    row = {"school_id": "1", "calendar_id": "5", "start_date": "2025-09-02"}
    source = {
        "students": [{"student_id": each, "student_unique_id": f"009041730{each}"} for each in ids],
        "schools": [{"school_id": "1", "school_number": "A", "ed_fi_school_id": 301}],
        "calendars": [{"calendar_id": "5", "school_id": "1", "school_year": 2026}],
        "enrollments": [
            row | {"enrollment_id": each, "student_id": each, "third_party_provider": provider}
            for each, provider in zip(ids, providers, strict=True)
        ],
        "preferences": [{"name": "EdFiDistrictNumber", "value": "944100"}],
        "edfi_config": [{"school_year": 2026, "profile": kind}],
    }
    return edfi.build(source, profile="wi-infinite-campus", school_year=2026)


def test_a_provider_s_label_is_read_as_its_code_com_nrm_5() -> None:
    programs = {
        "NONE: None": None,
        "CESA: Cooperative Educational Service Agency": "Third Party - CESA",
        "YMCA: Young Men's Christian Association": "Third Party - Other",
        "NULL": None,
    }
    records = wisconsin(*programs, kind="Public").records
    assert dict(zip(records["student_unique_id"], records["program_name"], strict=True)) == {
        f"009041730{number}": name for number, name in enumerate(programs.values()) if name
    }
    assert len(records) == 2


@pytest.mark.parametrize("kind", ["Choice Only", "choice_only", "CHOICE + PRIVATE OPT IN"])
def test_a_choice_profile_in_any_spelling_builds_nothing_com_nrm_5(kind: str) -> None:
    build = wisconsin("CESA", kind=kind)
    assert build.records.empty
    assert "WI-CFG-1" in set(build.skipped["rule"])
