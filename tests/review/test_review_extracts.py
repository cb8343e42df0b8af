"""What changed in a source since the extract before: rows by their keys, columns by their headers."""

from __future__ import annotations

from typing import Any

from edfi_toolkit.privacy import Masker
from edfi_toolkit.review.extracts import Earlier, extracted_view, source_changes
from edfi_toolkit.tables import Tables, normalise

MASKER = Masker(b"0" * 32)
YEAR = {"edfi_config": [{"school_year": "2026"}]}


def read(*students: str, **further: str) -> Tables:
    rows = [{"student_id": name, "student_unique_id": f"90{name}", **further} for name in students]
    return normalise({**YEAR, "students": rows})


def changes(then: Tables, now: Tables) -> list[dict[str, Any]]:
    return source_changes(then.shapes, now.shapes).to_dict("records")


def test_rows_are_compared_by_their_keys_and_columns_by_their_headers() -> None:
    (found,) = changes(read("1", "2", "3", first_name="Ann"), read("2", "3", "4", "5", homeroom="A"))
    assert (found["table"], found["rows_then"], found["rows_now"]) == ("students", 3, 4)
    assert (found["new"], found["gone"]) == (2, 1)
    assert (found["columns_new"], found["columns_gone"]) == ("homeroom", "first_name")


def test_a_table_that_is_not_there_any_more_has_lost_all_its_rows() -> None:
    (found,) = changes(read("1", "2"), normalise(YEAR))
    assert (found["rows_now"], found["gone"]) == (0, 2)


def test_the_first_line_says_what_changed_and_a_loss_is_red_first() -> None:
    before = Earlier("2025-12-02 07:12 CET", read("1", "2").shapes)
    same = extracted_view(read("1", "2"), MASKER, before)
    assert "Since the extract of 2025-12-02 07:12 CET: no row and no column is new or gone." in same.says
    assert (same.tone, same.next_step) == ("good", "Go on to notebook 20.")
    four_files = Earlier(before.at, before.shapes, files=["a.csv", "b.csv", "c.csv", "d.csv"])
    said = extracted_view(read("1", "2"), MASKER, four_files).says
    assert "Changed since then: a.csv, b.csv, c.csv and 1 more. Cells are not compared one by one" in said
    assert "among the changes in notebook 30" in said
    less = extracted_view(read("1"), MASKER, before, ["The table students has lost its end."])
    assert "students 1 gone." in less.says
    assert (less.tone, less.blocks[0].frame["says"].tolist()) == (
        "bad",
        ["The table students has lost its end."],
    )
    first = extracted_view(read("1"), MASKER, Earlier()).says
    assert "Since" not in first
    assert "first extract of this source and year: there is none to compare it with." in first
    assert "first extract" not in extracted_view(read("1"), MASKER).says
