"""The run as a plain workbook for people without a notebook: what was read, found, planned, sent, refused, corrected.

Masked unless the masker reveals, no formulas and no links whatever the cells say, readable by the owner only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from edfi_toolkit.display.progress import Progress
from edfi_toolkit.display.tables import TextTable, is_number
from edfi_toolkit.errors import ConfigError
from edfi_toolkit.privacy import Masker, safe_cell
from edfi_toolkit.review.causes import without_notebooks
from edfi_toolkit.review.changes import in_words
from edfi_toolkit.storage import private_draft, write_private

SHEETS = ("Summary", "Changes", "Sent", "Held", "Refused", "Skipped", "Findings", "Corrections")
HANDED_ON = [
    *("who", "cause", "says", "todo", "student_unique_id", "student_name", "student_id"),
    *(
        "program_name",
        "begin_date",
        "education_organization_id",
        "school",
        "file",
        "row",
        "column",
        "value",
        "action",
        "messages",
        "status",
        "correlation_id",
    ),
    *("source_rows", "source_refs"),  # where they are in the source, else their references
    *("open", "first_seen_at", "last_seen_at", "closed_at", "closed_how"),
]
# With what was never sent among them. By column, value and rule it is known what a sentence quotes of a person.
OPEN_WORK = ["who", "state", *HANDED_ON[1:], "rule", "table", "id"]
MOST_NAME = 31  # characters of a sheet's name
WIDEST = 60  # characters; longer texts wrap
MOST_ROWS = 1_048_575  # a sheet holds 2**20 rows, one of them the header
MOST_CHARACTERS = 32_767  # of one cell


def write_workbook(
    path: Path, sheets: Mapping[str, pd.DataFrame], *, masker: Masker, progress: Progress | None = None
) -> Path:
    """Write the sheets named in SHEETS, in that order, then others; one that is not given says that nothing is here.

    sheets: frames by sheet name; real data, masked here. progress: called with sheets written and their number; False
    stops. Returns the path. The file appears whole or not at all.
    """
    return _write_book(path, dict.fromkeys(SHEETS, pd.DataFrame()) | dict(sheets), masker, progress)


def write_refusals(
    path: Path, refused: pd.DataFrame, *, masker: Masker, columns: Sequence[str] = HANDED_ON
) -> Path:
    """Refusals with their causes, to hand on to who can solve them: a workbook with a sheet an owner, or a CSV file.

    refused: with the columns of `causes.with_causes`, where the source is at hand as of `places.with_source_rows`; real
    data, masked here. columns: those to show. Returns the path.
    """
    shown = refused[[name for name in columns if name in refused]]
    shown = shown.assign(action=in_words(shown["action"])) if "action" in shown else shown
    shown = shown.assign(todo=without_notebooks(shown["todo"])) if "todo" in shown else shown
    if path.suffix.lower() != ".xlsx":
        return write_private(path, TextTable.of(shown, masker).csv)
    by_owner = {str(owner)[:MOST_NAME]: rows for owner, rows in shown.groupby("who", sort=False)}
    return _write_book(path, by_owner or {"Refused": shown}, masker)


def _write_book(
    path: Path, sheets: Mapping[str, pd.DataFrame], masker: Masker, progress: Progress | None = None
) -> Path:
    import xlsxwriter

    # in_memory: the library would otherwise keep its working files in the system's shared temporary folder
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with private_draft(path) as file, xlsxwriter.Workbook(file, options) as book:
        heading = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        cell = book.add_format({"text_wrap": True, "valign": "top"})
        for done, (name, frame) in enumerate(sheets.items()):
            if progress is not None and progress(done, len(sheets)) is False:
                raise ConfigError("Stopped before the workbook was written. Run the cell again to write it.")
            for number, part in enumerate(_parts(frame), 1):
                named = name if number == 1 else f"{name[: MOST_NAME - 5]} ({number})"
                _write_sheet(book.add_worksheet(named), part, masker, heading, cell)
    if progress is not None:
        progress(len(sheets), len(sheets))
    return path


def _parts(frame: pd.DataFrame) -> list[pd.DataFrame]:
    """A frame in pieces that fit on a sheet; one without rows is one piece."""
    return [frame.iloc[start : start + MOST_ROWS] for start in range(0, max(len(frame), 1), MOST_ROWS)]


def _is_id(name: str) -> bool:
    """Never a number to calculate with, though made of digits."""
    return name == "id" or name.endswith("_id")


def _write_sheet(sheet: Any, frame: pd.DataFrame, masker: Masker, heading: Any, cell: Any) -> None:
    if not len(frame.columns):
        sheet.write_string(0, 0, "nothing here", heading)
        return
    shown = TextTable.of(frame, masker)
    for column, (name, label, texts) in enumerate(
        zip(frame.columns, shown.labels, shown.columns, strict=True)
    ):
        sheet.write_string(0, column, label, heading)
        sheet.set_column(column, column, min(WIDEST, max([len(label), *map(len, texts[:500])]) + 2))
        if is_number(frame[name]) and not _is_id(str(name)):
            for row, value in enumerate(frame[name], start=1):
                if not pd.isna(value):
                    sheet.write_number(row, column, float(value), cell)
        else:
            for row, text in enumerate(texts, start=1):
                if text:
                    sheet.write_string(row, column, safe_cell(text)[:MOST_CHARACTERS], cell)
    sheet.freeze_panes(1, 0)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)  # as wide as one page
    sheet.repeat_rows(0)
    sheet.autofilter(0, 0, max(len(shown), 1), len(shown.labels) - 1)
