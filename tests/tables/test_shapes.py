"""What a table looked like when it was read (COM-GRD-1, COM-GRD-3): rows, filled cells, headers and order."""

from __future__ import annotations

import sqlite3

import pandas as pd
import pytest

from edfi_toolkit.sources import extract
from edfi_toolkit.tables import Sheet, Tables, normalise
from edfi_toolkit.tables.shapes import FILE, KEY, shapes_frame, shapes_of

SHOWN = {
    KEY: ["2", "1", "3", None],
    FILE: ["students"] * 4,
    "student_id": [True, True, True, False],
    "student_unique_id": [True, False, True, True],
    "state_exclude": [True, False, False, False],
}


@pytest.fixture
def tables() -> Tables:
    """Four students: one whose flag cannot be read, one without a key."""
    rows = [("2", "S-2", "perhaps", "a"), ("1", " ", None, "b"), ("3", "S-3", "", "c"), ("", "S-4", "", "d")]
    columns = ["student_id", "student_unique_id", "state_exclude", "Homeroom"]
    return normalise({"students": pd.DataFrame(rows, columns=columns)})


def test_rows_stand_in_the_order_of_the_source_with_their_filled_cells(tables):
    shape = tables.shapes["students"]
    assert shape.rows.to_pydict() == SHOWN
    assert shape.columns == ["student_id", "student_unique_id", "state_exclude"]
    assert (shape.files, shape.ordered, shape.unread) == ("students", True, ("Homeroom",))


def test_shapes_survive_packing_and_the_files_of_a_run(tables, tmp_path):
    for again in (shapes_of(shapes_frame(tables.shapes)), Tables.load(tables.save(tmp_path)).shapes):
        shape = again["students"]
        assert shape.rows.to_pydict() == SHOWN
        assert (shape.files, shape.ordered, shape.unread) == ("students", True, ("Homeroom",))


def test_the_rows_of_a_table_that_two_files_make_keep_their_file(tables):
    rows = pd.DataFrame({"student_id": ["1", "2"]})
    sheet = Sheet(frame=rows, file=["one.csv", "two.csv"], rows=rows.index.to_numpy() + 2)
    shape = normalise({"students": sheet}).shapes["students"]
    assert shape.files == "one.csv, two.csv"
    assert shape.rows[FILE].to_pylist() == ["one.csv", "two.csv"]


@pytest.mark.parametrize(
    ("query", "ordered"),
    [
        ("SELECT student_id FROM students", False),
        ("SELECT student_id FROM students ORDER BY lower(student_id)", True),
        ("SELECT student_id FROM (SELECT student_id FROM students ORDER BY 1) AS inner_rows", False),
        ("SELECT 'order by' AS student_id", False),
    ],
)
def test_a_database_keeps_an_order_where_its_query_asks_for_one(tmp_path, query, ordered):
    place, by = tmp_path / "sis.db", tmp_path / "queries.toml"
    with sqlite3.connect(place) as connection:
        connection.execute("CREATE TABLE students (student_id TEXT)")
    by.write_text(f'[tables.students]\nquery = "{query}"\n', "utf-8")
    tables = extract(f"sqlite:///{place}", profile="certification", mapping=by)
    assert tables.shapes["students"].ordered is ordered


def test_headers_that_a_vendors_map_does_not_read_are_known():
    source = {
        "Students": pd.DataFrame(
            {
                "DCID": ["7"],
                "State_StudentNumber": ["9"],
                "SchoolID": ["1"],
                "EntryDate": ["8/1/2025"],
                "Locker": [""],
            }
        ),
        "Schools": pd.DataFrame({"School_Number": ["1"], "Name": ["A"]}),
    }
    shapes = extract(source, profile="nm-powerschool", mapping="powerschool").shapes
    assert "Locker" in shapes["students"].unread
    assert "State_StudentNumber" not in shapes["students"].unread
