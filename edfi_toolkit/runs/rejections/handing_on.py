"""All that keeps records out of the ODS, by who can solve it, in one workbook to hand on: what the ODS refused, records
that are held, rows that a rule skipped, rows that could not be read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from edfi_toolkit.display.panels import panels
from edfi_toolkit.display.values import counted
from edfi_toolkit.errors import ConfigError
from edfi_toolkit.planning.chosen import Chosen
from edfi_toolkit.review.missing import missing
from edfi_toolkit.review.places import state_ids, with_source_rows
from edfi_toolkit.review.steps import held_view
from edfi_toolkit.review.views import PanelView, View
from edfi_toolkit.review.workbook import OPEN_WORK, write_refusals
from edfi_toolkit.runs.feed import feed_of, is_retry
from edfi_toolkit.runs.folder import RunFolder, runs_newest_first
from edfi_toolkit.runs.rejections.workshop import Workshop, known_by_name

if TYPE_CHECKING:
    from edfi_toolkit.runs.run import Run
    from edfi_toolkit.validation import Checked

REFUSED = "refused"
_OFFERED = {"all": "Hand on all that is open", "ids": "Hand on all with student ids"}


def held_of(run: Run) -> View:
    """What was never sent; where a person is, with buttons that hand on all that is open, the refusals too."""
    view = held_view(run.checked, run.plan, run.masker(run.plan.items, run.plan.findings))
    if panels().unattended():
        return view

    def write(name: str, _typed: Mapping[str, str]) -> None:
        work, path = hand_on_all(run, reveal=name == "ids")
        whose = "with real student ids: give it only to who is to correct them" if name == "ids" else "masked"
        written = f"{counted(len(work), 'line')} to hand on, a sheet for each owner, {whose}."
        waiting.becomes(View(**{**vars(view), "says": f"{view.says} {written}", "files": [path]}))

    waiting = PanelView(**vars(view), panel=lambda: panels().buttons(_OFFERED, write))
    return waiting


def hand_on_all(run: Run, *, reveal: bool = False) -> tuple[pd.DataFrame, Path]:
    """All that is open, as of `open_work`, and the workbook of it in the run's folder: a sheet for each owner."""
    work = open_work(run)
    masker = run.masker(work)
    path = run.path / ("hand-on-all-revealed.xlsx" if reveal else "hand-on-all.xlsx")
    shown = known_by_name(run, work, masker) if reveal else work
    write_refusals(path, shown, masker=masker.revealed() if reveal else masker, columns=OPEN_WORK)
    return work, path


def open_work(run: Run) -> pd.DataFrame:
    """One row for each refusal that is open and each row of `never_sent`, once for each owner; refusals first."""
    refused = pd.DataFrame()
    if run.target_name in run.installation.targets:
        workshop = Workshop(run)
        refused = still_refused(workshop.open, run.checked)
        refused = with_source_rows(workshop.named(refused), run.tables).assign(state=REFUSED)
    return by_owner(refused, never_sent(run.checked))


def still_refused(refused: pd.DataFrame, checked: Checked) -> pd.DataFrame:
    """The refusals of records that are not held by now, for a reason of today."""
    return refused[~Chosen.of(checked.held).among(refused)] if len(refused) else refused


def by_owner(*parts: pd.DataFrame) -> pd.DataFrame:
    """Lists to hand on as one, what several can solve once for each of them."""
    every = pd.concat([part for part in parts if len(part)] or parts[-1:], ignore_index=True)
    if every.empty:
        return every
    return every.assign(who=every["who"].str.split(", ")).explode("who", ignore_index=True)


def never_sent(checked: Checked) -> pd.DataFrame:
    """`review.missing` with the state id of each student, else the id of the SIS."""
    found = missing(checked).rename(columns={"program": "program_name"})
    of_students = state_ids(found["student_id"], checked.build.tables)
    return found.drop(columns="student_id").assign(student_unique_id=of_students)


def newest_checked(runs: Path, run_id: str | None = None) -> Iterator[Checked]:
    """What the newest run of each source and target has checked, or one run. runs: the folder of the runs.

    Raises ConfigError where that one run has checked nothing.
    """
    from edfi_toolkit.runs.artifacts import load_build, load_checked
    from edfi_toolkit.tables import Tables

    seen = set[tuple[Any, ...]]()
    for folder in [RunFolder(runs, run_id)] if run_id else runs_newest_first(runs):
        manifest = folder.manifest
        feed = feed_of(manifest)
        if run_id and not folder.has("validate"):
            raise ConfigError(f"Run {run_id} has checked nothing. Run notebook 20 in it, or leave out --run.")
        if not folder.has("validate") or is_retry(manifest) or feed in seen:
            continue
        seen.add(feed)
        tables = Tables.load(folder.path / "tables")
        yield load_checked(folder, load_build(folder, manifest["profile"], tables))
