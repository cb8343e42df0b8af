"""plan: what publishing would change."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edfi_toolkit.cli.options import (
    AsJson,
    Given,
    Mode,
    ModeName,
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
from edfi_toolkit.cli.steps import finish, preview_of


def plan(
    source: SourceName,
    profile: ProfileName,
    target: TargetName = "sandbox",
    school_year: SchoolYear = None,
    mode: ModeName = Mode.publish,
    given: Given = None,
    school: Schools = None,
    live: Annotated[
        bool, typer.Option("--live", help="Read the ODS too: what others have changed there meanwhile.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Folder to save the plan in, for publish.")] = None,
    source_name: SourceLabel = None,
    workbook: WorkbookName = Workbook.changes,
    as_json: AsJson = False,
) -> None:
    """Preview: what publishing would change. Nothing is sent.

    Exit code 0: clean. 3: something is held. 4: a guardrail would refuse it. 5: the target could not be asked.

    Example: edfi-toolkit plan north --profile certification --school-year 2026 --target sandbox
    """
    run, view = preview_of(
        named_source(source, source_name),
        profile,
        school_year,
        target,
        given,
        mode,
        live=live,
        schools=school,
    )
    if out is not None:
        run.plan.save(out)
        say(f"Saved the plan in {out}")
    finish(run, view, as_json, workbook=workbook)
