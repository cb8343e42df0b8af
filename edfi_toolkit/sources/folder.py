"""Read files: text, Parquet and Excel, alone or together in a folder. What is left alone is named with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edfi_toolkit.errors import SourceShapeError
from edfi_toolkit.settings.limits import DEFAULT_READING, ReadingLimits
from edfi_toolkit.sources.faults import own_words, shown
from edfi_toolkit.sources.parquet import read_parquet
from edfi_toolkit.sources.text import read_text
from edfi_toolkit.sources.workbook import WORKBOOK_SUFFIXES, read_workbook
from edfi_toolkit.tables import TABLES, Sheet

TEXT_SUFFIXES = frozenset({".csv", ".tsv", ".txt", ".tab", ".text"})
PARQUET_SUFFIXES = frozenset({".parquet"})
_HIDDEN = (".", "~", "_")
_PACKED = frozenset({".zip", ".gz", ".7z", ".bz2", ".xz", ".tar", ".rar", ".zst"})
_NO_FILE = "it is no file that can be opened. Put a copy of the file itself here."
_EXCEL = frozenset({".xls", ".xlsb", ".xltx", ".ods", ".numbers"})


@dataclass(frozen=True)
class Found:
    """The tables of a source by name, and notices of what in it was left alone."""

    sheets: Mapping[str, Sheet]
    notices: list[dict[str, Any]] = field(default_factory=list)


def left_alone(thing: str, reason: str, *, hidden: bool = False) -> dict[str, Any]:
    """The notice that a file, a folder or a sheet was not read."""
    code = "HIDDEN_FILE" if hidden else "LEFT_ALONE"
    return {"code": code, "table": None, "id": thing, "detail": f"{thing} is left alone: {reason}"}


def read_folder(folder: Path, limits: ReadingLimits = DEFAULT_READING) -> Found:
    """Every table of a folder by its name, and what was left alone: hidden files, folders, files of other kinds.

    Raises SourceUnavailable when the folder or a file cannot be read, SourceShapeError when one table is
    there twice.
    """
    with own_words(f"The folder {shown(folder)}", "cannot be read", "Check the path."):
        entries = sorted(folder.iterdir())
        paths = files_of(folder)
    sheets: dict[str, Sheet] = {}
    notices = [
        entry_left_alone(path, is_folder=path.is_dir()) or left_alone(shown(path), _NO_FILE)
        for path in entries
        if path not in paths
    ]
    for path in paths:
        found = read_file(path, limits)
        notices += found.notices
        for name, sheet in found.sheets.items():
            if name.lower() in {known.lower() for known in sheets}:
                raise SourceShapeError(f"{shown(path)} holds the table {name} once more. Keep one of them.")
            sheets[name] = sheet
    return Found(sheets, notices)


def entry_left_alone(path: Path, *, is_folder: bool) -> dict[str, Any] | None:
    """The notice of a folder, or of a hidden file, in a folder; None for any other file."""
    name = shown(path)
    if path.name.startswith(_HIDDEN):
        reason = f'a name that begins with "{name[0]}" is that of a hidden or temporary file.'
        return left_alone(name, reason, hidden=True)
    if is_folder:
        return left_alone(name, "it is a folder. Put the files of one source into one folder.")
    return None


def file_left_alone(path: Path) -> dict[str, Any] | None:
    """The notice of a file whose kind is not read, by its name; None for one that is."""
    suffix = path.suffix.lower()
    is_read = suffix in TEXT_SUFFIXES | PARQUET_SUFFIXES | WORKBOOK_SUFFIXES
    return None if is_read else left_alone(shown(path), _why_not_read(suffix))


def files_of(folder: Path) -> list[Path]:
    """The files of a folder in order, without hidden and temporary ones. Raises OSError."""
    return sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith(_HIDDEN))


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


def read_file(path: Path, limits: ReadingLimits = DEFAULT_READING) -> Found:
    """The tables of one file by name; none, and the reason, for a file of another kind."""
    if notice := file_left_alone(path):
        return Found({}, [notice])
    suffix, stem = path.suffix.lower(), shown(path.with_suffix("")).strip()
    if suffix in TEXT_SUFFIXES:
        return Found({stem: read_text(path, limits)})
    if suffix in PARQUET_SUFFIXES:
        return Found({stem: read_parquet(path, limits)})
    sheets, empty = read_workbook(path, limits)
    if len(sheets) == 1 and not any(name.lower() in TABLES for name in sheets):
        sheets = {stem: next(iter(sheets.values()))}
    return Found(sheets, [left_alone(*sheet) for sheet in empty])


def _why_not_read(suffix: str) -> str:
    if suffix in _EXCEL:
        return f"{suffix} is not read. Open it in Excel and save it as .xlsx; if it is text, name it .txt."
    if suffix in _PACKED:
        return "it is packed. Unpack it here."
    if not suffix:
        return "its name has no ending. Name it .csv, .txt, .parquet or .xlsx after what it is."
    return f"{suffix} is not read. Export it as text (.csv, .txt), .parquet or .xlsx."
