"""Read a folder of exports, one file per table."""

from __future__ import annotations

from pathlib import Path

from edfi_toolkit.errors import SourceShapeError, SourceUnavailable
from edfi_toolkit.sources.text import read_text
from edfi_toolkit.tables import Sheet

TEXT_SUFFIXES = frozenset({".csv", ".tsv", ".txt", ".tab"})


def read_folder(folder: Path) -> dict[str, Sheet]:
    """Every table file of a folder by its name without suffix; other files are left alone.

    Raises SourceUnavailable when the folder or a file cannot be read, SourceShapeError when two files are
    one table.
    """
    try:
        paths = sorted(
            path for path in folder.iterdir() if path.is_file() and not path.name.startswith((".", "~"))
        )
    except OSError as error:
        reason = error.strerror or "it cannot be opened"
        raise SourceUnavailable(f"The folder {folder} cannot be read: {reason}. Check the path.") from error
    sheets: dict[str, Sheet] = {}
    for path in paths:
        if path.suffix.lower() not in TEXT_SUFFIXES:
            continue
        if path.stem in sheets:
            raise SourceShapeError(
                f"{sheets[path.stem].file} and {path.name} are one table twice. Keep one of them."
            )
        sheets[path.stem] = read_text(path)
    return sheets
