"""The report of a run goes on after validation, a section for each step, each once."""

from __future__ import annotations

import pandas as pd

from edfi_toolkit.privacy import Masker
from edfi_toolkit.review.report import with_section
from edfi_toolkit.review.views import Block, View

PAGE = "<nav><!-- further links --></nav><main>validation\n<!-- further steps -->\n<footer></footer></main>"
NOON = {"as_of": "noon"}


def a_view(title: str, students: int = 1) -> View:
    frame = pd.DataFrame({"student_unique_id": ["604822"] * students})
    return View(title, "One record.", "good", [Block("Records", frame)], "", Masker(b"k" * 32))


def test_sections_follow_each_other_and_one_that_is_found_again_takes_its_place() -> None:
    page = with_section(
        with_section(PAGE, "preview", a_view("Preview"), **NOON), "publish", a_view("Publish"), **NOON
    )
    again = with_section(page, "preview", a_view("Preview of \\1 another plan"), as_of="one")

    assert page.index("Preview") < page.index("Publish") < page.index("<footer>")
    assert "Preview of \\1 another plan" in again
    assert again.count("<section") == again[: again.index("</nav>")].count("<a href=") == 2
    assert "<a href='#preview'>Preview of \\1 another plan</a>" in again
    assert "604822" not in again
    assert [page.count("As of noon"), again.count("As of noon"), again.count("As of one")] == [2, 1, 1]


def test_a_long_table_leads_to_the_workbook() -> None:
    assert "and 70 more; the workbook has all" in with_section(
        PAGE, "preview", a_view("Preview", 100), **NOON
    )
