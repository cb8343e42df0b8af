"""The static stand-in for a grid: what unattended runs, mails and reports show."""

from __future__ import annotations

from html import escape

import pandas as pd

from edfi_toolkit.privacy import Masker, personal_values
from edfi_toolkit.widgets.words import is_count, label, on_a_line, texts

_LONGEST_CELL = 200
_OPENING = '<table style="margin: 4px 0">'  # JupyterLab would centre it in a panel
_LONGEST_LINE = 24  # dates, ids and rules stay in one piece


class Table:
    """The first rows of a frame as HTML and as text, masked always, escaped, with a line that counts them.

    Columns of JSON bodies are left out. empty: what to say in place of "No rows".
    """

    def __init__(
        self, frame: pd.DataFrame, *, masker: Masker, rows: int = 20, title: str = "", empty: str = ""
    ) -> None:
        hiding = masker.masked().knowing(personal_values(frame))
        shown = hiding.frame(frame.head(rows).iloc[:, on_a_line(frame)])
        self.title = title
        self.count = _count(len(shown), len(frame)) if len(frame) or not empty else empty
        self._labels = [label(name) for name in shown.columns]
        self._columns = [texts(shown.iloc[:, at]) for at in range(shown.shape[1])]
        self._numbers = [is_count(shown.iloc[:, at]) for at in range(shown.shape[1])]

    def _repr_html_(self) -> str:
        title = f"<p><strong>{escape(self.title)}</strong></p>\n" if self.title else ""
        return f"{title}{self.html}<p>{escape(self.count)}</p>"

    @property
    def html(self) -> str:
        """The table alone; nothing when there is no row."""
        heads = "".join(f"<th{self._style(at)}>{escape(text)}</th>" for at, text in enumerate(self._labels))
        rows = "".join(f"<tr>{self._row(row)}</tr>\n" for row in zip(*self._columns, strict=True))
        return (
            f"{_OPENING}\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n"
            if rows
            else ""
        )

    def __repr__(self) -> str:
        frame = pd.DataFrame(dict(enumerate(self._columns)))
        frame.columns = pd.Index(self._labels)
        lines = [self.title, "" if frame.empty else frame.to_string(index=False), self.count]
        return "\n".join(line for line in lines if line)

    def _row(self, row: tuple[str, ...]) -> str:
        return "".join(f"<td{self._style(at, text)}>{_shortened(text)}</td>" for at, text in enumerate(row))

    def _style(self, at: int, text: str = "") -> str:
        aligned = f"text-align: {'right' if self._numbers[at] else 'left'}; vertical-align: top"
        wrapped = "; white-space: nowrap" if len(text) <= _LONGEST_LINE else "; min-width: 22em"
        return f' style="{aligned}{wrapped if text else ""}"'


def _count(shown: int, total: int) -> str:
    if shown < total:
        return f"{shown:,} of {total:,} rows"
    return {0: "No rows", 1: "1 row"}.get(total, f"{total:,} rows")


def _shortened(text: str) -> str:
    return escape(text if len(text) <= _LONGEST_CELL else f"{text[:_LONGEST_CELL]}…").replace("\n", "<br>")
