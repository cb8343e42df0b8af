"""Panels for notebooks. Wiring only: what they show is computed elsewhere and can be tested without them.

In an unattended run (`EDFI_UNATTENDED=1`) each gives its static form, always masked. Nothing is ever fetched
from the network. A frame given without a masker is masked by pseudonyms that hold until the kernel restarts.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from edfi_toolkit.display.bars import Bars
from edfi_toolkit.display.panels import UNATTENDED
from edfi_toolkit.display.tables import Table
from edfi_toolkit.privacy import Masker, session_masker
from edfi_toolkit.widgets.progress import ProgressBar

if TYPE_CHECKING:
    from edfi_toolkit.planning import Plan
    from edfi_toolkit.runs import Run
    from edfi_toolkit.runs.checks import Checks
    from edfi_toolkit.runs.decisions.listed import Decided
    from edfi_toolkit.runs.rejections.workshop import Workshop
    from edfi_toolkit.widgets.approval import Approval, Publishing
    from edfi_toolkit.widgets.charts import Chart
    from edfi_toolkit.widgets.check_form import CheckForm
    from edfi_toolkit.widgets.decided_panel import DecidedPanel
    from edfi_toolkit.widgets.form import Form
    from edfi_toolkit.widgets.grids import Below, Grid
    from edfi_toolkit.widgets.investigation import Reasons
    from edfi_toolkit.widgets.row_buttons import RowActions
    from edfi_toolkit.widgets.student_panel import StudentPanel
    from edfi_toolkit.widgets.workshop_panel import WorkshopPanel

__all__ = [
    "approve",
    "bar_over",
    "bars",
    "buttons",
    "decided",
    "grid",
    "own_checks",
    "participation",
    "progress",
    "publish",
    "read_again_here",
    "reasons",
    "row_actions",
    "set_up",
    "student",
    "table",
    "unattended",
    "workshop",
]


def unattended() -> bool:
    """Whether no person is watching, which the batch runner sets."""
    return os.environ.get(UNATTENDED) == "1"


def grid(
    frame: pd.DataFrame,
    *,
    masker: Masker | None = None,
    title: str = "",
    page_size: int = 25,
    height: str | None = None,
    empty: str = "",
    below: Below | None = None,
) -> Grid | Table:
    """Rows to filter, sort and select; `.selected` and `.selected_rows` give them to Python.

    frame: real values; masked on the screen until Reveal is pressed. height: of the rows, as CSS ("300px").
    empty: what to say when the frame has no rows. below: makes the buttons below it, as `row_actions` does.
    """
    masker = masker or session_masker()
    if unattended():
        return Table(frame, masker=masker, title=title, empty=empty)
    from edfi_toolkit.widgets.grids import Grid

    options: dict[str, Any] = {"page_size": page_size, "height": height, "empty": empty, "below": below}
    return Grid(frame, masker=masker, title=title, **options)


def bar_over(given: Mapping[str, Any]) -> Run:
    """The bar over a notebook, and the run it is about. given: the notebook's parameters.

    Raises ConfigError where there is no such run; the bar then has the form to choose another.
    """
    from edfi_toolkit.widgets.bar import Bar

    bar = Bar(given)
    try:
        return bar.open()
    finally:
        bar.show()


def read_again_here() -> None:
    """Show the button of the bar that reads the source again, where it is needed; nothing where there is no bar."""
    from IPython.display import display

    from edfi_toolkit.widgets.bar import read_again_of_bar

    if button := read_again_of_bar():
        display(button)


def set_up() -> None:
    """Show the form that sets up sources and targets."""
    from IPython.display import display

    from edfi_toolkit.widgets.setup_form import SetUp

    display(SetUp())


def table(frame: pd.DataFrame, *, masker: Masker | None = None, rows: int = 20, title: str = "") -> Table:
    """The first rows, always masked, and how many there are."""
    return Table(frame, masker=masker or session_masker(), rows=rows, title=title)


def bars(counts: pd.Series | pd.DataFrame, title: str) -> Chart | Bars:
    """Horizontal bars, one a row, labelled with its index and its value; of a frame in parts, one a column."""
    if unattended():
        return Bars(counts, title)
    from edfi_toolkit.widgets.charts import bars as drawn

    return drawn(counts, title)


def participation(by_day: pd.DataFrame, by_school: pd.DataFrame, title: str) -> Chart | Bars:
    """Students by program over the year, and by school."""
    if unattended():
        days = by_day.set_axis(by_day.index.strftime("%Y-%m-%d"))
        return Bars(days, title, below=Bars(by_school, "By school, all year"))
    from edfi_toolkit.widgets.charts import participation as drawn

    return drawn(by_day, by_school, title)


def progress(label: str, refusals: Callable[[], str] | None = None, *, steps: bool = False) -> ProgressBar:
    """A callable `(done, total, counts) -> bool` that shows a bar; False means that Stop was pressed.

    refusals: the newest refusals as masked HTML, asked for when their number has grown. steps: as of `ProgressBar`.
    """
    here = _in_notebook()
    return ProgressBar(
        label, panel=here and not unattended(), interruptible=here, refusals=refusals, steps=steps
    )


def approve(plan: Plan, on_approve: Callable[[str, Mapping[str, str]], Any]) -> Approval | Table:
    """Each breach with a field for its answer, a name, and an Approve button: `on_approve(name, answers)`.

    Unattended: the counts; nothing is approved.
    """
    from edfi_toolkit.widgets.approval import Approval, counts_by_action

    if unattended():
        return Table(counts_by_action(plan), masker=session_masker(), title=f"Plan {plan.fingerprint}")
    return Approval(plan, on_approve)


def buttons(named: Mapping[str, str], on_press: Callable[[str, Mapping[str, str]], None]) -> Form:
    """Buttons by name and label; `on_press(name, {})`."""
    from edfi_toolkit.widgets.form import Form

    return Form([], named, on_press)


def own_checks(checks: Checks) -> CheckForm:
    """The form that adds a check to the workspace."""
    from edfi_toolkit.widgets.check_form import CheckForm

    return CheckForm(checks)


def publish(carry_out: Callable[[], Any], goes_on: Callable[[], bool] = lambda: False) -> Publishing:
    """A Publish button for a plan that was approved; what `carry_out` shows appears below it.

    goes_on: afterwards, whether something is left to send.
    """
    from edfi_toolkit.widgets.approval import Publishing

    return Publishing(carry_out, goes_on)


def reasons(
    frame: pd.DataFrame,
    *,
    masker: Masker | None = None,
    explain: Callable[[str], str] | None = None,
    title: str = "Rows",
    empty: str = "",
    below: Below | None = None,
) -> Reasons | Table:
    """Rejected, held or skipped rows, one cause at a time. explain: what a cause means, as a sentence.

    title: what the rows are. empty: what to say when there are none. below: as of `grid`.
    """
    if unattended():
        from edfi_toolkit.widgets.cause_lists import causes

        counts = causes(frame).rename_axis("cause").reset_index(name="rows")
        return Table(counts, masker=masker or session_masker(), title=f"{title}, by cause", empty=empty)
    from edfi_toolkit.widgets.investigation import Reasons

    options: dict[str, Any] = {"explain": explain, "title": title, "empty": empty, "below": below}
    return Reasons(frame, masker=masker or session_masker(), **options)


def row_actions(run: Run, columns: list[str], rows: Callable[[], pd.DataFrame]) -> RowActions:
    """Buttons about the chosen rows of a list: their student's story, and dismissing findings.

    columns: of the list. rows: those that are chosen, the last one last.
    """
    from edfi_toolkit.widgets.row_buttons import RowActions

    return RowActions(run, columns, rows)


def decided(decided: Decided, changed: Callable[[], object]) -> DecidedPanel:
    """What people corrected and dismissed, and a button that ends what is chosen. changed: called after each change."""
    from edfi_toolkit.widgets.decided_panel import DecidedPanel

    return DecidedPanel(decided, changed)


def workshop(workshop: Workshop, changed: Callable[[], object]) -> WorkshopPanel:
    """Refusals by cause, all that is known of one, and what a person can do about it. changed: as of `decided`."""
    from edfi_toolkit.widgets.workshop_panel import WorkshopPanel

    return WorkshopPanel(workshop, changed)


def student(run: Run) -> StudentPanel:
    """A field for a student's id or name, and that student's story."""
    from edfi_toolkit.widgets.student_panel import StudentPanel

    return StudentPanel(run)


def _in_notebook() -> bool:
    return "ipykernel" in sys.modules and hasattr(sys.modules["IPython"].get_ipython(), "kernel")
