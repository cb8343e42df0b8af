"""The form that adds a check: it is tried on the extract, then saved. Wiring only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from edfi_toolkit.display.cards import card_html
from edfi_toolkit.display.values import counted
from edfi_toolkit.validation.check_texts import SEVERITIES
from edfi_toolkit.validation.own_checks import KINDS
from edfi_toolkit.widgets.form import Form
from edfi_toolkit.widgets.grids import Grid
from edfi_toolkit.widgets.message import Message

if TYPE_CHECKING:
    from edfi_toolkit.runs.checks import Checks

_BUTTONS = {"attempt": "Try", "save": "Save", "remove": "Remove"}
_NONE = "(none)"


class CheckForm(w.VBox):
    """`form` has the fields, `message` what came of a button, `place` the rows that a try found."""

    def __init__(self, checks: Checks) -> None:
        self.checks, self._table = checks, next(iter(checks.tables), "")
        self.message, self.place = Message(), w.VBox()
        self.form = Form(self._fields(), _BUTTONS, self._pressed)
        super().__init__([self.form, self.message, self.place])

    def _fields(self) -> list[dict[str, Any]]:
        columns = self.checks.columns(self._table) if self._table else []
        return [
            {"name": "table", "label": "Table", "choices": self.checks.tables},
            {"name": "column", "label": "Column", "choices": columns},
            {"name": "kind", "label": "Check", "choices": list(KINDS)},
            {"name": "values", "label": "Values (Y|N), pattern, or least"},
            {"name": "until", "label": "Greatest"},
            {"name": "severity", "label": "Severity", "choices": list(SEVERITIES)},
            {"name": "says", "label": "What is wrong then", "wide": True},
            {"name": "known", "label": "To remove", "choices": [_NONE, *self.checks.known["rule_id"]]},
        ]

    def _pressed(self, name: str, given: Mapping[str, str]) -> None:
        if name == "choose:table":
            self._table = given["table"]
            self.form.fields = self._fields()
        if name.startswith("choose:"):
            return
        with self.message.mistakes():
            getattr(self, f"_{name}")(given)

    def _attempt(self, given: Mapping[str, str]) -> None:
        found = self.checks.attempt(given)
        total = len(self.checks.run.tables[given["table"]])
        title = f"Rows of {given['table']} that the check finds"
        self.place.children = (
            [Grid(found, masker=self.checks.run.masker(), title=title)] if len(found) else []
        )
        self._say(f"It would find {len(found):,} of {counted(total, 'row')}. Save keeps it.")

    def _save(self, given: Mapping[str, str]) -> None:
        path = self.checks.save(given)
        self.form.fields = self._fields()
        self.form.clear("values", "until", "says")
        self._say(f"Saved in {path}. Run the notebook again: it is asked from now on.")

    def _remove(self, given: Mapping[str, str]) -> None:
        path = self.checks.remove(given["known"])
        self.form.fields = self._fields()
        self._say(f"{given['known']} is no longer in {path}. Run the notebook again.")

    def _say(self, text: str) -> None:
        self.message.show(card_html("", text, tone="good"))
