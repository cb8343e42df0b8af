"""Read an Excel workbook: one worksheet per table, each cell as the file stores it.

A whole number is taken for what it is; one that the file stores with decimals stays a float, which an id
column refuses (COM-NRM-2). Leading zeros that only the cell's format shows (`00000`) belong to the id.
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from edfi_toolkit.errors import SourceShapeError, SourceUnavailable
from edfi_toolkit.tables import Sheet

WORKBOOK_SUFFIXES = frozenset({".xlsx", ".xlsm"})
_ZEROS = re.compile(r"0{2,}")
_ERROR = "e"  # openpyxl's type of a cell that shows #N/A, #REF! and the like


def read_workbook(path: Path) -> dict[str, Sheet]:
    """Every worksheet that holds something, by its name.

    Raises SourceUnavailable when the file is no readable workbook, SourceShapeError when a cell shows an
    error.
    """
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl warns of decorations that it does not read
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
            try:
                sheets = {sheet.title: _read_sheet(sheet, path.name) for sheet in book.worksheets}
            finally:
                book.close()
    except OSError as error:
        reason = error.strerror or "it cannot be opened"
        raise SourceUnavailable(f"{path.name} cannot be read: {reason}. Is it open elsewhere?") from error
    except (BadZipFile, InvalidFileException, KeyError) as error:
        hint = "If it has a password or is an old .xls, save it again as .xlsx."
        raise SourceUnavailable(f"{path.name} is not an Excel workbook. {hint}") from error
    return {title: sheet for title, sheet in sheets.items() if len(sheet.frame.columns)}


def _read_sheet(sheet: Any, file: str) -> Sheet:
    where = f"{file}, sheet {sheet.title}"
    lines = [[_cell(cell, where) for cell in row] for row in sheet.iter_rows()]
    if lines and all(cell is None for cell in lines[0]):
        raise SourceShapeError(
            f"{where} does not begin with a header. Put the column names into its first row."
        )
    if not lines:
        return Sheet(frame=pd.DataFrame(), file=where, rows=np.arange(0))
    width = max(number for number, cell in enumerate(lines[0], 1) if cell is not None)
    table = [line[:width] + [None] * (width - len(line)) for line in lines]
    frame = pd.DataFrame(table[1:], columns=pd.Index(table[0], dtype=object), dtype=object)
    filled = frame.notna().any(axis=1).to_numpy()
    return Sheet(frame=frame[filled], file=where, rows=np.flatnonzero(filled) + 2)


def _cell(cell: Any, where: str) -> Any:
    value = cell.value
    if getattr(cell, "data_type", None) == _ERROR:
        raise SourceShapeError(
            f"{where}: cell {cell.coordinate} shows {value}. Correct its formula or clear it."
        )
    if isinstance(value, int) and not isinstance(value, bool) and _ZEROS.fullmatch(cell.number_format):
        return str(value).zfill(len(cell.number_format))
    return value
