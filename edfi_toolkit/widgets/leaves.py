"""What is known of one refused record, a tab for each question; of none, what to do first."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from html import escape
from typing import Any

import ipywidgets as w
import pandas as pd

from edfi_toolkit.display.tables import TextTable
from edfi_toolkit.display.values import cell_text
from edfi_toolkit.errors import EdfiToolkitError
from edfi_toolkit.privacy import Masker, session_masker
from edfi_toolkit.review.student import NO_OTHERS, OTHERS, story_html
from edfi_toolkit.review.views import View
from edfi_toolkit.runs.rejections.refusal import IN_THE_ODS, Refusal
from edfi_toolkit.widgets.revealing import Page

ANSWERED, LIVE = "Sent, answered", "In the ODS now"
LEAVES = ("Source rows", ANSWERED, LIVE, "Story", "History")
CHOOSE = "Choose a record in the list first."
# Seen in a saved notebook: where it runs, a tab that is opened is filled at once.
UNOPENED = "Not looked up for this record. Run this notebook, choose the record, then open this tab."


class Leaves(w.Tab):
    """A page for each of LEAVES, masked until it is revealed, and looked up when it is opened."""

    def __init__(self) -> None:
        super().__init__([Page() for _ in LEAVES], titles=LEAVES)
        self._unopened = dict[int, Callable[[], None]]()  # what fills each page that was not opened yet
        self.about(None, session_masker())
        self.observe(lambda _change: self._open(), "selected_index")

    def about(self, known: Refusal | None, masker: Masker) -> None:
        """Show what is known of this record, or of none, now in the tab in view, in each other when it is opened.

        masker: of what brings none of its own.
        """
        self._unopened = {at: partial(self._fill, at, known, masker) for at in range(len(LEAVES)) if known}
        self._open()
        for at, leaf in enumerate(self.children):
            if known is None or at in self._unopened:
                leaf.say(f"<p>{CHOOSE if known is None else UNOPENED}</p>")

    def _open(self) -> None:
        if fill := self._unopened.pop(self.selected_index, None):
            fill()

    def _fill(self, at: int, known: Refusal, masker: Masker) -> None:
        questions = (
            known.source_rows,
            known.sent_and_answered,
            known.in_the_ods,
            known.story,
            known.history,
        )
        content = tried(questions[at])
        above = {ANSWERED: partial(_answer_html, known.row), LIVE: partial(_live_html, content)}
        answer: Callable[[Masker], str] = above.get(LEAVES[at], lambda _eyes: "")
        others = tried(known.others) if LEAVES[at] == LIVE else None
        own = content.masker if isinstance(content, View) else masker
        self.children[at].show(
            lambda eyes: answer(eyes) + _html(content, eyes) + _others_html(others, eyes), own
        )

    def reveal(self, students: bool) -> None:
        """Show students, or hide them again."""
        for leaf in self.children:
            leaf.revealed = students


def _html(content: pd.DataFrame | View | str, eyes: Masker) -> str:
    """What a leaf shows, for these eyes."""
    if isinstance(content, View):
        return story_html(content, eyes)
    if isinstance(content, str):
        return f"<p>{escape(content)}</p>"
    return TextTable.of(content, eyes).html() if len(content) else "<p>Nothing is known of this.</p>"


def _answer_html(row: Any, eyes: Masker) -> str:
    """What the ODS said to what was sent."""
    id_ = cell_text(row["correlation_id"])
    quoted = f"<br>Correlation id: {escape(id_)}" if id_ else ""
    return f"<p>Answered: {row['status']} {escape(eyes.text(' '.join(row['messages'])))}{quoted}</p>"


def _live_html(live: pd.DataFrame | str, _eyes: Masker) -> str:
    """That the ODS has nothing, where it was asked and has nothing."""
    is_none = isinstance(live, pd.DataFrame) and IN_THE_ODS not in live
    return (
        "<p>The ODS has no such record of this student, organization, program and begin date. What was sent:</p>"
        if is_none
        else ""
    )


def _others_html(others: pd.DataFrame | str | None, eyes: Masker) -> str:
    """What else the ODS has of the student, where that was asked."""
    if others is None:
        return ""
    has = isinstance(others, str) or len(others)
    return f"<h4>{OTHERS}</h4>{_html(others, eyes) if has else f'<p>{NO_OTHERS}</p>'}"


def tried(do: Callable[[], Any]) -> Any:
    """What a question gives, or the sentence of why it cannot be answered now."""
    try:
        return do()
    except EdfiToolkitError as error:
        return str(error)
