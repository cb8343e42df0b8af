"""How a frame is shown as a table: its bodies stay masked, its cells keep their kinds."""

from __future__ import annotations

import pandas as pd

from edfi_toolkit.display.tables import Table, TextTable, column_texts, columns_on_a_line
from edfi_toolkit.model.bodies import BodyArray
from edfi_toolkit.privacy import Masker, pseudonym

KEY = b"a key for tests"


def test_bodies_kept_as_text_have_no_column_and_are_masked() -> None:
    bodies = pd.Series(BodyArray.of([b'{"studentReference": {"studentUniqueId": "604822"}}', None]))
    frame = pd.DataFrame({"n": [1, 2], "body": bodies})
    assert columns_on_a_line(frame) == [0]
    assert "604822" not in Table(frame, masker=Masker(KEY)).html
    shown = TextTable.of(frame, Masker(KEY))
    assert shown.columns[1] == [f"Student reference \u203a Student unique ID: {pseudonym('604822', KEY)}", ""]
    assert shown.numbers == [True, False]


def test_one_and_yes_stay_apart_in_a_column() -> None:
    assert column_texts(pd.Series([True, 1, 1.0, None], dtype=object)) == ["yes", "1", "1", ""]


def test_a_table_names_itself_and_its_headings() -> None:
    page = Table(pd.DataFrame({"rows": [1]}), masker=Masker(KEY), title="Held <here>").html
    assert page.count("<caption") == 1
    assert ">Held &lt;here&gt;</caption>" in page
    assert page.count('<th scope="col"') == 1


def test_as_text_each_column_is_as_wide_as_its_longest_cell() -> None:
    frame = pd.DataFrame({"detail": ["no id,\nno date", "late"], "rows": [1, 200]})
    assert TextTable.of(frame, Masker(KEY)).text.splitlines() == [
        "Detail          Rows",
        "no id, no date     1",
        "late             200",
    ]
    assert TextTable.of(frame.iloc[:0], Masker(KEY)).text == ""
