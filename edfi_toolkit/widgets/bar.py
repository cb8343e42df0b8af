"""The bar over every notebook: what it is about, how far the run is, READ AGAIN, and the form to choose.

`Bar` can be used from Python: `change`, `read_again`, `newest` (buttons), `form`, `run`. It draws itself again after
each cell.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from html import escape
from typing import Any

import ipywidgets as w

from edfi_toolkit.display.attended import shell
from edfi_toolkit.display.cards import TONES, card_html, readable
from edfi_toolkit.display.following import changed_elsewhere, follow
from edfi_toolkit.display.links import with_notebook_links
from edfi_toolkit.display.texts import visible
from edfi_toolkit.errors import EdfiToolkitError
from edfi_toolkit.model.years import school_year_text
from edfi_toolkit.runs.choice import in_use, remember, remembered
from edfi_toolkit.runs.feed import newer_run
from edfi_toolkit.runs.folder import RunFolder
from edfi_toolkit.runs.ledger_now import ledger_now, ledger_stamp
from edfi_toolkit.runs.manifest import standing_of
from edfi_toolkit.runs.opening import open_run
from edfi_toolkit.runs.read_again import read_again
from edfi_toolkit.runs.run import Run
from edfi_toolkit.runs.standing import LedgerNow, began, chain
from edfi_toolkit.settings import load_settings, without_credentials
from edfi_toolkit.widgets.choosing import ChoiceForm
from edfi_toolkit.widgets.message import Message
from edfi_toolkit.widgets.progress import ProgressBar
from edfi_toolkit.widgets.rerun import Rerun

_LOOKS_EACH_S = 2
_LONGEST_PLACE = 60  # characters of a path; its end says more than its beginning


class Bar:
    """Shows itself by `show`. given: the parameters of the notebook."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.given = dict(given)
        self.run: Run | None = None
        self._set_here: list[str] = []
        self._page: Any = None
        self._shown = ""
        self._now: LedgerNow | None = None
        self._next, self._reading = "", False
        self._newer: Mapping[str, Any] | None = None
        self._seen: tuple[Any, ...] | None = None
        self.read_again = w.Button(
            description="Read again",
            icon="refresh",
            tooltip="Read the source again, and take the run as far as the preview. Nothing is sent.",
        )
        self.change = w.Button(
            description="Change …", icon="pencil", tooltip="Choose profile, year, source, target or run"
        )
        self.newest = w.Button(
            description="Open the newest run",
            icon="fast-forward",
            button_style="warning",
            tooltip="Show the newest run here and in the other notebooks",
            layout=w.Layout(display="none", width="auto"),
        )
        self.output, self.message, self.form_place = w.Output(), Message(), w.VBox()
        self.rerun = Rerun(lands=True)
        self.read_again.on_click(self._read)
        self.change.on_click(self._open_form)
        self.newest.on_click(self._open_newest)
        self._buttons = w.HBox([self.read_again, self.change, self.newest, self.rerun])
        self.box = w.VBox([self._buttons, self.form_place, self.output, self.message])

    def open(self) -> Run:
        """The run that is meant. Raises ConfigError, after the form to choose another has been opened."""
        installation = load_settings()
        try:
            used, self._set_here = in_use(self.given, remembered(installation))
            self.run = open_run(**used, settings=self.given.get("settings"))
            if used["run_id"] == "new":
                self._follow_newest()
        except EdfiToolkitError:
            self.read_again.disabled = True
            self._open_form()
            raise
        return self.run

    def show(self) -> None:
        """Put the bar where the cell's output is, and keep its numbers true from then on."""
        from IPython.display import HTML, display

        self.look()
        self._shown = self._html()
        self._page = display(HTML(self._shown), display_id=True)
        display(self.box)
        _draw_after_each_cell(self)
        follow("bar", self.look, tells=True)

    def watch(self) -> None:
        """Where another notebook or program has changed the run or the ledger, let all that tells of it follow."""
        if self.run is None:
            return
        now = (self.run.folder.manifest, ledger_stamp(self.run), self._newer_run() is None)
        if now != self._seen:
            self._seen = now
            changed_elsewhere()

    def look(self) -> None:
        """Ask what no file of the run says: what the ledger knows now, and whether a newer run is there; show it."""
        with suppress(EdfiToolkitError):  # then as it was when the run published
            self._now = ledger_now(self.run) if self.run is not None else None
        self._next = standing_of(self.run, self._now)[1] if self.run is not None else ""
        with suppress(EdfiToolkitError):
            newer = self._newer_run()
            self._newer = newer.manifest if newer else None
        self.newest.layout.display = "" if self._newer and not self._named_here else "none"
        self.draw()

    def _newer_run(self) -> RunFolder | None:
        """A run that is newer than the one that is shown; none where this notebook starts one, or the bar does."""
        starts = self.given.get("run_id") == "new" and self.run is not None and not self.run.folder.manifest
        if self.run is None or self._reading or starts:
            return None
        return newer_run(self.run)

    @property
    def _named_here(self) -> bool:
        """Whether the notebook's first cell names its run: then no choice counts here."""
        return self.given.get("run_id", "latest") not in ("latest", "new")

    def draw(self) -> None:
        """Show the numbers as they are now."""
        from IPython.display import HTML

        fresh = self._html()
        if self._page is not None and fresh != self._shown:
            self._shown = fresh
            self._page.update(HTML(fresh))

    def _html(self) -> str:
        if self.run is None:
            return card_html("Nothing is open", "Choose below what this notebook is about.", tone="check")
        run, manifest = self.run, self.run.folder.manifest
        year = school_year_text(run.school_year) if run.school_year is not None else "every year"
        about = " · ".join(
            f"<b>{escape(visible(part))}</b>"
            for part in (_source_text(run), run.profile, year, f"to: {run.target_name}")
        )
        numbers = " <span style='opacity:.75'>▸</span> ".join(
            f'<a href="{number.notebook}.ipynb" style="white-space:nowrap{_colour(number.tone)}">'
            f"{escape(number.text)}</a>"
            for number in chain(manifest, self._now)
        )
        run_of = f"run of {began(manifest)}" if "started_at" in manifest else "a new run"
        begin = "Nothing was read yet. Press <b>Read again</b>, or open <a href='10_extract.ipynb'>10_extract</a>."
        if self._reading:
            begin = "The source is being read. Nothing is sent by that."
        here = (
            f"<div style='opacity:.85'>Set in this notebook's first cell, and counts here: "
            f"{escape(', '.join(name.replace('_', ' ') for name in self._set_here))}.</div>"
            if self._set_here
            else ""
        )
        return (
            "<div style='border-left:4px solid var(--jp-brand-color1,#1976d2);padding:2px 0 2px 12px;margin:4px 0'>"
            f"<div style='display:flex;flex-wrap:wrap;gap:4px 24px;justify-content:space-between'><span>{about}</span>"
            f"<span title='{escape(run.id)}, times of {escape(_zone())}'>{escape(run_of)}</span></div>"
            f"<div>{numbers or begin}</div>{self._next_html() if numbers else ''}{self._older_html()}{here}</div>"
        )

    def _next_html(self) -> str:
        """What to do next of the run that is shown; where a newer one is there, that is to look at it."""
        if self._reading or self._newer:
            return ""
        return f"<div><b>Next:</b> {with_notebook_links(self._next)}</div>"

    def _older_html(self) -> str:
        """That a newer run is there, and how to see it; nothing where this one is the newest."""
        if self.run is None or not self._newer:
            return ""
        mark, colour, _word = TONES["check"]
        manifest, newest = self.run.folder.manifest, began(self._newer)
        how = (
            ' This notebook\'s first cell names it: write run_id = "latest" there, then run all cells.'
            if self._named_here
            else ""
        )
        older = f"This is an older run, of {began(manifest)}. The newest" if manifest else "The newest run"
        text = f"{older} is of {newest}.{how}"
        return f'<div><b style="color:{readable(colour)}">{mark}</b> <b>{escape(text)}</b></div>'

    def _open_form(self, _button: Any = None) -> None:
        if self.form_place.children:
            self.form_place.children = []
            return
        used = in_use(self.given, remembered(load_settings()))[0] if self.run is None else _of(self.run)
        self.form = ChoiceForm(used, on_use=self._use, on_cancel=self._open_form)
        self.form_place.children = [self.form]

    def _use(self, choice: Mapping[str, Any]) -> None:
        """Remember a choice and open its run. Raises what `open_run` raises; nothing is remembered then."""
        opened = open_run(**choice, settings=self.given.get("settings"))
        remember(opened.installation, choice)
        self._set_here = [name for name in self._set_here if choice[name] != self.given[name]]
        self._becomes(opened)
        self.form_place.children = []
        self.rerun.ask()

    def _follow_newest(self) -> None:
        """Who starts a run, or asks for the newest, gets it in all notebooks; where the first cell says more, here."""
        if self.run is not None and not self._set_here:
            remember(self.run.installation, {**_of(self.run), "run_id": "latest"})

    def _open_newest(self, _button: Any = None) -> None:
        if self.run is None:
            return
        self._follow_newest()
        with self.message.mistakes():
            self._becomes(
                open_run(**{**_of(self.run), "run_id": "latest"}, settings=self.given.get("settings"))
            )
            self._run_again()

    def _run_again(self) -> None:
        if self.given["run_id"] != "new":  # there Run All would read once more
            self.rerun.ask()

    def _becomes(self, run: Run) -> None:
        kernel_shell = shell()
        if kernel_shell is not None and kernel_shell.user_ns.get("run") is self.run:
            kernel_shell.user_ns["run"] = run
        self.run = run
        self.read_again.disabled = False
        self.look()

    def _switch(self, can: bool) -> None:
        for button in (self.read_again, self.change, self.newest):
            button.disabled = not can
        self._reading = not can
        self.look()

    def _read(self, _button: Any = None) -> None:
        self.read(self.output, self.message)

    def read(self, output: w.Output, message: Message) -> None:
        """Read again, with the progress in one place and what came of it in another."""
        if self.run is None:
            return
        self._switch(False)
        output.clear_output()
        message.show("")
        with output:
            try:
                with message.mistakes():
                    again = read_again(
                        self.run, progress=ProgressBar("Reading again", panel=True, steps=True)
                    )
                    self._follow_newest()
                    self._becomes(again)
                    self._run_again()
            finally:
                self._switch(True)


_current: list[Bar] = []


def read_again_of_bar() -> w.VBox | None:
    """A button that does what *Read again* in the bar over this notebook does; None where no bar is."""
    if not _current:
        return None
    bar, output, message = _current[-1], w.Output(), Message()
    button = w.Button(description="Read again", icon="refresh", button_style="primary")

    def read(_button: Any) -> None:
        button.disabled = True
        try:
            bar.read(output, message)
        finally:
            button.disabled = False

    button.on_click(read)
    return w.VBox([button, output, message])


def _draw_after_each_cell(bar: Bar) -> None:
    """The bar that was shown last is kept true."""
    kernel_shell = shell()
    if kernel_shell is None:
        return
    if not _current:
        kernel_shell.events.register("post_run_cell", lambda *_: _current[-1].look())
        threading.Thread(target=_draw_now_and_then, name="edfi-bar", daemon=True).start()
    _current[:] = [bar]


def _draw_now_and_then() -> None:
    """A button, or a notebook in another tab, takes the run on without a cell of this one."""
    while True:
        time.sleep(_LOOKS_EACH_S)
        with suppress(
            Exception
        ):  # a run that was removed meanwhile, say: the next cell tells, and this goes on
            _current[-1].watch()


def _source_text(run: Run) -> str:
    text = without_credentials(run.source.name)
    return text if len(text) <= _LONGEST_PLACE else f"…{text[-_LONGEST_PLACE:]}"


def _zone() -> str:
    return dt.datetime.now().astimezone().tzname() or "this machine"


def _colour(tone: str) -> str:
    """A line under the number: amber letters would be hard to read on white."""
    return f";border-bottom:2px solid {TONES[tone][1]}" if tone else ""


def _of(run: Run) -> dict[str, Any]:
    return {
        "profile": run.profile,
        "school_year": run.school_year,
        "source": run.installation.written(run.source),
        "target": run.target_name,
        "run_id": run.id,
    }
