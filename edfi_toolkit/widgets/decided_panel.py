"""Corrections and dismissals as a list to choose from, and a button that ends the chosen ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import TYPE_CHECKING

import ipywidgets as w

from edfi_toolkit.display.following import follow, ledger_changed
from edfi_toolkit.display.named import whom
from edfi_toolkit.review.decided import CORRECTION, shown
from edfi_toolkit.widgets.form import Form
from edfi_toolkit.widgets.grids import Grid
from edfi_toolkit.widgets.revealing import Page

if TYPE_CHECKING:
    from edfi_toolkit.runs.decisions.listed import Decided


class DecidedPanel(w.VBox):
    """`grid` lists what counts now; Remove ends what is chosen in it."""

    grid: Grid

    def __init__(self, decided: Decided, changed: Callable[[], object]) -> None:
        self.decided, self._changed = decided, changed
        self.form = Form([], {"remove": "Remove the chosen ones"}, self._pressed)
        self.status = Page()
        super().__init__()
        self._draw()
        follow("decided", self._again)

    def _again(self) -> None:
        self.decided.load()
        self._changed()
        self._draw(revealed=self.grid.revealed)

    def _draw(self, *, revealed: bool = False) -> None:
        every = self.decided.open
        masker = self.decided.run.masker(every)
        empty = "Nothing is corrected or dismissed."
        self.grid = Grid(shown(every, masker), masker=masker, title="Counts now", empty=empty)
        self.grid.revealed = revealed
        self.grid.observe(lambda change: setattr(self.status, "revealed", change["new"]), "revealed")
        self.children = [self.grid, self.form, self.status] if len(every) else [self.grid, self.status]

    def _pressed(self, _name: str, _typed: Mapping[str, str]) -> None:
        chosen = self.grid.selected_rows
        if len(chosen):
            is_correction = chosen["kind"].eq(CORRECTION)
            self.decided.remove(
                corrections=chosen.loc[is_correction, "number"],
                dismissals=chosen.loc[~is_correction, "number"],
            )
            ledger_changed()
            says = f"{len(chosen):,} removed. Read the source again to see what comes of it."
            self.status.show(
                lambda eyes: f'<p role="status">{escape(whom(chosen, eyes))}{says}</p>',
                self.decided.run.masker(chosen),
            )
        else:
            self.status.say('<p role="status">Choose a row in the list first.</p>')
