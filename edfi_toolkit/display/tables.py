"""How a frame is shown as a table: labels, texts, what is aligned right; as HTML and as text."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from edfi_toolkit.display.labels import label
from edfi_toolkit.display.records import read_json
from edfi_toolkit.display.texts import visible
from edfi_toolkit.display.values import DESCRIPTOR, cell_text
from edfi_toolkit.model.bodies import BodyDtype
from edfi_toolkit.privacy import Masker, personal_values, safe_cell

LONGEST_TEXT = (
    600  # characters; a longer text is shortened on a page, and whole in the workbook and in its record
)
_LONGEST_LINE = 24  # characters; days, ids and rules stay in one piece

# A path or a name of a member has no place to break at, and would make its column as wide as it is.
_WRAPPED = "min-width:12em;max-width:60ch;overflow-wrap:anywhere"
_CAPTION = "caption-side:top;text-align:left;font-weight:600;padding:4px 0;white-space:nowrap"


@dataclass(frozen=True)
class TextTable:
    """A frame as a person reads it, masked: a label for each column, its cells as texts, whether it is of numbers."""

    labels: list[str]
    columns: list[list[str]]
    numbers: list[bool]

    @classmethod
    def of(cls, frame: pd.DataFrame, masker: Masker) -> TextTable:
        """All columns and rows of a frame of real values, in their order."""
        shown = masker.frame(frame)
        columns = [shown.iloc[:, at] for at in range(shown.shape[1])]
        return cls(
            [label(name) for name in shown.columns],
            [column_texts(column) for column in columns],
            [is_number(column) for column in columns],
        )

    def __len__(self) -> int:
        return len(self.columns[0]) if self.columns else 0

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """The cells row by row."""
        return list(zip(*self.columns, strict=True))

    @property
    def text(self) -> str:
        """Columns under each other, each as wide as its longest cell; nothing when there is no row."""
        if not len(self):
            return ""
        columns = [
            _padded([label, *(text.replace("\n", " ") for text in texts)], number)
            for label, texts, number in zip(self.labels, self.columns, self.numbers, strict=True)
        ]
        return "\n".join("  ".join(row).rstrip() for row in zip(*columns, strict=True))

    @property
    def csv(self) -> bytes:
        """A file that Excel opens with its accents, every value a quoted text, no text a formula."""
        out = io.StringIO(newline="")
        writer = csv.writer(out, quoting=csv.QUOTE_ALL)
        writer.writerow(self.labels)
        writer.writerows([safe_cell(text) for text in row] for row in self.rows)
        return out.getvalue().encode("utf-8-sig")

    def html(self, caption: str = "", colour: str = "inherit") -> str:
        """With inline styles only, which a mail and an untrusted notebook keep; every text escaped.

        caption: what the table holds, above it in this colour. Nothing when there is no row.
        """
        if not len(self):
            return ""
        above = f'<caption style="{_CAPTION};color:{colour}">{escape(caption)}</caption>\n' if caption else ""
        heads = "".join(self._cell('th scope="col"', at, text) for at, text in enumerate(self.labels))
        rows = "\n".join(
            f"<tr>{''.join(self._cell('td', at, text) for at, text in enumerate(row))}</tr>"
            for row in self.rows
        )
        return (
            '<table style="border-collapse:collapse;margin:8px 0 4px">\n'  # JupyterLab would centre it in a panel
            f"{above}<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>\n"
        )

    def _cell(self, tag: str, at: int, text: str) -> str:
        wrap = "white-space:nowrap" if len(text) <= _LONGEST_LINE else _WRAPPED
        style = (
            f"text-align:{'right' if self.numbers[at] else 'left'};vertical-align:top;padding:3px 7px;"
            f"border-bottom:1px solid rgba(128,128,128,.35);{wrap}"
        )
        return f'<{tag} style="{style}">{_shortened(text)}</{tag[:2]}>'


class Table:
    """The first rows of a frame as HTML and as text, masked always, with a line that counts them.

    Columns of JSON bodies are left out. empty: what to show in place of "No rows". total: how many rows there are, when
    the frame has the first of them only and the masker knows the persons of all.
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        *,
        masker: Masker,
        rows: int = 20,
        title: str = "",
        empty: str = "",
        total: int | None = None,
    ) -> None:
        total = len(frame) if total is None else total
        hiding = masker.masked().knowing(personal_values(frame))
        self._texts = TextTable.of(frame.head(rows).iloc[:, columns_on_a_line(frame)], hiding)
        self.title = title
        self.count = _count(min(rows, total), total) if total or not empty else empty

    @property
    def html(self) -> str:
        """The table alone; nothing when there is no row."""
        return self._texts.html(self.title)

    def _repr_html_(self) -> str:
        title = f"<p><strong>{escape(self.title)}</strong></p>\n" if self.title and not self.html else ""
        return visible(f"{title}{self.html}<p>{escape(self.count)}</p>")

    def __repr__(self) -> str:
        return visible("\n".join(line for line in (self.title, self._texts.text, self.count) if line))


def _padded(texts: list[str], number: bool) -> list[str]:
    width = max(map(len, texts))
    return [text.rjust(width) if number else text.ljust(width) for text in texts]


def column_texts(column: pd.Series, as_text: Callable[[Any], str] = cell_text) -> list[str]:
    """The cells of a column as texts, each distinct value written once."""
    plain = not isinstance(column.dtype, BodyDtype) and (
        column.dtype != object or pd.api.types.infer_dtype(column, skipna=True) == "string"
    )
    if not plain:  # lists and bodies cannot be compared; 1 and True are equal and read differently
        return [as_text(cell) for cell in column]
    codes, distinct = pd.factorize(column.astype(object) if column.dtype == "category" else column)
    cells = np.asarray(distinct, dtype=object).tolist()
    written = cells if _read_as_they_are(cells) else [as_text(cell) for cell in cells]
    return np.array([*written, ""], dtype=object)[codes].tolist()


def _read_as_they_are(cells: list[Any]) -> bool:
    """Whether all are texts that `cell_text` leaves alone: seen at one look, however many."""
    try:
        joined = "".join(cells)
    except TypeError:  # not all are texts
        return False
    return joined.isprintable() and DESCRIPTOR not in joined


def columns_on_a_line(frame: pd.DataFrame) -> list[int]:
    """The positions of the columns that fit in a table: all but those of JSON bodies."""
    fitting = [at for at in range(frame.shape[1]) if not _holds_bodies(frame.iloc[:, at])]
    return fitting or list(range(frame.shape[1]))


def _holds_bodies(column: pd.Series) -> bool:
    if isinstance(column.dtype, BodyDtype):
        return True
    if column.dtype != object and not isinstance(column.dtype, pd.StringDtype):
        return False
    return any(isinstance(read_json(value), Mapping) for value in column.dropna().head(1))


def is_number(column: pd.Series) -> bool:
    """Whether a column holds numbers to be read as numbers, aligned right."""
    return pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype)


def _count(shown: int, total: int) -> str:
    if shown < total:
        return f"{shown:,} of {total:,} rows"
    return {0: "No rows", 1: "1 row"}.get(total, f"{total:,} rows")


def _shortened(text: str) -> str:
    return escape(text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…").replace("\n", "<br>")
