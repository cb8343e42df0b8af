"""A grid of any number of rows: filter, sort, select a row and read it in Python.

The rows stay in Python; one page travels. Only a masked first page is part of the widget's state; every later page,
and all that is revealed, is a message.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import ipywidgets as w
import numpy as np
import pandas as pd
import traitlets

from edfi_toolkit.display.labels import label
from edfi_toolkit.display.records import record_parts
from edfi_toolkit.display.saved import SAVES
from edfi_toolkit.display.tables import Table, TextTable, column_texts, columns_on_a_line, is_number
from edfi_toolkit.privacy import STUDENT_IDS, Masker, is_personal, personal_values
from edfi_toolkit.widgets.arranging import Arrangement
from edfi_toolkit.widgets.revealing import Revealing
from edfi_toolkit.widgets.selected import Record, Rows

_TELLING_COLUMNS = frozenset(
    {"body", "before", "diff", "last_body", "source_refs", "messages", "detail", "says"}
)
# What a person reads a list for; what changes has before and after in one view.
_WIDTHS = {"values": "widest", **dict.fromkeys(("because", "todo", "hint"), "wide")}
_STATIC_ROWS = 20  # that a saved notebook keeps

# Of its columns and the rows that are chosen; its methods are called by `follow_list`.
Below = Callable[[list[str], Callable[[], pd.DataFrame]], Any]


class Grid(Revealing):
    """Rows of a frame, a page at a time. Set the traits below in Python, or let the person do it.

    JSON bodies have no column; they are searched, and shown in full in the pane of the selected row.

    filter: words that a row must all contain, in any column, in any case. filters: by column a text that it contains,
        or one of its choices. sort_by: a column, with a minus for descending; "" for the order of the frame. page: from
        0. revealed: whether students are shown. unchooses: whether a click on the only chosen row chooses none.
    """

    _esm = Path(__file__).with_name("grid.js")
    _css = Path(__file__).with_name("grid.css")

    title = traitlets.Unicode().tag(sync=True)
    height = traitlets.Unicode(allow_none=True).tag(sync=True)
    first = traitlets.Dict().tag(sync=True)

    filter = traitlets.Unicode()
    filters = traitlets.Dict()
    sort_by = traitlets.Unicode()
    page = traitlets.Int()
    selection = traitlets.Tuple()

    def __init__(
        self,
        frame: pd.DataFrame,
        *,
        masker: Masker,
        title: str = "",
        page_size: int = 25,
        height: str | None = None,
        empty: str = "",
        below: Below | None = None,
        pane: bool = True,
        tools: bool = True,
        unchooses: bool = False,
    ) -> None:
        self._below, self._pane, self._tools, self._unchooses = below, pane, tools, unchooses
        self._frame, self._masker, self._page_size = frame, masker, page_size
        self._empty = empty or "No rows."
        self._columns = [str(name) for name in frame.columns]
        self._on_a_line = columns_on_a_line(frame)
        self._order = np.arange(len(frame))
        self._personal = (
            len(frame) > 0
            and not masker.reveal
            and any(is_personal(name) or str(name) in _TELLING_COLUMNS for name in frame.columns)
        )
        super().__init__(title=title, height=height)
        self.first = self._view()
        self.on_msg(self._take_request)

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The grid, and its masked first rows for where a saved notebook is opened again."""
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is not None:
            bundle[0]["text/html"] = self.static
        return bundle

    def _ipython_display_(self) -> None:
        """The grid; below it the table, where the server will not put it in the grid's place."""
        from IPython.display import HTML, display

        display(self._repr_mimebundle_()[0], raw=True)
        if not os.environ.get(SAVES):
            kept = f"<details><summary>The first rows as a plain table</summary>{self.static}</details>"
            display(HTML(kept))
        if self._below is not None and len(self._frame):
            below = self._below(self._columns, lambda: self._frame.iloc[list(self.selection)])
            follow_list(self, below)
            display(below)

    @cached_property
    def static(self) -> str:
        """Its masked first rows, as HTML."""
        first, total = self._frame.iloc[:_STATIC_ROWS, self._on_a_line], len(self._frame)
        options: dict[str, Any] = {"title": self.title, "empty": self._empty, "total": total}
        return Table(first, masker=self._hiding, rows=_STATIC_ROWS, **options)._repr_html_()

    @property
    def selected(self) -> Record | None:
        """The row chosen last, with its real values; None when no row is chosen. It shows itself masked."""
        if not self.selection:
            return None
        row = self._frame.iloc[self.selection[-1]]
        return Record(dict(zip(self._columns, row, strict=True)), self._hiding)

    @property
    def selected_rows(self) -> Rows:
        """All chosen rows in the order of the frame, with their real values and index. They show masked."""
        rows = Rows(self._frame.iloc[sorted(self.selection)])
        rows.masker = self._hiding
        return rows

    @property
    def shown_rows(self) -> Rows:
        """All rows that pass the filter, in the order on the screen."""
        rows = Rows(self._frame.iloc[self._order])
        rows.masker = self._hiding
        return rows

    def select(self, *rows: int) -> None:
        """Choose rows by their position in the frame; the last one is shown in full."""
        self.selection = rows

    def export(self) -> bytes:
        """The rows that pass the filters as a CSV file that Excel reads: what is on the screen, ids as text."""
        eyes = self._masker.revealed() if self.revealed else self._eyes  # an id alone in its cell
        return TextTable.of(self._frame.iloc[self._order, self._on_a_line], eyes).csv

    @property
    def _file_name(self) -> str:
        return f"{re.sub(r'[^a-z0-9]+', '-', self.title.lower()).strip('-') or 'rows'}.csv"

    def __repr__(self) -> str:
        return f"{self.title or 'Grid'}: {len(self._frame):,} rows. Run this cell to browse them."

    # What a person sees

    @cached_property
    def _arrangement(self) -> Arrangement:
        return Arrangement(self._frame, self._hiding)

    @cached_property
    def _hiding(self) -> Masker:
        return self._masker.masked().knowing(personal_values(self._frame))

    def _view(self) -> dict[str, Any]:
        total, start = len(self._order), self.page * self._page_size
        rows = self._in_view
        shown = self._eyes.frame(self._frame.iloc[rows, self._on_a_line])
        cells = zip(*(column_texts(shown.iloc[:, at]) for at in range(shown.shape[1])), strict=True)
        chosen = set(self.selection)
        filtered = bool(self.filter or self.filters)
        of_all = f" of {len(self._frame):,} rows match{self._students}" if filtered else ""
        count = f"{start + 1:,}-{start + len(rows):,} of {total:,}" if len(rows) else "0"
        return {
            "columns": [self._heading(at) for at in self._on_a_line],
            "rows": [
                {"row": int(row), "cells": list(texts), "selected": int(row) in chosen}
                for row, texts in zip(rows, cells, strict=False)
            ],
            "page": self.page,
            "before": self.page > 0,
            "after": start + len(rows) < total,
            "count": f"{total:,}{of_all}: {count}" if filtered else count,
            "chosen": f"{len(chosen):,} selected" if chosen else "",
            "start": start,
            "total": total,
            "filtered": filtered,
            "empty": "No row matches the filter." if len(self._frame) else self._empty,
            "filter": self.filter,
            "personal": self._personal,
            "tools": self._tools and len(self._frame) > 0,
            "revealed": self.revealed,
            "record": self._record(),
        }

    @property
    def _students(self) -> str:
        """How many students the rows that pass the filter are about, where several are about one; else empty."""
        name = next((one for one in STUDENT_IDS if one in self._columns), None)
        count = 0 if name is None else int(self._frame[name].iloc[self._order].nunique())
        return f", {count:,} student{'' if count == 1 else 's'}" if 0 < count < len(self._order) else ""

    @property
    def _in_view(self) -> np.ndarray:
        start = self.page * self._page_size
        return self._order[start : start + self._page_size]

    def _heading(self, at: int) -> dict[str, Any]:
        name = self._columns[at]
        direction = {name: "ascending", f"-{name}": "descending"}.get(self.sort_by)
        number = is_number(self._frame.iloc[:, at]) and not is_personal(name)
        return {
            "name": name,
            "label": label(name),
            "sort": direction,
            "number": number,
            "width": _WIDTHS.get(name, ""),
            "choices": list(self._arrangement.choices.get(name, {}).items()),
            "filter": self.filters.get(name, ""),
        }

    def _record(self) -> list[dict[str, Any]] | None:
        if not (self._pane and self.selection):
            return None
        shown = self._eyes.frame(self._frame.iloc[[self.selection[-1]]])
        return record_parts(dict(zip(self._columns, shown.iloc[0], strict=True)))

    # What a person does

    def _take_request(self, _widget: Any, message: Mapping[str, Any], _buffers: Any) -> None:
        match message:
            case {"filter": str(text)}:
                self.filter = text
            case {"column": str(name), "text": str(text)} if name in self._columns:
                self.filters = {**self.filters, name: text}
            case {"clear": True}:
                with self.hold_trait_notifications():
                    self.filter, self.filters = "", {}
            case {"export": True}:
                self.send({"export": self._file_name}, buffers=[self.export()])
            case {"sort": str(name)} if name in self._columns:
                self.sort_by = {name: f"-{name}", f"-{name}": ""}.get(self.sort_by, name)
            case {"page": int(page)} if 0 <= page * self._page_size < max(len(self._order), 1):
                self.page = page
            case {"reveal": bool(reveal)}:
                self.revealed = reveal
            case {"select": int(row), "how": how} if 0 <= row < len(self._frame):
                self._choose(row, how)
            case {"ready": True}:
                self._show()
                self._arrangement.prepare()  # while the person looks: the first filter waits for the rest alone

    def _choose(self, row: int, how: str) -> None:
        if how == "toggle":
            kept = tuple(other for other in self.selection if other != row)
            self.selection = kept if len(kept) < len(self.selection) else (*kept, row)
        elif how == "range" and self.selection and self.selection[-1] in self._order:
            ends = [int(np.flatnonzero(self._order == end)[0]) for end in (self.selection[-1], row)]
            self.selection = tuple(int(number) for number in self._order[min(ends) : max(ends) + 1])
        else:
            self.selection = () if self._unchooses and self.selection == (row,) else (row,)

    @traitlets.observe("filter", "filters", "sort_by")
    def _rearrange(self, _change: Any) -> None:
        self._order = self._arrangement.order(self.filter, self.filters, self.sort_by)
        if self.page:
            self.page = 0
        else:
            self._turned()

    @traitlets.observe("page")
    def _turned(self, _change: Any = None) -> None:
        """What is no longer in view is no longer chosen: a button must not do to it what is meant for others."""
        kept = tuple(row for row in self.selection if row in self._in_view)
        if kept == self.selection:
            self._show()
        self.selection = kept

    @traitlets.observe("selection")
    def _marked(self, _change: Any) -> None:
        self._show()

    @traitlets.validate("sort_by")
    def _a_column(self, proposal: Any) -> str:
        name = proposal["value"].removeprefix("-")
        if name and name not in self._columns:
            raise traitlets.TraitError(
                f"No column '{name}' to sort by; there are {', '.join(self._columns)}."
            )
        return str(proposal["value"])

    @traitlets.validate("filters")
    def _of_columns(self, proposal: Any) -> dict[str, str]:
        if unknown := set(proposal["value"]) - set(self._columns):
            raise traitlets.TraitError(
                f"No column '{min(unknown)}' to filter; there are {', '.join(self._columns)}."
            )
        return {name: text for name, text in proposal["value"].items() if text}

    @traitlets.validate("selection")
    def _rows_of_the_frame(self, proposal: Any) -> tuple[int, ...]:
        if any(not 0 <= row < len(self._frame) for row in proposal["value"]):
            raise traitlets.TraitError(f"Rows are numbered from 0 to {len(self._frame) - 1}.")
        return tuple(int(row) for row in proposal["value"])


class Lists(w.VBox):
    """A panel with lists in it: their masked first rows stand in its place where a saved notebook is opened again."""

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle and (kept := "".join(grid.static for grid in _grids(self))):
            bundle["text/html"] = f"<p>These lists are as they were when the cell ran.</p>{kept}"
        return bundle


def _grids(box: w.Box) -> Iterator[Grid]:
    for child in box.children:
        if isinstance(child, Grid):
            yield child
        elif isinstance(child, w.Box):
            yield from _grids(child)


def follow_list(grid: Grid, below: Any) -> None:
    """What is below a list says nothing of rows that were chosen before, and shows students where the list does."""
    below.reveal(grid.revealed)
    grid.observe(lambda _change: below.forget(), "selection")
    grid.observe(lambda change: below.reveal(change["new"]), "revealed")
