"""What a run leaves for people without a notebook: its workbook, and the sections of its report."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from edfi_toolkit.display.attended import attended
from edfi_toolkit.display.panels import panels
from edfi_toolkit.errors import EdfiToolkitError
from edfi_toolkit.review.answers import rejections_view
from edfi_toolkit.review.places import with_organizations, with_source_rows
from edfi_toolkit.review.report import with_section
from edfi_toolkit.review.sheets import RunContent, sheets
from edfi_toolkit.review.steps import corrections_view, workbook_view
from edfi_toolkit.review.views import PanelView, View
from edfi_toolkit.review.workbook import write_workbook
from edfi_toolkit.runs.approving import approval_text
from edfi_toolkit.runs.decisions.corrections import corrections_until_now
from edfi_toolkit.runs.ledger_now import delivered_since
from edfi_toolkit.runs.rejections.explained import refusals
from edfi_toolkit.runs.rejections.sent_again import sent_again
from edfi_toolkit.runs.rejections.source_places import refused_in

if TYPE_CHECKING:
    from edfi_toolkit.display.progress import Progress
    from edfi_toolkit.runs.run import Run

REPORT, WORKBOOK = "report.html", "workbook.xlsx"
_LATER = "What is solved later is not in it: a retry in notebook 50 writes it again, or 'Something to hand on' there."


def keep_current(run: Run, **sections: View) -> None:
    """Put what a step found into the report, and write the workbook where a person may open it at any time; otherwise
    who ends the run writes it once.
    """
    if attended():
        write_run_workbook(run)
    add_to_report(run, **sections)


def renew(run: Run) -> None:
    """Write report and workbook again after something was solved outside of the steps of their run."""
    add_refusals_to_report(run)
    if attended():
        leave_one(run)


def leave_one(run: Run) -> None:
    """Write it for a run that ends here, if it came to a plan; what ended the run may keep it from being written."""
    if run.folder.has("preview"):
        with suppress(EdfiToolkitError):
            write_run_workbook(run)


def write_run_workbook(
    run: Run, *, reveal: bool = False, all_records: bool = False, progress: Progress | None = None
) -> Path:
    """Write it as the run is now; with `reveal` into another file. Returns the path.

    all_records: with a sheet of all records, unchanged ones too. progress: as of `write_workbook`.
    """
    if progress is not None:
        progress(0, None)  # what is on the sheets takes a while to collect
    rejected = _refused(run)
    results = run.folder.load_frame("results") if (run.path / "results.parquet").is_file() else pd.DataFrame()
    corrections = corrections_until_now(run)
    has_target = run.target_name in run.installation.targets
    content = RunContent(
        run.folder.manifest,
        run.plan,
        run.checked,
        rejected,
        results,
        corrections,
        f"{_now()}. {_LATER}",
        sent_again(run),
        delivered_since(results, rejected) if len(results) and has_target else None,
        approval_text(run) if has_target else "",
    )
    masker = run.masker(run.plan.items, rejected, corrections)
    name = "workbook-revealed.xlsx" if reveal else WORKBOOK
    written = write_workbook(
        run.path / name,
        sheets(content, all_records=all_records),
        masker=masker.revealed() if reveal else masker,
        progress=progress,
    )
    run.folder.seal(name)
    return written


def _refused(run: Run) -> pd.DataFrame:
    """All refusals of the feed and who got them; before the run has published those that are still open."""
    if run.target_name not in run.installation.targets:
        return pd.DataFrame()
    refused = refusals(run)
    if not run.published:
        refused = refused[refused["open"]].reset_index(drop=True)
    return refused.assign(refused_in=refused_in(refused, run.folder))


def workbook_of(run: Run, *, reveal: bool, all_records: bool) -> View:
    """Write it and say where it is; where a person is, with progress and buttons for all records and for real ids."""
    progress = panels().progress("Writing the workbook", steps=True) if attended() else None
    path = write_run_workbook(run, reveal=reveal, all_records=all_records, progress=progress)
    masked = run.path / WORKBOOK
    earlier = [masked] if reveal and masked.is_file() else []
    view = workbook_view(path, run.masker(), reveal=reveal, all_records=all_records, earlier=earlier)
    offered = {} if all_records else {"all": "Add all records"}
    offered |= {} if reveal else {"ids": "With student ids"}
    if not offered or panels().unattended():
        return view

    def write(name: str, _typed: Mapping[str, str]) -> None:
        wanted = {"reveal": reveal or name == "ids", "all_records": all_records or name == "all"}
        waiting.replace_with(workbook_of(run, **wanted))

    waiting = PanelView(**vars(view), panel=lambda: panels().buttons(offered, write))
    return waiting


def add_refusals_to_report(run: Run, rejected: pd.DataFrame | None = None) -> View:
    """Put the refusals of the run's feed and the corrections of its source into the report; the refusals by cause.

    rejected: as of `refusals`, where that is known.
    """
    rejected = refusals(run) if rejected is None else rejected
    view = rejections_view(rejected, run.masker(rejected), placed=lambda refused: _placed(run, refused))
    if run.folder.has("extract"):
        given = corrections_until_now(run)
        masker = run.masker(given)
        add_to_report(run, rejections=view, corrections=corrections_view(run.tables, given, masker))
    return view


def _placed(run: Run, refused: pd.DataFrame) -> pd.DataFrame:
    """Refusals with the run that got them, and where this run has read its source with organizations by name, and with
    file and row.
    """
    refused = refused.assign(refused_in=refused_in(refused, run.folder))
    if not run.folder.has("extract"):
        return refused
    return with_source_rows(with_organizations(refused, run.tables, run.profile), run.tables)


def _now() -> str:
    return f"{dt.datetime.now().astimezone():%Y-%m-%d %H:%M}"


def add_to_report(run: Run, **sections: View) -> None:
    """Put what a step found into the run's report, which validation began."""
    path = run.path / REPORT
    if not path.is_file():
        return
    page = path.read_text("utf-8")
    for name, view in sections.items():
        page = with_section(page, name, view, as_of=_now())
    run.folder.write(REPORT, page.encode())
    run.folder.seal(REPORT)
