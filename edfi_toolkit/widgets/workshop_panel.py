"""The rejection workshop as a panel: causes, records, what is known of one, and the buttons. Wiring only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as w
import pandas as pd

from edfi_toolkit.display.links import file_link
from edfi_toolkit.display.progress import NO_COUNTS, Progress, progress_text
from edfi_toolkit.display.tables import TextTable
from edfi_toolkit.display.values import cell_text
from edfi_toolkit.errors import EdfiToolkitError
from edfi_toolkit.review.causes import by_cause
from edfi_toolkit.review.views import View
from edfi_toolkit.runs.manifest import name_of_a_person
from edfi_toolkit.runs.refusal import Refusal
from edfi_toolkit.runs.workshop import CLOSED, OPEN, STATES
from edfi_toolkit.widgets.form import Form
from edfi_toolkit.widgets.grids import Grid

if TYPE_CHECKING:
    from edfi_toolkit.runs.workshop import Workshop

_RECORDS = ["student_unique_id", "program_name", "begin_date", "education_organization_id", "cause"]
_RECORDS += ["who", "status", "last_seen_at"]
_ENDED = ["closed_how", "closed_at"]
_FILTERS = {"state": "Show", "run_id": "Run", "school": "School", "owner": "Owner"}
LEAVES = ("Source rows", "Sent, answered", "In the ODS now", "Story", "History")
BUTTONS = {
    "values": "Values of the ODS",
    "correct": "Correct this cell",
    "everywhere": "Correct this code everywhere",
    "check": "Check again",
    "retry": "Retry",
    "dismiss": "Dismiss",
    "hand_on": "Hand on",
}
_NO_CELL = "(choose a record first)"


class WorkshopPanel(w.VBox):
    """`filters` choose what `causes` and `records` list; choosing a cause filters the records, choosing a record opens
    the leaves.
    """

    def __init__(self, workshop: Workshop) -> None:
        self.workshop = workshop
        self.leaves = w.Tab([w.HTML() for _ in LEAVES], titles=LEAVES)
        self.status = w.HTML().add_class("edfi-says")
        self._cells = pd.DataFrame()
        self._checked: tuple[Any, pd.DataFrame] | None = None
        self._options: list[str] = []
        self._opened: int | None = None  # among all refusals
        self.form = Form(self._fields(), BUTTONS, self._pressed)
        self.filters = self._filters()
        super().__init__()
        self._draw()
        for dropdown in self.filters.values():
            dropdown.observe(lambda _change: self._draw(), "value")

    def _filters(self) -> dict[str, w.Dropdown]:
        """A list for each column to choose by: what the refusals have in it, and all."""
        refused, this = self.workshop.refused, self.workshop.run.id
        offered: dict[str, list[tuple[str, str]]] = {"state": [(state, state) for state in STATES]}
        for name, column in (("run_id", "run_id"), ("school", "school"), ("owner", "who")):
            values = sorted(refused[column].dropna().unique())
            named = [("this run" if value == this else value, value) for value in values]
            offered[name] = [("all", ""), *named]
        return {
            name: w.Dropdown(description=_FILTERS[name], options=options) for name, options in offered.items()
        }

    def _draw(self) -> None:
        """Both lists, as the ledger has them now."""
        chosen = {name: dropdown.value for name, dropdown in self.filters.items()}
        self._listed = self.workshop.shown(chosen.pop("state"), **chosen)
        causes = by_cause(self._listed)
        self._names = causes["cause"].tolist()
        self.causes = Grid(
            causes[["cause", "rejections", "todo", "who"]],
            masker=self.workshop.run.masker(self._listed),
            title="Causes",
            empty="No refusal here.",
            height="150px",
            pane=False,
        )
        self.causes.observe(lambda _change: self._filter(), "selection")
        self._filter()

    def _filter(self) -> None:
        chosen = [self._names[at] for at in self.causes.selection]
        self._shown = self._listed[self._listed["cause"].isin(chosen)] if chosen else self._listed
        if chosen:
            cause = self._shown.iloc[0]
            self._say(
                f"{cause['says']} {cause['todo']} Who can do it: {cause['who']}. Choose a record of it."
            )
        columns = _RECORDS + (_ENDED if self.filters["state"].value == CLOSED else [])
        masker = self.workshop.run.masker(self._listed)
        self.records = Grid(
            self._shown[columns],
            masker=masker,
            title="Records",
            empty="No refusal here.",
            height="270px",
            pane=False,
        )
        self.records.layout = w.Layout(width="100%", min_width="0")
        self.records.observe(lambda _change: self._open(), "selection")
        wrapped = w.Layout(flex_flow="row wrap")
        listed = w.Box([self.records], layout=w.Layout(flex="3 1 420px", min_width="0"))
        acting = w.VBox([self.status, self.form], layout=w.Layout(flex="2 1 300px", padding="0 0 0 12px"))
        self.children = [
            w.HBox(list(self.filters.values()), layout=wrapped),
            self.causes,
            w.HBox([listed, acting], layout=wrapped),
            self.leaves,
        ]

    @property
    def chosen(self) -> pd.DataFrame:
        """The refusals chosen in the list of records; without a choice, all of the list."""
        return self._shown.iloc[sorted(self.records.selection)] if self.records.selection else self._shown

    def _open(self) -> None:
        """What is known of the record chosen last."""
        if not self.records.selection:
            return
        row = self._row()
        self._opened = int(row.name)
        known = Refusal(self.workshop.run, row)
        cells = tried(known.cells)
        self._cells = cells if isinstance(cells, pd.DataFrame) else pd.DataFrame()
        self._options, self._checked = [], None
        found = (
            tried(known.source_rows),
            tried(known.sent_and_answered),
            tried(known.in_the_ods),
            tried(known.story),
            tried(known.history),
        )
        masker = self.workshop.run.masker(self.workshop.refused)
        for leaf, content in zip(self.leaves.children, found, strict=True):
            leaf.value = self._html(content, masker)
        said = " ".join(row["messages"])
        quoted = (
            f"<br>Correlation id: {escape(row['correlation_id'])}" if cell_text(row["correlation_id"]) else ""
        )
        answer = f"<p>Answered: {row['status']} {escape(masker.text(said))}{quoted}</p>"
        self.leaves.children[1].value = answer + self.leaves.children[1].value
        self.form.fields = self._fields()
        todo, who = known.next_step()
        answered = f"The ODS: {said.rstrip('.')}. " if said else ""
        self._say(f"{answered}{row['cause']}. {todo} Who can do it: {who}.")

    def _fields(self) -> list[dict[str, Any]]:
        cells = [_name_of(row) for row in self._cells.to_dict("records")] or [_NO_CELL]
        return [
            {"name": "cell", "label": "Cell", "choices": list(dict.fromkeys(cells)), "of": self._opened},
            {"name": "value", "label": "should be", "options": self._options, "of": self._opened},
            {"name": "reason", "label": "Reason"},
            {"name": "author", "label": "Your name", "start": name_of_a_person()},
        ]

    def _cell(self, named: str) -> Mapping[str, Any]:
        return next(row for row in self._cells.to_dict("records") if _name_of(row) == named)

    def _pressed(self, name: str, typed: Mapping[str, str]) -> None:
        if name.startswith("choose:"):
            return
        if self.filters["state"].value != OPEN and name != "hand_on":
            self._say("This list is to look at. Show the open ones to work on them.")
            return
        if self.chosen.empty or (name in ("values", "correct", "everywhere") and self._cells.empty):
            self._say("Choose a record in the list first.")
            return
        self.form.switch(**dict.fromkeys(BUTTONS, True))
        try:
            getattr(self, f"_{name}")(typed)
        except EdfiToolkitError as error:
            self._say(str(error))
        finally:
            self.form.switch(**dict.fromkeys(BUTTONS, False))

    def _working(self, label: str) -> Progress:
        """Says at the buttons how far a step is, from now on."""

        def say(done: int, total: int | None, counts: Mapping[str, int] = NO_COUNTS, /) -> None:
            self.status.value = f'<p role="status">{label} … {progress_text(done, total, counts)}</p>'

        self.status.value = f'<p role="status">{label} …</p>'
        return say

    def _values(self, typed: Mapping[str, str]) -> None:
        cell = self._cell(typed["cell"])
        self._options = Refusal(self.workshop.run, self._row()).values_for(str(cell["value"]))
        self.form.fields = self._fields()
        near = ", ".join(self._options[:5])
        self._say(
            f"The ODS has, nearest first: {near}. Further rows with the same code: {cell['others']:,}."
            if near
            else "No list of the ODS belongs to this cell."
        )

    def _correct(self, typed: Mapping[str, str]) -> None:
        self._keep(typed, everywhere=False)

    def _everywhere(self, typed: Mapping[str, str]) -> None:
        self._keep(typed, everywhere=True)

    def _keep(self, typed: Mapping[str, str], *, everywhere: bool) -> None:
        cell = self._cell(typed["cell"])
        number = self.workshop.correct(
            cell,
            typed["value"],
            author=typed["author"],
            reason=typed["reason"],
            everywhere=everywhere,
        )
        self._checked = None
        self.form.clear("value", "reason")
        also = f" It changes {cell['others']:,} further rows too." if everywhere and cell["others"] else ""
        self._say(
            f"Kept as correction {number}.{also} Check again reads the source with it; nothing is sent yet."
        )

    def _check(self, _typed: Mapping[str, str]) -> None:
        rows = self.chosen
        again, now = self.workshop.check(rows, progress=self._working("Checking again"))
        self._checked = (again, rows)
        counts = ", ".join(f"{count:,} {what}" for what, count in now["now"].value_counts().items())
        limits = f" Stopped by {', '.join(again.plan.breaches)}." if again.plan.breaches else ""
        self._say(
            f"Nothing was sent. {counts}.{limits} Retry approves this plan, {again.plan.fingerprint}, and sends it."
        )

    def _retry(self, typed: Mapping[str, str]) -> None:
        if self._checked is None or not self._checked[1].index.equals(self.chosen.index):
            self._check(typed)
            return
        again, rows = self._checked
        self._checked = None
        self.workshop.retry(again, rows, person=typed["author"], progress=self._working("Publishing"))
        self._draw()
        self._say(self.workshop.became_of(rows))

    def _dismiss(self, typed: Mapping[str, str]) -> None:
        rows = [row for _, row in self.chosen.iterrows()] if self.records.selection else []
        for row in rows:
            self.workshop.dismiss(row, author=typed["author"], reason=typed["reason"])
        if rows:
            self._draw()
            self.form.clear("reason")
        self._say(
            f"{len(rows):,} dismissed until their record changes."
            if rows
            else "Choose the records to dismiss."
        )

    def _hand_on(self, _typed: Mapping[str, str]) -> None:
        path = self.workshop.hand_on(self.chosen)
        says = f"{len(self.chosen):,} refusals, a sheet for each owner, students masked: {file_link(path)}"
        self.status.value = f'<p role="status">{says}</p>'

    def _row(self) -> pd.Series:
        return self._shown.iloc[self.records.selection[-1]]

    def _say(self, text: str) -> None:
        self.status.value = (
            f'<p role="status">{escape(self.workshop.run.masker(self.workshop.refused).text(text))}</p>'
        )

    @staticmethod
    def _html(content: pd.DataFrame | View | str, masker: Any) -> str:
        if isinstance(content, View):
            return content._repr_html_()
        if isinstance(content, str):
            return f"<p>{escape(content)}</p>"
        return TextTable.of(content, masker).html() if len(content) else "<p>Nothing is known of this.</p>"


def _name_of(cell: Mapping[str, Any]) -> str:
    """A cell as the form lists it; an empty one says so."""
    return f"{cell['table']}.{cell['column']}" + ("" if cell["value"] else " (empty)")


def tried(do: Callable[[], Any]) -> Any:
    """What a question gives, or the sentence of why it cannot be answered now."""
    try:
        return do()
    except EdfiToolkitError as error:
        return str(error)
