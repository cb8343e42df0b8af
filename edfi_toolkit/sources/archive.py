"""What a workbook's file must keep to before openpyxl opens it: its size, and what openpyxl would pass over in silence.

openpyxl leaves out a sheet whose part is missing, rows and cells that are out of order, and reads a formula that was
never calculated as an empty cell. An empty cell or a missing row would take a record out of the ODS.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import IO
from zipfile import ZipFile

from edfi_toolkit.errors import SourceShapeError, SourceUnavailable
from edfi_toolkit.settings.limits import ReadingLimits
from edfi_toolkit.sources.faults import MEGABYTE, check_bytes

_COMPOUND = bytes.fromhex("d0cf11e0a1b11ae1")  # an old .xls, or an .xlsx inside its encryption
_ENCRYPTED = 0x1
_TEXTS = re.compile(r"xl/sharedStrings.*\.xml")
_LONG_PARTS = re.compile(r"xl/(?:worksheets|sharedStrings|media|drawings|pivotCache|embeddings)\b.*|.*\.bin")
_MOST_OF_A_PART = 2 * MEGABYTE  # styles and the like: each of their elements becomes several objects
_CHUNK, _OVERLAP = MEGABYTE, 65_536

_SHEET = re.compile(rb"<(?:\w+:)?sheet\s")
_TEXT = re.compile(rb"<(?:\w+:)?si[\s/>]")
_PLACE = re.compile(rb'<(?:\w+:)?(?:row|c)\s(?:[^<>]*?\s)?r="([A-Z]*)(\d+)"')
_FORMULA = re.compile(
    rb'<(?:\w+:)?c\s(?![^<>]*\bt="str")(?:[^<>]*?\s)?r="([A-Z]+\d+)"[^<>]*>\s*<(?:\w+:)?f\b[^<>]*(?:/>|>[^<]*</(?:\w+:)?f>)'
    rb"\s*(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v>\s*</(?:\w+:)?v>)?\s*</(?:\w+:)?c>"
)


def check_archive(path: Path, name: str, limits: ReadingLimits) -> int:
    """The number of sheets that the workbook lists.

    Raises SourceUnavailable for a file that is encrypted, SourceShapeError for one that is too large or would be read
    in part only.
    """
    with path.open("rb") as file:
        if file.read(len(_COMPOUND)) == _COMPOUND:
            raise _locked(name)
    with ZipFile(path) as archive:
        parts = archive.infolist()
        if any(part.flag_bits & _ENCRYPTED for part in parts):
            raise _locked(name)
        check_bytes(name, sum(part.file_size for part in parts), limits.max_workbook_mb, "max_workbook_mb")
        if len({part.filename for part in parts}) < len(parts):
            raise SourceShapeError(f"{name} holds a part twice. Open it in Excel and save it again.")
        for part in parts:
            if part.file_size > _MOST_OF_A_PART and not _LONG_PARTS.fullmatch(part.filename):
                raise SourceShapeError(
                    f"{name} has more formats or names than a table needs ({part.file_size // MEGABYTE} MB). Copy the "
                    "cells, as values, into a new workbook."
                )
            if _TEXTS.fullmatch(part.filename):
                with archive.open(part) as stream:
                    _check_texts(stream, name, limits)
            if re.fullmatch(r"xl/worksheets/[^/]+\.xml", part.filename):
                with archive.open(part) as stream:
                    _check_sheet(stream, f"{name}, part {Path(part.filename).stem}")
        lists = [part for part in parts if part.filename == "xl/workbook.xml"]
        return sum(len(_SHEET.findall(archive.read(part))) for part in lists)


def _locked(name: str) -> SourceUnavailable:
    return SourceUnavailable(
        f"{name} is not an Excel workbook that can be read: it has a password, or is an old .xls. Open it in Excel and "
        "save it as .xlsx, without a password."
    )


def _check_texts(stream: IO[bytes], name: str, limits: ReadingLimits) -> None:
    """Raises SourceShapeError for more different texts than the settings allow."""
    count, rest = 0, b""
    while chunk := stream.read(_CHUNK):
        text = rest + chunk
        count += len(_TEXT.findall(text))
        rest = text[-1:] if text.endswith(b"<") else b""
        if count > limits.max_workbook_texts:
            raise SourceShapeError(
                f"{name} holds more than {limits.max_workbook_texts:,} different texts. Export the table as text or "
                "Parquet, or set max_workbook_texts higher in [reading] of edfi.toml."
            )


def _check_sheet(stream: IO[bytes], where: str) -> None:
    """Raises SourceShapeError when rows or cells are out of order, or a formula has no result."""
    rest, last = b"", (0, 0, b"")
    while chunk := stream.read(_CHUNK):
        text = rest + chunk
        for found in _PLACE.finditer(text):
            place = (int(found[2]), len(found[1]), found[1])
            if place <= last and found.end() > len(rest):
                raise SourceShapeError(
                    f"{where}: its cells are out of order at row {place[0]}. Open it in Excel and save it again."
                )
            last = max(last, place)
        if formula := _FORMULA.search(text):
            raise SourceShapeError(
                f"{where}: cell {formula[1].decode()} has a formula without a result. Open the workbook in Excel and "
                "save it, or put values in place of formulas."
            )
        rest = text[-_OVERLAP:]
