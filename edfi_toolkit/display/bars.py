"""Counts as bars of HTML, for what no one watches: they need no library that draws, and hold their own numbers."""

from __future__ import annotations

from collections.abc import Hashable
from html import escape

import pandas as pd

from edfi_toolkit.display.labels import label
from edfi_toolkit.display.texts import visible
from edfi_toolkit.display.values import cell_text

# Of a chart with several, apart for every kind of colour vision too (after Okabe and Ito).
_COLOURS = ("#3987c9", "#d9822b", "#2a9d74", "#c65f9b", "#8a7a1f", "#7c6bd0", "#b8533f", "#5f8f9f")
_MEANT = {
    **{"critical": "#c0504d", "warning": "#d9822b", "info": "#3987c9"},
    **{"remove": "#c0504d", "move": "#7c6bd0", "update": "#d9822b", "create": "#3987c9"},
}
_WIDTH = 24  # em, of the longest bar
_CELL = "padding:2px 10px;white-space:nowrap"
_NUMBER = f"{_CELL};text-align:right;font-variant-numeric:tabular-nums"


def colour_of(part: Hashable, at: int) -> str:
    """The colour of a part by what it means, else by its place; from the ninth on the same ones, lighter."""
    again, place = divmod(at, len(_COLOURS))
    return _MEANT.get(str(part), _COLOURS[place] + ("80" if again else ""))


class Bars:
    """A bar for each row, in their order, next to its counts.

    counts: of a frame, a part of the bar for each column. below: more bars, shown under these.
    """

    def __init__(self, counts: pd.Series | pd.DataFrame, title: str, *, below: Bars | None = None) -> None:
        frame = counts.to_frame("count") if isinstance(counts, pd.Series) else counts
        self.title, self.counts, self._below = title, frame.fillna(0).astype(float), below

    def _repr_html_(self) -> str:
        longest = max([1.0, *self.counts.sum(axis=1)])
        lines = [f"border-bottom:3px solid {colour_of(part, at)}" for at, part in enumerate(self.counts)]
        heads = "".join(
            f'<th scope="col" style="{_NUMBER};{line}">{escape(label(part))}</th>'
            for line, part in zip(lines, self.counts, strict=True)
        )
        rows = "\n".join(self._row(name, row, longest) for name, *row in self.counts.itertuples(name=None))
        table = f"<table><thead><tr><td></td>{heads}<td></td></tr></thead>\n<tbody>\n{rows}\n</tbody></table>"
        title = f"<p><strong>{escape(self._title)}</strong></p>"
        below = self._below._repr_html_() if self._below else ""
        return visible(title if self.counts.empty else f"{title}\n{table}") + below

    def __repr__(self) -> str:
        rows = [
            f"{_name(name)}: {', '.join(f'{count:,.10g}' for count in row)}"
            for name, *row in self.counts.itertuples(name=None)
        ]
        return visible("\n".join([self._title, *rows, *([repr(self._below)] if self._below else [])]))

    @property
    def _title(self) -> str:
        return f"{self.title}: nothing to show" if self.counts.empty else self.title

    def _row(self, name: Hashable, row: list[float], longest: float) -> str:
        head = f'<th scope="row" style="{_CELL};text-align:left;font-weight:400">{escape(_name(name))}</th>'
        counts = "".join(f'<td style="{_NUMBER}">{count:,.10g}</td>' for count in row)
        return f'<tr>{head}{counts}<td style="{_CELL}">{self._bar(row, longest)}</td></tr>'

    def _bar(self, row: list[float], longest: float) -> str:
        return "".join(
            f'<span style="display:inline-block;height:.9em;width:{_WIDTH * count / longest:.2f}em;'
            f'background:{colour_of(part, at)}"></span>'
            for at, (part, count) in enumerate(zip(self.counts, row, strict=True))
            if count > 0
        )


def _name(name: Hashable) -> str:
    return cell_text(name) or "(none)"
