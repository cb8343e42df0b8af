"""Workbooks made of their parts, good or broken: what openpyxl itself would not write."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import openpyxl

Write = Callable[[Path, float], Path | str]  # a folder and a share of the size -> the source

_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
_RELS = "http://schemas.openxmlformats.org/package/2006/relationships"
_DOC = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_SHEETS = "application/vnd.openxmlformats-officedocument.spreadsheetml"
PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{_TYPES}"><Default Extension="rels" ContentType="application/vnd.'
    'openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_SHEETS}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_SHEETS}.worksheet+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{_SHEETS}.styles+xml"/>'
    f'<Override PartName="/xl/sharedStrings.xml" ContentType="{_SHEETS}.sharedStrings+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_RELS}"><Relationship Id="r1" Type="{_DOC}/officeDocument" '
    'Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{_DOC}"><sheets><sheet name="students" sheetId="1" '
    'r:id="r1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_RELS}"><Relationship Id="r1" Type="{_DOC}/worksheet" '
    f'Target="worksheets/sheet1.xml"/><Relationship Id="r2" Type="{_DOC}/styles" Target="styles.xml"/>'
    f'<Relationship Id="r3" Type="{_DOC}/sharedStrings" Target="sharedStrings.xml"/></Relationships>',
    "xl/styles.xml": f'<styleSheet xmlns="{MAIN}"/>',
    "xl/sharedStrings.xml": f'<sst xmlns="{MAIN}"/>',
}
SHEET, SHEET_END = f'<worksheet xmlns="{MAIN}"><sheetData>', "</sheetData></worksheet>"
HEAD = '<row r="1"><c r="A1" t="inlineStr"><is><t>student_id</t></is></c></row>'

Content = str | Callable[[float], Iterator[str]]


def workbook(sheet: Content = SHEET + HEAD + SHEET_END, without: str = "", **parts: Content) -> Write:
    """A workbook of these parts; `styles` is xl/styles.xml."""

    def write(folder: Path, share: float) -> Path:
        named = {f"xl/{name}.xml": content for name, content in parts.items()}
        everything = PARTS | named | {"xl/worksheets/sheet1.xml": sheet}
        with zipfile.ZipFile(folder / "students.xlsx", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for name, content in everything.items():
                if name == without:
                    continue
                with archive.open(name, "w", force_zip64=True) as part:
                    for piece in [content] if isinstance(content, str) else content(share):
                        part.write(piece.encode())
        return folder

    return write


def rows_of(cells: str, count: int) -> Content:
    """A sheet of so many rows; `{row}` is the number."""

    def pieces(share: float) -> Iterator[str]:
        yield SHEET + HEAD
        for row in range(2, max(1, int(count * share)) + 2):
            yield cells.format(row=row)
        yield SHEET_END

    return pieces


def repeated(start: str, piece: str, times: int, end: str) -> Content:
    def pieces(share: float) -> Iterator[str]:
        yield start
        for _ in range(max(1, int(times * share))):
            yield piece
        yield end

    return pieces


def damaged(change: Callable[[bytes], bytes]) -> Write:
    """A good workbook with changed bytes."""

    def write(folder: Path, share: float) -> Path:
        path = workbook()(folder, share) / "students.xlsx"
        path.write_bytes(change(path.read_bytes()))
        return folder

    return write


def many_sheets(folder: Path, share: float) -> Path:
    book = openpyxl.Workbook(write_only=True)
    for number in range(max(2, int(2_000 * share))):
        book.create_sheet(f"students{number or ''}").append(["student_id"])
    book.save(folder / "a.xlsx")
    return folder
