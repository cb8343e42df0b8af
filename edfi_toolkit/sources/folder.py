"""Read files: text, Parquet and Excel, alone or together in a folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from edfi_toolkit.errors import SourceShapeError, SourceUnavailable
from edfi_toolkit.sources.text import read_text
from edfi_toolkit.sources.workbook import WORKBOOK_SUFFIXES, read_workbook
from edfi_toolkit.tables import TABLES, Sheet

TEXT_SUFFIXES = frozenset({".csv", ".tsv", ".txt", ".tab"})
PARQUET_SUFFIXES = frozenset({".parquet"})


def read_folder(folder: Path) -> dict[str, Sheet]:
    """Every table of a folder by its name; files of other kinds, hidden and temporary ones are left alone.

    Raises SourceUnavailable when the folder or a file cannot be read, SourceShapeError when one table is
    there twice.
    """
    try:
        paths = files_of(folder)
    except OSError as error:
        reason = error.strerror or "it cannot be opened"
        raise SourceUnavailable(f"The folder {folder} cannot be read: {reason}. Check the path.") from error
    sheets: dict[str, Sheet] = {}
    for path in paths:
        for name, sheet in read_file(path).items():
            if name.lower() in {sheet.lower() for sheet in sheets}:
                raise SourceShapeError(f"{path.name} holds the table {name} once more. Keep one of them.")
            sheets[name] = sheet
    return sheets


def files_of(folder: Path) -> list[Path]:
    """The files of a folder in order, without hidden and temporary ones. Raises OSError."""
    return sorted(
        path for path in folder.iterdir() if path.is_file() and not path.name.startswith((".", "~", "_"))
    )


def stamps(place: str) -> dict[str, tuple[int, ...]]:
    """What changes about each file of a folder, or about one file, when it is written; empty when it is gone."""
    path = Path(place)
    try:
        stats = {file.name: file.stat() for file in (files_of(path) if path.is_dir() else [path])}
    except OSError:
        return {}
    return {
        name: (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino) for name, stat in stats.items()
    }


def read_file(path: Path) -> dict[str, Sheet]:
    """The tables of one file by name; none for a file of another kind."""
    suffix = path.suffix.lower()
    if suffix in TEXT_SUFFIXES:
        return {path.stem: read_text(path)}
    if suffix in PARQUET_SUFFIXES:
        return {path.stem: _read_parquet(path)}
    if suffix in WORKBOOK_SUFFIXES:
        sheets = read_workbook(path)
        if len(sheets) == 1 and not any(name.lower() in TABLES for name in sheets):
            return {path.stem: next(iter(sheets.values()))}
        return sheets
    return {}


def _read_parquet(path: Path) -> Sheet:
    try:
        frame = pd.read_parquet(path)
    except OSError as error:
        reason = error.strerror or "it is not a Parquet file"
        raise SourceUnavailable(f"{path.name} cannot be read: {reason}. Write it again.") from error
    except ValueError as error:
        raise SourceUnavailable(f"{path.name} is not a Parquet file. Write it again.") from error
    return Sheet(frame=frame, file=path.name, rows=np.arange(len(frame)) + 1)
