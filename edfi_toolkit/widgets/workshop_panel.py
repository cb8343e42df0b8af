"""The rejection workshop as a panel: causes, records, what is known of one, and the buttons. Wiring only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as w
import pandas as pd

from edfi_toolkit.display.following import follow, ledger_changed
from edfi_toolkit.display.named import whom
from edfi_toolkit.display.progress import NO_COUNTS, Progress, progress_text
from edfi_toolkit.display.values import cell_text
from edfi_toolkit.errors import EdfiToolkitError
from edfi_toolkit.privacy import Masker
from edfi_toolkit.review.causes import by_cause
from edfi_toolkit.runs.rejections.retry import SHARED
from edfi_toolkit.runs.rejections.workshop import CLOSED, OPEN, STATES, refusal_keys
from edfi_toolkit.runs.user import name_of_a_person
from edfi_toolkit.widgets.cause_lists import title_of, with_settled
from edfi_toolkit.widgets.cell_names import NO_LIST, NOT_SURE, choices_of, name_of, offered
from edfi_toolkit.widgets.form import Form
from edfi_toolkit.widgets.grids import Grid, Lists
from edfi_toolkit.widgets.leaves import CHOOSE, Leaves, tried
from edfi_toolkit.widgets.revealing import Page
from edfi_toolkit.widgets.workshop_buttons import ABOUT_ONE, BUTTONS, TO_HAND_ON, able, labels, next_one
from edfi_toolkit.widgets.workshop_says import (
    CHECK_FIRST,
    here,
    of_a_cause,
    of_a_check,
    of_a_file,
    of_a_record,
)

if TYPE_CHECKING:
    from edfi_toolkit.runs.rejections.workshop import Key, Workshop

_RECORDS = ["student_unique_id", "cause", "who", "program_name", "begin_date", "education_organization_id"]
_RECORDS += ["status", "last_seen_at"]
_PAGE = 25  # records in view
_CAUSES_IN_VIEW = 8  # without a scroll bar
_ENDED = ["closed_how", "closed_at"]
_FILTERS = {"state": "Show", "run_id": "Run", "school": "School", "owner": "Owner"}
_CHOOSE_ONE = " Choose a record of it, or the cause again for all causes."
_SETTLED = "None of this cause is left. Choose another, or this one again for all causes."
_ALL_CAUSES = "The records of all causes are listed."
_MOVED = "What is chosen, or listed, has changed since. Look at it, and press again."


class WorkshopPanel(Lists):
    """`filters` choose what `causes` and `records` list; choosing a cause filters the records, choosing a record opens
    the leaves. What is no longer in view is no longer chosen, and nothing can be done to it.
    """

    causes: Grid
    records: Grid

    def __init__(self, workshop: Workshop, changed: Callable[[], object] = lambda: None) -> None:
        self.workshop, self._changed = workshop, changed
        self.leaves = Leaves()
        self.status = Page().add_class("edfi-says")
        self.file = w.Output()
        self._cells, self._sure, self._to_correct = pd.DataFrame(), False, False
        self._checked: tuple[Any, pd.DataFrame] | None = None
        self._options: list[str] = []
        self._chosen: list[Key] = []
        self._in_view: list[Key] = []
        self._turn = 0  # counts the changes of either
        self._names: list[str] = []
        self._by_cause = pd.DataFrame()
        self.form = Form(self._fields(), BUTTONS, self._pressed).add_class("edfi-still")
        self.filters = {
            name: w.Dropdown(
                description=_FILTERS[name],
                options=options,
                style={"description_width": "4em"},
                layout=w.Layout(width="260px"),
            )
            for name, options in self._offered().items()
        }
        wrapped = w.Layout(flex_flow="row wrap")
        self._causes = w.VBox()
        self._records = w.Box(layout=w.Layout(flex="3 1 420px", min_width="0"))
        acting = w.VBox(
            [self.form, self.status, self.file], layout=w.Layout(flex="2 1 300px", padding="0 0 0 12px")
        )
        super().__init__(
            [
                w.HBox(list(self.filters.values()), layout=wrapped),
                self._causes,
                w.HBox([self._records, acting], layout=wrapped),
                self.leaves,
            ]
        )
        self._draw()
        for dropdown in self.filters.values():
            dropdown.observe(lambda _change: self._draw(), "value")
        follow("workshop", self._again)

    def _offered(self) -> dict[str, list[tuple[str, str]]]:
        """For each column to choose by what the refusals have in it, and all."""
        refused, this = self.workshop.refused, self.workshop.run.id
        offered: dict[str, list[tuple[str, str]]] = {"state": [(state, state) for state in STATES]}
        for name, column in (("run_id", "run_id"), ("school", "school"), ("owner", "who")):
            values = sorted(refused[column].dropna().unique())
            named = [("this run" if value == this else value, value) for value in values]
            offered[name] = [("all", ""), *named]
        return offered

    def _again(self) -> None:
        """Every part as the ledger has it now; what is chosen stays chosen while it is listed."""
        self.workshop.load()
        self._changed()
        for name, options in self._offered().items():
            chosen = self.filters[name].value
            known = dict(options)
            with self.filters[name].hold_trait_notifications():
                self.filters[name].options = options
                self.filters[name].value = chosen if chosen in known.values() else known["all"]
        self._draw(keeping=True)
        self._show_known()

    def _draw(self, *, keeping: bool = False) -> None:
        """Both lists, as the workshop has them now. keeping: with the causes that are settled since then."""
        chosen = {name: dropdown.value for name, dropdown in self.filters.items()}
        self._listed = self.workshop.shown(chosen.pop("state"), **chosen)
        causes = by_cause(self._listed)
        self._by_cause = causes = with_settled(causes, self._by_cause) if keeping else causes
        before = {self._names[at] for at in self.causes.selection} if self._names else set()
        self._names = causes["cause"].tolist()
        self.causes = Grid(
            causes[["cause", "rejections", "todo", "who"]].assign(todo=causes["todo"].map(here)),
            masker=self.workshop.run.masker(self._listed),
            title=title_of(causes),
            empty="No refusal here.",
            height="none" if len(causes) <= _CAUSES_IN_VIEW else "460px",
            pane=False,
            tools=len(causes) > _CAUSES_IN_VIEW,
            unchooses=True,
        ).add_class("edfi-causes")
        left = causes["rejections"].gt(0)
        self.causes.select(*(at for at, name in enumerate(self._names) if name in before and left[at]))
        self._causes.children = [self.causes]
        self.causes.observe(lambda _change: self._filter(explain=True), "selection")
        self._filter()

    def _filter(self, *, explain: bool = False) -> None:
        """The records of the chosen causes. explain: say what the first of these is."""
        chosen = [self._names[at] for at in self.causes.selection]
        self._shown = self._listed[self._listed["cause"].isin(chosen)] if chosen else self._listed
        columns = _RECORDS + (_ENDED if self.filters["state"].value == CLOSED else [])
        revealed = bool(self._records.children) and self.records.revealed
        self.records = Grid(
            self.workshop.named(self._shown[columns]),
            masker=self.workshop.run.masker(self._listed),
            title="Records",
            empty="No refusal here.",
            height="270px",
            page_size=_PAGE,
            pane=False,
        )
        self.records.layout = w.Layout(width="100%", min_width="0")
        self.records.revealed = revealed
        listed = refusal_keys(self._shown.head(_PAGE))
        self.records.select(*(listed.index(key) for key in self._chosen if key in listed))
        self._records.children = [self.records]
        self._settle()
        self._decide(None)
        if explain and self._shown.empty:
            self._say(_SETTLED)
        elif explain:
            choose = "" if self._chosen else _CHOOSE_ONE
            self._say(f"{of_a_cause(self._shown)}{choose}" if chosen else _ALL_CAUSES)
        self.records.observe(lambda _change: self._open(), "selection")
        self.records.observe(lambda _change: self._settle(), ["filter", "filters"])
        self.records.observe(self._reveal, "revealed")

    def _reveal(self, change: Mapping[str, Any]) -> None:
        self.leaves.reveal(change["new"])
        self.status.revealed = change["new"]

    @property
    def chosen(self) -> pd.DataFrame:
        """The refusals chosen in the list of records; without a choice, all that it lists."""
        if self.records.selection:
            return self._shown.iloc[sorted(self.records.selection)]
        return self._shown.loc[self.records.shown_rows.index]

    @property
    def _last(self) -> pd.DataFrame:
        """The refusal chosen last, or none."""
        return self._shown.iloc[list(self.records.selection[-1:])]

    def _settle(self) -> None:
        """Fields, leaves and buttons are about what is chosen now, and about no record when none is."""
        rows = self._shown.iloc[list(self.records.selection)]
        if (now := (refusal_keys(rows), refusal_keys(self.chosen))) == (self._chosen, self._in_view):
            return
        moved = now[0][-1:] != self._chosen[-1:]
        (self._chosen, self._in_view), self._turn = now, self._turn + 1
        if moved:
            self._options = []
            self._show_known()
            self._say(CHOOSE)
        self.form.fields = self._fields()
        self._decide(None)

    def _open(self) -> None:
        """What is known of the record chosen last."""
        self._settle()
        if self._last.empty:
            return
        row = self.workshop.as_read(self._last.iloc[0])
        nearest = "" if row["fixed"] else self._nearest(row)
        self._say(of_a_record(row, nearest, is_cell_known=self._sure or self._cells.empty))

    def _nearest(self, row: pd.Series) -> str:
        """What the cell that is wrong may say, as a sentence, and to choose from: codes of the ODS, or schools."""
        if self._cells.empty:
            return ""
        cell = self._cells.iloc[0]
        lists_schools = self._sure and self.workshop.refusal(row).schools_for(cell)
        said = (
            tried(lambda: self._offer(row, cell))
            if lists_schools or row["cause_id"] == "code-unknown"
            else ""
        )
        return f"{said} " if said and isinstance(said, str) else ""

    def _offer(self, row: pd.Series, cell: Mapping[str, Any]) -> str:
        """The same for a cell of a record."""
        refusal = self.workshop.refusal(row)
        schools = refusal.schools_for(cell)
        self._options = list(schools) or refusal.values_for(str(cell["value"]))
        self.form.fields = self._fields()
        return offered(self._options, schools)

    def _show_known(self) -> None:
        """The leaves and the fields for the record chosen last, or for none."""
        known = [self.workshop.refusal(self.workshop.as_read(row)) for _, row in self._last.iterrows()]
        cells = tried(known[0].cells) if known else None
        self._cells = cells if isinstance(cells, pd.DataFrame) else pd.DataFrame()
        self._sure = bool(known) and not self._cells.empty and bool(cell_text(known[0].row["field"]))
        self._to_correct = self._sure and known[0].waits_for_correction()
        self.leaves.about(known[0] if known else None, self._masker)
        self.form.fields = self._fields()

    @property
    def _masker(self) -> Masker:
        return self.workshop.run.masker(self.workshop.refused)

    def _fields(self) -> list[dict[str, Any]]:
        return [
            {"name": "cell", "label": "Cell", "of": self._turn, **choices_of(self._cells, sure=self._sure)},
            {"name": "value", "label": "should be", "options": self._options, "of": self._turn},
            {"name": "reason", "label": "Reason", "wide": True},
            {"name": "author", "label": "Your name", "start": name_of_a_person()},
        ]

    def _decide(self, checked: tuple[Any, pd.DataFrame] | None) -> None:
        """What can be sent now: what was checked, and without a check nothing."""
        self._checked = checked
        self._switch()

    @property
    def _is_checked(self) -> bool:
        """Whether what was checked is what is chosen now."""
        return self._checked is not None and refusal_keys(self._checked[1]) == refusal_keys(self.chosen)

    def _switch(self) -> None:
        """Each button says how many records it is about, and is off where there is none; the next one stands out."""
        count, chosen, checked = len(self.chosen), bool(self.records.selection), self._is_checked
        self.form.relabel(**labels(count, alone=count == 1 and chosen, checked=checked))
        to_correct = self._to_correct and count == 1
        self.form.lead(next_one(checked=checked, to_correct=to_correct))
        working = self.filters["state"].value == OPEN
        can = able(count, chosen=chosen, cells=not self._cells.empty, working=working, checked=checked)
        self.form.switch(**{name: not possible for name, possible in can.items()})

    def _cell(self, named: str) -> Mapping[str, Any]:
        return next(row for row in self._cells.to_dict("records") if name_of(row) == named)

    def _pressed(self, name: str, typed: Mapping[str, str]) -> None:
        if name.startswith("choose:"):
            return
        if self.form.outdated:
            self._say(_MOVED)
            return
        if self.filters["state"].value != OPEN and name not in TO_HAND_ON:
            self._say("This list is to look at. Show the open ones to work on them.")
            return
        if self.chosen.empty or (name in ABOUT_ONE and self._cells.empty):
            self._say(CHOOSE)
            return
        if name in ABOUT_ONE and typed["cell"] == NOT_SURE:
            self._say("Choose under Cell which one you mean first.")
            return
        self.form.switch(**dict.fromkeys(BUTTONS, True))
        try:
            getattr(self, f"_{name}")(typed)
        except EdfiToolkitError as error:
            self._say(str(error))
        finally:
            self._switch()

    def _working(self, label: str) -> Progress:
        """Says at the buttons how far a step is, from now on."""

        def say(done: int, total: int | None, counts: Mapping[str, int] = NO_COUNTS, /) -> None:
            self.status.say(f'<p role="status">{label} … {progress_text(done, total, counts)}</p>')

        self.status.say(f'<p role="status">{label} …</p>')
        return say

    def _values(self, typed: Mapping[str, str]) -> None:
        cell = self._cell(typed["cell"])
        said = self._offer(self._last.iloc[0], cell)
        self._say(f"{said} Further rows with the same code: {cell['others']:,}." if said else NO_LIST)

    def _correct(self, typed: Mapping[str, str]) -> None:
        self._keep(typed, everywhere=False)

    def _everywhere(self, typed: Mapping[str, str]) -> None:
        self._keep(typed, everywhere=True)

    def _keep(self, typed: Mapping[str, str], *, everywhere: bool) -> None:
        cell, opened = self._cell(typed["cell"]), self._last
        before = self.workshop.corrected(cell, everywhere=everywhere)
        number = self.workshop.correct(
            cell,
            typed["value"],
            author=typed["author"],
            reason=typed["reason"],
            everywhere=everywhere,
        )
        self._decide(None)
        self.form.clear("value", "reason")
        ledger_changed()
        also = f" Rows it changes too: {cell['others']:,}." if everywhere and cell["others"] else ""
        instead = f" It replaces {before}." if before else ""
        then = self.workshop.of_another(cell, typed["value"]) or (
            "Check again reads the source with it; nothing is sent yet."
        )
        self._say(
            f"Kept as correction {number} of {cell['table']}.{cell['column']}.{instead}{also} {then}",
            opened,
        )

    def _check(self, typed: Mapping[str, str]) -> None:
        rows = self.chosen
        again, now = self.workshop.check(rows, progress=self._working("Checking again"))
        self._show_known()
        self._decide(None if now["now"].eq(SHARED).any() else (again, rows))
        self._say(of_a_check(again, now, author=typed["author"]), rows)

    def _retry(self, typed: Mapping[str, str]) -> None:
        if not self._is_checked or self._checked is None:
            self._say(CHECK_FIRST)
            return
        again, rows = self._checked
        self.workshop.approve(again, person=typed["author"])  # without a name what was checked stays so
        self._decide(None)
        try:
            self.workshop.send(again, rows, progress=self._working("Publishing"))
        finally:
            ledger_changed()
        self._say(self.workshop.became_of(rows), rows)

    def _dismiss(self, typed: Mapping[str, str]) -> None:
        if not self.records.selection:
            self._say("Choose the records to dismiss.")
            return
        rows = self.chosen
        for _, row in rows.iterrows():
            self.workshop.dismiss(row, author=typed["author"], reason=typed["reason"])
        ledger_changed()
        self.form.clear("reason")
        self._say(f"{len(rows):,} dismissed until their record changes.", rows)

    def _hand_on(self, _typed: Mapping[str, str], *, reveal: bool = False) -> None:
        rows = self.chosen
        path = self.workshop.hand_on(rows, reveal=reveal)
        said, link = of_a_file(path, len(rows), reveal=reveal)
        self._say(said)
        self.file.outputs = link

    def _hand_on_ids(self, typed: Mapping[str, str]) -> None:
        self._hand_on(typed, reveal=True)

    def _say(self, text: str, about: pd.DataFrame | None = None) -> None:
        """Say this; after something was done, to whom. about: the refusals that it was done to."""
        self.file.outputs = ()
        self.status.show(
            lambda eyes: f'<p role="status">{escape(whom(about, eyes) + eyes.text(text))}</p>', self._masker
        )
