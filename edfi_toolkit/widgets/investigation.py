"""Rejected, held or skipped rows by cause: choose a cause, read what it means, read its rows."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets as w
import pandas as pd

from edfi_toolkit.display.values import cell_text
from edfi_toolkit.privacy import Masker
from edfi_toolkit.widgets.cause_lists import NO_CAUSE, cause_column
from edfi_toolkit.widgets.grids import Below, Grid, Lists, follow_list

ALL = "all causes"
# In view without a scroll to the right: whom it is about, what to do, who can, and where. Then the cause, and why.
_ACTING = ("student_unique_id", "student_id", "school", "program", "todo", "hint", "who", "file", "row")
_EXPLAINING = ("state", "severity", "says", "messages", "detail", "column", "field")
_SHORT = 80  # letters of its meaning next to a cause in the dropdown


class Reasons(Lists):
    """`reason` is the dropdown (its value a cause, or ALL), `grid` shows its rows, `rows` has them in Python.

    explain: what a cause means and what to do, as a sentence; "" when there is nothing to say.
    title: what the rows are. empty: what to say when the frame has no rows.
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        *,
        masker: Masker,
        explain: Callable[[str], str] | None = None,
        title: str = "Rows",
        empty: str = "",
        below: Below | None = None,
    ) -> None:
        by = cause_column(frame)
        leading = [name for name in (*_ACTING, by, *_EXPLAINING) if name in frame]
        self._frame = frame[[*leading, *frame.columns.drop(leading)]].reset_index(drop=True)
        self._masker, self._explain = masker, explain or (lambda _cause: "")
        self._title, self._empty = title, empty or "Nothing here."
        self._causes = self._frame[by].explode().map(cell_text).replace("", NO_CAUSE)
        options: list[tuple[str, Any]] = [(f"{ALL} ({len(frame):,})", ALL)]
        options += [(self._named(*cause), cause[0]) for cause in self._causes.value_counts().items()]
        self.reason = w.Dropdown(
            options=options, description="Cause", layout=w.Layout(width="min(860px, 95%)")
        )
        self.meaning = w.HTML()
        columns = list(self._frame.columns)
        self._actions = [below(columns, lambda: self.rows.iloc[list(self.grid.selection)])] if below else []
        self.reason.observe(self._chosen, "value")
        super().__init__()
        self._chosen()

    def _named(self, cause: Any, count: int) -> str:
        text = self._explain(cause)
        return f"{cause} ({count:,})" + (
            f": {text[:_SHORT]}{'…' if len(text) > _SHORT else ''}" if text else ""
        )

    def _chosen(self, _change: Any = None) -> None:
        cause = self.reason.value
        matching = self._causes.index[self._causes.eq(cause)].unique()
        self.rows = self._frame if cause == ALL else self._frame.loc[matching]
        text = self._explain(cause) if cause != ALL else "" if len(self.rows) else self._empty
        self.meaning.value = f"<p>{escape(text)}</p>" if text else ""
        self.grid = Grid(self.rows, masker=self._masker, title=f"{self._title}, {cause}")
        for actions in self._actions:
            actions.forget()
            follow_list(self.grid, actions)
        lists = [self.reason, self.meaning, self.grid, *self._actions]
        self.children = lists if len(self._frame) else [self.meaning]

    @property
    def selected(self) -> dict[str, Any] | None:
        """The row chosen in the grid; it shows itself masked."""
        return self.grid.selected
