"""Tables, bars and words: what runs without anybody watching."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from edfi_toolkit import widgets
from edfi_toolkit.privacy import Masker
from edfi_toolkit.widgets.words import cell, label

MASKER = Masker(b"a key for tests")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("student_unique_id", "Student"),
        ("school_id", "School ID"),
        ("programTypeDescriptor", "Program type descriptor"),
        ("ed_fi_id", "Id in the ODS"),
        ("row id", "Row ID"),
        ("studentReference.studentUniqueId", "Student reference \u203a Student unique ID"),
        ("etag", "ETag"),
        (2025, "2025"),
        ("", ""),
    ],
)
def test_names_become_words(name: object, words: str) -> None:
    assert label(name) == words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (float("nan"), ""),
        (pd.NA, ""),
        (pd.NaT, ""),
        (True, "yes"),
        (np.False_, "no"),
        (7.0, "7"),
        (0.123456789, "0.123457"),
        (np.int64(255901), "255901"),
        (dt.date(2025, 8, 1), "2025-08-01"),
        (pd.Timestamp("2025-08-01"), "2025-08-01"),
        (pd.Timestamp("2025-08-01 14:05:06"), "2025-08-01 14:05:06"),
        ("uri://ed-fi.org/ProgramTypeDescriptor#Special Education", "Special Education"),
        (["a", 1, None], "a, 1, "),
        ({"beginDate": "2025-08-01", "_etag": "5"}, "Begin date: 2025-08-01"),
    ],
)
def test_values_become_one_line(value: object, text: str) -> None:
    assert cell(value) == text


def test_a_table_says_how_many_rows_it_shows() -> None:
    frame = pd.DataFrame({"n": range(1203)})
    assert widgets.table(frame)._repr_html_().endswith("<p>20 of 1,203 rows</p>")
    assert repr(widgets.table(frame.head(1))).endswith("1 row")
    assert repr(widgets.table(frame.head(0))) == "No rows"


def test_a_table_escapes_what_it_shows() -> None:
    frame = pd.DataFrame({"<b>": ["<script>alert(1)</script>"]})
    html = widgets.table(frame, title="<i>")._repr_html_()
    assert "<script>" not in html
    assert "<b>" not in html
    assert "<i>" not in html


def test_a_table_is_masked_even_with_a_masker_that_reveals() -> None:
    frame = pd.DataFrame({"student_id": ["9002771834"], "detail": ["of 9002771834"]})
    shown = widgets.table(frame, masker=MASKER.revealed())
    assert "9002771834" not in shown._repr_html_() + repr(shown)


def test_a_long_text_is_cut() -> None:
    assert "x" * 200 + "…" in widgets.table(pd.DataFrame({"a": ["x" * 999]}))._repr_html_()


def test_bars_are_drawn_once_and_pyplot_does_not_know_them() -> None:
    import matplotlib.pyplot as plt

    chart = widgets.bars(pd.Series({"WI-ENR-4": 1203, "WI-ENR-5": 7, None: 0}), "Skipped by rule")
    png, size = chart._repr_png_()
    assert png.startswith(b"\x89PNG")
    assert size["width"] > 600
    assert [text.get_text() for text in chart.axes[0].get_yticklabels()] == ["WI-ENR-4", "WI-ENR-5", "(none)"]
    assert [text.get_text() for text in chart.axes[0].texts] == ["1,203", "7", "0"]
    assert plt.get_fignums() == []


def test_bars_of_nothing_say_so() -> None:
    chart = widgets.bars(pd.Series(dtype=float), "Skipped by rule")
    assert chart._repr_png_()[0]
    assert chart.axes[0].get_title(loc="left") == "Skipped by rule: nothing to show"


def test_importing_the_panels_loads_neither_charts_nor_widgets() -> None:
    code = "import edfi_toolkit.widgets, sys; print({'matplotlib', 'ipywidgets'} & set(sys.modules))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"
    )
