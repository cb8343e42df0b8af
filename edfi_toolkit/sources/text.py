"""Read one delimited text file: every cell as text, every row with its line, nothing guessed about values.

Only an empty cell is empty: `NA`, `None` and `NULL` are text. A file whose rows do not fit its header is
refused, because a shifted row would publish one column's values under another's name.
"""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv

from edfi_toolkit.errors import SourceShapeError, SourceUnavailable
from edfi_toolkit.tables import Sheet

DELIMITERS = ",;\t|"
_BOMS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_SEPARATOR_LINE = re.compile(r"\s*sep=(.)\r?\n", re.IGNORECASE)  # Excel's own first line
_BLOCK = 2**30  # one block: a row is never cut in two
_AS_TEXT = {f"f{number}": pa.string() for number in range(2000)}  # the names the parser makes up
_DELIMITER_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}


def read_text(path: Path) -> Sheet:
    """All rows of a file in UTF-8, UTF-16 or Windows-1252, separated by comma, semicolon, tab or bar.

    Raises SourceUnavailable when the file cannot be read, SourceShapeError when it is not a table.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = error.strerror or "it cannot be opened"
        hint = "Check the file and who may read it."
        raise SourceUnavailable(f"{path.name} cannot be read: {reason}. {hint}") from error
    text = _decode(content, path.name)
    if not text.strip():
        raise SourceShapeError(f"{path.name} is empty, it lacks even a header. Export it again.")
    separator = _SEPARATOR_LINE.match(text)
    if separator:
        text = text[separator.end() :]
    delimiter = separator[1] if separator and separator[1] in DELIMITERS else _delimiter(text)
    frame = _parse(text, delimiter, path.name)
    first = 3 if separator else 2
    rows = _lines(frame, text, delimiter, path.name) + first
    filled = (frame != "").any(axis=1)
    return Sheet(frame=frame[filled], file=path.name, rows=rows[filled.to_numpy()])


def _decode(content: bytes, name: str) -> str:
    encoding = next((codec for bom, codec in _BOMS.items() if content.startswith(bom)), None)
    if encoding is None and b"\0" in content[:200]:
        encoding = "utf-16-le" if content[1:2] == b"\0" else "utf-16-be"
    try:
        return content.decode(encoding or "utf-8")
    except UnicodeDecodeError:
        pass
    try:
        return content.decode("cp1252")
    except UnicodeDecodeError as error:
        hint = "Export it as UTF-8."
        raise SourceShapeError(f"{name} is not text in UTF-8, UTF-16 or Windows-1252. {hint}") from error


def _delimiter(text: str) -> str:
    header = re.sub(r'"[^"]*"', "", text.lstrip().split("\n", 1)[0])
    return max(DELIMITERS, key=header.count)


def _parse(text: str, delimiter: str, name: str) -> pd.DataFrame:
    """The rows below the header; the same parser reads the names, so it understands quotes there too."""
    wrong: list[pa_csv.InvalidRow] = []

    def note(row: pa_csv.InvalidRow) -> str:
        wrong.append(row)
        return "skip"

    try:
        table = pa_csv.read_csv(
            BytesIO(text.encode()),
            read_options=pa_csv.ReadOptions(
                use_threads=False, block_size=_BLOCK, autogenerate_column_names=True
            ),
            parse_options=pa_csv.ParseOptions(
                delimiter=delimiter,
                newlines_in_values=True,
                ignore_empty_lines=False,
                invalid_row_handler=note,
            ),
            convert_options=pa_csv.ConvertOptions(column_types=_AS_TEXT, strings_can_be_null=False),
        )
    except pa.ArrowInvalid as error:
        raise SourceShapeError(f"{name} is not a table: {error}. Export it again.") from error
    if wrong:
        where = ", ".join(str(row.number) for row in wrong[:5])
        raise SourceShapeError(
            f"{name}: {len(wrong)} rows do not have the {wrong[0].expected_columns} cells of the header "
            f"(rows {where}{', ...' if len(wrong) > 5 else ''}). "
            f"Is there a {_DELIMITER_NAMES[delimiter]} in a text without quotation marks, or was the file cut off?"
        )
    frame = table.to_pandas()
    header = frame.iloc[0].astype(object)
    return frame.iloc[1:].reset_index(drop=True).set_axis(pd.Index(header, dtype=object), axis="columns")


def _lines(frame: pd.DataFrame, text: str, delimiter: str, name: str) -> np.ndarray:
    """The line of each row, counted from 0 below the header; a cell may itself run over several lines."""
    ends = text.count("\n") + (not text.endswith("\n"))
    if ends == len(frame) + 1:
        return np.arange(len(frame))
    cells = frame.set_axis(range(frame.shape[1]), axis="columns")
    within = cells.apply(lambda column: column.str.count("\n")).sum(axis=1).to_numpy(dtype=int)
    several = cells[within > 0]
    if len(several) and (text.count('"') % 2 or _swallows_rows(several, delimiter)):
        raise SourceShapeError(
            f"{name}: a quotation mark near row {several.index[0] + 2} is opened and not closed in its row. "
            "Close it there, or export the file again."
        )
    return np.arange(len(frame)) + np.cumsum(within) - within


def _swallows_rows(cells: pd.DataFrame, delimiter: str) -> bool:
    """Whether a line inside a cell looks like a row of its own."""
    inside = cells.stack().str.split("\n").explode()
    return bool(inside.str.count(re.escape(delimiter)).ge(max(2, cells.shape[1] - 1)).any())
