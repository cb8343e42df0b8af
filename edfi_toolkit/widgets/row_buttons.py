"""Buttons below a list, about the rows that are chosen in it: their student's story, and dismissing findings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as w
import pandas as pd

from edfi_toolkit.display.named import whom
from edfi_toolkit.errors import EdfiToolkitError
from edfi_toolkit.review.student import story_html
from edfi_toolkit.runs.decisions.dismissals import dismiss_findings
from edfi_toolkit.runs.students.student import student, student_of_row
from edfi_toolkit.runs.user import name_of_a_person
from edfi_toolkit.widgets.form import Form
from edfi_toolkit.widgets.revealing import Page

if TYPE_CHECKING:
    from edfi_toolkit.runs.run import Run

STORY, DISMISS = {"story": "Tell this student's story"}, {"dismiss": "Dismiss until the record changes"}
_OF_FINDINGS = {"rule_id", "severity", "row_id"}


class RowActions(w.VBox):
    """`form` has the buttons, `status` says what came of one, `story` shows the view of a student.

    rows: those that are chosen, the last one last. columns: of the list; findings can be dismissed. What the list
    reveals is revealed in the story: the list says so by `reveal`.
    """

    def __init__(self, run: Run, columns: list[str], rows: Callable[[], pd.DataFrame]) -> None:
        self._run, self._rows = run, rows
        of_findings = set(columns) >= _OF_FINDINGS
        fields: list[dict[str, Any]] = [
            {"name": "reason", "label": "Reason", "wide": True},
            {"name": "author", "label": "Your name", "start": name_of_a_person()},
        ]
        self.form = Form(
            fields if of_findings else [], STORY | (DISMISS if of_findings else {}), self._pressed
        )
        self.status, self.story = w.HTML(), Page(button=True)
        super().__init__([self.form, self.status, self.story])

    def _pressed(self, name: str, typed: Mapping[str, str]) -> None:
        rows = self._rows()
        self._say("" if len(rows) else "Choose a row in the list first.")
        if rows.empty:
            return
        try:
            if name == "story":
                view = student(self._run, student_of_row(self._run, rows.iloc[-1]))
                self.story.show(partial(story_html, view), view.masker)
            else:
                count = dismiss_findings(self._run, rows, author=typed["author"], reason=typed["reason"])
                self.form.clear("reason")
                self._say(
                    f"{whom(rows, self._run.masker(rows))}{count:,} dismissed until the record changes: gone from the "
                    "list when this notebook runs again, and listed in notebook 50. What is held stays held."
                )
        except EdfiToolkitError as error:
            self._say(str(error))

    def forget(self) -> None:
        """Say nothing of the rows that were chosen before."""
        self._say("")
        self.story.say("")

    def reveal(self, students: bool) -> None:
        """Show students in the story, or hide them again."""
        self.story.revealed = students

    def _say(self, text: str) -> None:
        self.status.value = f'<p role="status">{escape(self._run.masker().text(text))}</p>' if text else ""
