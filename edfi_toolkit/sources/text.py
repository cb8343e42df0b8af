"""Read one delimited text file: every cell as text, every row with its line, nothing guessed about values.

Only an empty cell is empty: `NA`, `None` and `NULL` are text. A file whose rows do not fit its header is
refused, because a shifted row would publish one column's values under another's name. The file is read in blocks,
so that one that is no table is refused before it is in memory.
"""

from __future__ import annotations

import codecs
import csv
import re
from dataclasses import dataclass, field, replace
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv

from edfi_toolkit.errors import SourceShapeError
from edfi_toolkit.settings.limits import DEFAULT_READING, ReadingLimits
from edfi_toolkit.sources.faults import (
    LONGEST,
    MEGABYTE,
    MOST_COLUMNS,
    check_bytes,
    check_columns,
    check_size,
    own_words,
    shown,
)
from edfi_toolkit.sources.layout import CLOSING, CLOSING_LINE, HEAD, check_header, table_of
from edfi_toolkit.tables import Sheet

DELIMITERS = ",;\t|"
_BOMS = {  # the longer first: that of UTF-32 begins like that of UTF-16
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_SEPARATOR_LINE = re.compile(r"\s*sep=(.)\r?\n", re.IGNORECASE)  # Excel's own first line
_CHUNK = 4 * MEGABYTE
_SAMPLE = 65_536  # characters in which a delimiter and a header are looked for
_MOST_WRONG = 1_000  # rows that do not fit, after which the rest need not be read
_AS_TEXT = {f"f{number}": pa.string() for number in range(MOST_COLUMNS)}  # the names the parser makes up
_DELIMITER_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}


@dataclass(frozen=True)
class _Text:
    """What a first pass over the file found: its encoding, its first lines, and what was counted in it."""

    encoding: str
    head: str
    delimiter: str
    lines: int
    quotes: int
    skipped: int


@dataclass
class _Wrong:
    """Rows that do not have the cells of the header; closing lines of a program are no such rows."""

    rows: list[pa_csv.InvalidRow] = field(default_factory=list)
    closing: list[int] = field(default_factory=list)

    def note(self, row: pa_csv.InvalidRow) -> str:
        if row.actual_columns == 1 and CLOSING.fullmatch(row.text.strip()):
            self.closing.append(row.number)
        else:
            self.rows.append(row)
        return "skip" if len(self.rows) <= _MOST_WRONG else "error"


def read_text(path: Path, limits: ReadingLimits = DEFAULT_READING) -> Sheet:
    """All rows of a file in UTF-8, UTF-16 or Windows-1252, separated by comma, semicolon, tab or bar.

    Raises SourceUnavailable when the file cannot be read, SourceShapeError when it is not a table or too large.
    """
    name = shown(path)
    with own_words(name, "is not a table of text", "Check the file and who may read it."):
        check_bytes(name, path.stat().st_size, limits.max_unpacked_mb, "max_unpacked_mb")
        with path.open("rb") as file:
            text = _first_pass(file, name)
            file.seek(0)
            frame, closing = _parse(file, text, name, limits)
    rows = _lines(frame, closing, text, name) + 1 + text.skipped
    frame = frame.set_axis(range(frame.shape[1]), axis="columns")
    header, body = frame.iloc[0].tolist(), frame.iloc[1:].reset_index(drop=True)
    check_header([header, *body.iloc[: HEAD - 1].to_numpy().tolist()], rows, name)
    sheet = table_of(header, body, rows[1:], name)
    if closing:
        return replace(sheet, left_alone=(*sheet.left_alone, f"{name}: {CLOSING_LINE}"))
    return sheet


def _first_pass(file: BinaryIO, name: str) -> _Text:
    """The first encoding in which every byte of the file can be read."""
    for encoding in _encodings(file.read(200)):
        file.seek(0)
        try:
            return _counted(file, encoding, name)
        except UnicodeDecodeError:
            continue
    hint = "Export it as UTF-8."
    raise SourceShapeError(f"{name} is not text in UTF-8, UTF-16 or Windows-1252. {hint}")


def _encodings(start: bytes) -> list[str]:
    if found := next((codec for bom, codec in _BOMS.items() if start.startswith(bom)), None):
        return [found]
    few = (
        len(start) // 8
    )  # in UTF-16 half the bytes of a plain letter are zero; a stray NUL does not make one
    for encoding, zeros, letters in (("utf-16-le", 1, 0), ("utf-16-be", 0, 1)):
        if start[zeros::2].count(0) > few >= start[letters::2].count(0):
            return [encoding]
    return ["utf-8", "cp1252"]


def _counted(file: BinaryIO, encoding: str, name: str) -> _Text:
    decoder = codecs.getincrementaldecoder(encoding)()
    line_ends = quotes = 0
    head, last, filled = "", "", False
    while chunk := file.read(_CHUNK):
        part = decoder.decode(chunk)
        head = head or part
        filled = filled or bool(part.strip("\0 \t\r\n"))
        line_ends, quotes, last = line_ends + part.count("\n"), quotes + part.count('"'), part[-1:] or last
    decoder.decode(b"", final=True)
    if not filled:
        raise SourceShapeError(f"{name} is empty, it lacks even a header. Export it again.")
    separator = _SEPARATOR_LINE.match(head)
    head = head[separator.end() :] if separator else head
    lines = line_ends + (last != "\n") - bool(separator)
    delimiter = separator[1] if separator and separator[1] in DELIMITERS else _delimiter(head)
    return _Text(encoding, head, delimiter, lines, quotes, 1 if separator else 0)


def _delimiter(head: str) -> str:
    """The character that separates the names of the header; below a title that has none, that of the lines."""
    bare = re.sub(r'"[^"]*"', "", head[:_SAMPLE].lstrip())
    first = bare.split("\n", 1)[0]
    return max(DELIMITERS, key=first.count if any(map(first.count, DELIMITERS)) else bare.count)


def _parse(file: BinaryIO, text: _Text, name: str, limits: ReadingLimits) -> tuple[pd.DataFrame, list[int]]:
    """The header and the rows below it, and the numbers of closing lines, which are not among them."""
    first_line = re.split(r"[\r\n]", text.head, maxsplit=1)[0]
    check_columns(name, first_line.count(text.delimiter) + 1)
    if len(first_line) >= _CHUNK // 4 - 1:
        raise SourceShapeError(f"{name}: its first line has more than a million characters. Is it a table?")
    wrong = _Wrong()
    batches, rows = [], 0
    try:
        for batch in pa_csv.open_csv(
            file,
            read_options=pa_csv.ReadOptions(
                use_threads=False,
                block_size=LONGEST,  # a row is in one block
                autogenerate_column_names=True,
                encoding=text.encoding.removesuffix("-sig"),
                skip_rows=text.skipped,
            ),
            parse_options=pa_csv.ParseOptions(
                delimiter=text.delimiter,
                newlines_in_values=True,
                ignore_empty_lines=False,
                invalid_row_handler=wrong.note,
            ),
            convert_options=pa_csv.ConvertOptions(column_types=_AS_TEXT, strings_can_be_null=False),
        ):
            rows += batch.num_rows
            check_size(name, rows=rows, cells=rows * batch.num_columns, limits=limits)
            batches.append(batch)
    except pa.ArrowInvalid as error:
        if not wrong.rows:
            raise _not_parsed(name, "straddling" in str(error)) from None
    if wrong.rows:
        raise _misfits(wrong, text, name)
    return pa.Table.from_batches(batches).to_pandas(), wrong.closing


def _not_parsed(name: str, too_long: bool) -> SourceShapeError:
    if not too_long:
        return SourceShapeError(f"{name} is not a table of text. Export it again.")
    return SourceShapeError(
        f"{name}: one of its rows is longer than {LONGEST // MEGABYTE} MB. Is a quotation mark opened and not closed? "
        "Close it, or export the file again."
    )


def _misfits(wrong: _Wrong, text: _Text, name: str) -> SourceShapeError:
    """What rows of another width mean; a title above the header is the first thing it can be."""
    for delimiter in (text.delimiter, *DELIMITERS):
        lines = list(islice(csv.reader(StringIO(text.head[:_SAMPLE]), delimiter=delimiter), HEAD))
        check_header(lines, range(1 + text.skipped, HEAD + 2), name, most=MOST_COLUMNS)
    count = f"{len(wrong.rows):,}" if len(wrong.rows) <= _MOST_WRONG else f"More than {_MOST_WRONG:,}"
    where = ", ".join(str(row.number) for row in wrong.rows[:5])
    return SourceShapeError(
        f"{name}: {count} rows do not have the {wrong.rows[0].expected_columns} cells of the header "
        f"(rows {where}{', ...' if len(wrong.rows) > 5 else ''}). Export the file "
        f"again if it was cut off; else put texts that hold a {_DELIMITER_NAMES[text.delimiter]} in quotation marks."
    )


def _lines(frame: pd.DataFrame, closing: list[int], text: _Text, name: str) -> np.ndarray:
    """The line of each row, the header being 0; a cell may itself run over several lines."""
    numbers = np.delete(
        np.arange(len(frame) + len(closing)), [number - 1 - text.skipped for number in closing]
    )
    if text.lines == len(frame) + len(closing):
        return numbers
    within = frame.apply(lambda cells: cells.str.count("\n")).sum(axis=1).to_numpy(dtype=int)
    several = frame[within > 0]
    if len(several) and (text.quotes % 2 or _swallows_rows(several, text.delimiter)):
        raise SourceShapeError(
            f"{name}: a quotation mark near row {several.index[0] + 1} is opened and not closed in its row. "
            "Close it there, or export the file again."
        )
    return numbers + np.cumsum(within) - within


def _swallows_rows(cells: pd.DataFrame, delimiter: str) -> bool:
    """Whether a line inside a cell looks like a row of its own."""
    separator = re.escape(delimiter)
    row = rf"(?:[^{separator}\n]*{separator}){{{min(1_000, max(2, cells.shape[1] - 1))}}}"
    return bool(
        cells.apply(lambda column: column.str.contains("\n") & column.str.contains(row)).any(axis=None)
    )
