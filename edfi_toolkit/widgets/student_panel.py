"""A field for a student's id or name, and below it that student's story. What is typed is not saved."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from html import escape
from typing import TYPE_CHECKING

import ipywidgets as w

from edfi_toolkit.errors import EdfiToolkitError
from edfi_toolkit.review.student import answer_html, rest_html
from edfi_toolkit.runs.students.student import student
from edfi_toolkit.widgets.charts import timeline
from edfi_toolkit.widgets.form import Form
from edfi_toolkit.widgets.revealing import Page

if TYPE_CHECKING:
    from edfi_toolkit.runs.run import Run


class StudentPanel(w.VBox):
    """`form` takes the text, `story` shows the answer, `picture` the timeline, `rest` all that led to the answer.

    Who was looked up last in this kernel is shown again when the cell runs again, as after Read again.
    """

    _typed = ""  # in the kernel's memory alone

    def __init__(self, run: Run) -> None:
        self._run = run
        self.form = Form(
            [{"name": "student", "label": "Student", "enter": "look", "watch": True}],
            {"look": "Look up"},
            self._pressed,
        )
        self.story = Page(button=True)
        self.picture = w.Image(format="png", layout=w.Layout(display="none"))
        self.rest = Page()
        self.story.observe(lambda change: setattr(self.rest, "revealed", change["new"]), "revealed")
        super().__init__([self.form, self.story, self.picture, self.rest])
        if StudentPanel._typed:
            self._look({"student": StudentPanel._typed})

    def _pressed(self, name: str, typed: Mapping[str, str]) -> None:
        if name == "look":
            self._look(typed)
        else:  # another name is being typed: the story below would pass for that student's
            StudentPanel._typed = ""
            self._say("")

    def _say(self, html: str) -> None:
        self.story.say(html)
        self.rest.say("")
        self.picture.layout.display = "none"

    def _look(self, typed: Mapping[str, str]) -> None:
        try:
            view = student(self._run, typed["student"])
        except EdfiToolkitError as error:
            StudentPanel._typed = ""
            self._say(f'<p role="alert">{escape(str(error))}</p>')
            return
        StudentPanel._typed = typed["student"]
        self.story.show(partial(answer_html, view), view.masker)
        self.rest.show(partial(rest_html, view), view.masker)
        if "over the year" in view.frames:
            drawn, size = timeline(view.frames["over the year"], "Over the year")._repr_png_()
            self.picture.value, self.picture.layout.display = drawn, ""
            self.picture.width = str(size["width"])
