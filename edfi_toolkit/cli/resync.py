"""resync: compare with what the ODS really holds."""

from __future__ import annotations

from typing import Annotated

import typer

from edfi_toolkit.cli.options import (
    AsJson,
    FailOn,
    FailOnName,
    Given,
    Incremental,
    Mode,
    Overrides,
    ProfileName,
    Schools,
    SchoolYear,
    SourceLabel,
    SourceName,
    TargetName,
    Workbook,
    WorkbookName,
    named_source,
)
from edfi_toolkit.cli.output import say
from edfi_toolkit.cli.progress import TerminalProgress
from edfi_toolkit.cli.steps import finish, preview_of


def resync(
    source: SourceName,
    profile: ProfileName,
    target: TargetName = "sandbox",
    approve: Annotated[str, typer.Option(help="auto, or a fingerprint; without it nothing is sent.")] = "",
    school_year: SchoolYear = None,
    given: Given = None,
    school: Schools = None,
    incremental: Incremental = None,
    override: Overrides = None,
    source_name: SourceLabel = None,
    fail_on: FailOnName = FailOn.left_out,
    workbook: WorkbookName = Workbook.changes,
    as_json: AsJson = False,
) -> None:
    """Compare the source with what the ODS really holds, record by record; with --approve put it right.

    For when another program has written there, the ledger was lost, or a resource was switched on again.

    Exit code 0: clean. 3: something is held or was refused. 4: a guardrail. 5: run it again.

    Example: edfi-toolkit resync north --profile certification --school-year 2026 --target sandbox
    """
    run, view = preview_of(
        named_source(source, source_name),
        profile,
        school_year,
        target,
        given,
        Mode.resync,
        schools=school,
        incremental=incremental,
        login_first=True,
    )
    if approve or as_json:
        say(view.says)
    if approve:
        with TerminalProgress("Publishing") as progress:
            view = run.publish(approved=approve, overrides=override or [], progress=progress)
    finish(run, view, as_json, fail_on, workbook)
