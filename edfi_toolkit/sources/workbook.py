"""Read an Excel workbook: one worksheet per table, each cell as the file stores it.

A whole number is taken for what it is; one that the file stores with decimals stays a float, which an id
column refuses (COM-NRM-2). Leading zeros that only the cell's format shows (`00000`) belong to the id.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from edfi_toolkit.errors import SourceShapeError, SourceUnavailable
from edfi_toolkit.settings.limits import DEFAULT_READING, ReadingLimits
from edfi_toolkit.sources.archive import check_archive
from edfi_toolkit.sources.faults import check_size, own_words, shown
from edfi_toolkit.sources.layout import HEAD, check_header, table_of
from edfi_toolkit.tables import Sheet

WORKBOOK_SUFFIXES = frozenset({".xlsx", ".xlsm"})
_ZEROS = re.compile(r"0{2,}")
_ERROR = "e"  # openpyxl's type of a cell that shows #N/A, #REF! and the like


def read_workbook(
    path: Path, limits: ReadingLimits = DEFAULT_READING
) -> tuple[dict[str, Sheet], list[tuple[str, str]]]:
    """Every worksheet that holds something, by its name; and those left alone, with the reason.

    Raises SourceUnavailable when the file is no readable workbook, SourceShapeError when a cell shows an
    error, or a sheet is too large.
    """
    import openpyxl

    name = shown(path)
    fix = "Open it in Excel and save it again as .xlsx."
    with own_words(name, "is not an Excel workbook that can be read", fix), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # openpyxl warns of decorations that it does not read
        listed = check_archive(path, name, limits)
        with path.open("rb") as file:  # openpyxl leaves a file open that it fails on
            book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
            if len(book.sheetnames) < listed:
                raise SourceUnavailable(f"{name}: one of its sheets is missing in the file. {fix}")
            found = {sheet.title: _read_sheet(sheet, name, limits) for sheet in book.worksheets}
            charts = [sheet.title for sheet in book.chartsheets]
            book.close()
    reasons = [(title, "it holds nothing.") for title, sheet in found.items() if sheet is None]
    reasons += [(title, "it is a chart.") for title in charts]
    sheets = {title: sheet for title, sheet in found.items() if sheet is not None}
    return sheets, [(f"{name}, sheet {title}", reason) for title, reason in reasons]


def _read_sheet(sheet: Any, file: str, limits: ReadingLimits) -> Sheet | None:
    where = f"{file}, sheet {sheet.title}"
    lines = _lines(sheet, where, limits)
    head = [(row, _values(cells, where)) for row, cells in islice(lines, HEAD)]
    head = [(row, line) for row, line in head if line]
    if not head:
        return None
    if head[0][0] != 1:
        raise SourceShapeError(
            f"{where} does not begin with a header. Put the column names into its first row."
        )
    check_header([line for _, line in head], [row for row, _ in head], where)
    header = head[0][1]
    width = len(header)
    rows = [row for row, _ in head[1:]]
    table = [line[:width] for _, line in head[1:]]
    beyond = sum(len(line) > width for _, line in head)
    for row, cells in lines:
        beyond += len(cells) > width and cells[-1].value is not None
        if line := _values(cells[:width], where):
            rows.append(row)
            table.append(line)
    body = pd.DataFrame(
        [line + [None] * (width - len(line)) for line in table], columns=range(width), dtype=object
    )
    found = table_of(header, body, np.array(rows, dtype=int), where)
    if not beyond:
        return found
    says = f"{where}: cells to the right of the header are not used ({beyond:,} rows have some)."
    return replace(found, left_alone=(*found.left_alone, says))


def _lines(sheet: Any, where: str, limits: ReadingLimits) -> Iterator[tuple[int, Sequence[Any]]]:
    """The number and the cells of each row that has some."""
    sheet.reset_dimensions()  # those in the file are a claim, and every row would be filled up to them
    cells = 0
    for number, row in enumerate(sheet.iter_rows(), 1):
        cells += len(row)
        check_size(where, rows=number, cells=cells, limits=limits)
        if row:
            yield number, row


def _values(cells: Sequence[Any], where: str) -> list[Any]:
    """The values up to the last that is filled."""
    line = [_cell(cell, where) for cell in cells]
    while line and (line[-1] is None or line[-1] == ""):
        line.pop()
    return line


def _cell(cell: Any, where: str) -> Any:
    value = cell.value
    if value is None:
        return None
    if cell.data_type == _ERROR:
        raise SourceShapeError(
            f"{where}: cell {cell.coordinate} shows {value}. Correct its formula or clear it."
        )
    if isinstance(value, int) and not isinstance(value, bool) and _ZEROS.fullmatch(cell.number_format):
        return str(value).zfill(len(cell.number_format))
    return value
