"""run: one district, the notebooks in order, unattended."""

from __future__ import annotations

from typing import Annotated

import typer

from edfi_toolkit.cli.options import (
    AsJson,
    DryRun,
    FailOn,
    FailOnName,
    Force,
    Given,
    Mode,
    ModeName,
    Notify,
    ProfileName,
    SchoolYear,
    SourceLabel,
    StepMinutes,
    TargetName,
    Workbook,
    WorkbookName,
    named_source,
    settings_given,
)
from edfi_toolkit.cli.output import say, show, show_json, show_text
from edfi_toolkit.cli.progress import notebook_progress
from edfi_toolkit.cli.reporting import about_run, call_hook, seconds
from edfi_toolkit.cli.stopping import in_a_thread, stopping


def run(
    profile: ProfileName,
    source: Annotated[
        str | None,
        typer.Argument(metavar="[SOURCE]", help="A source named in the settings, or a folder."),
    ] = None,
    target: TargetName = "sandbox",
    school_year: SchoolYear = None,
    approve: Annotated[str, typer.Option(help="auto, or a fingerprint; without it nothing is sent.")] = "",
    mode: ModeName = Mode.publish,
    given: Given = None,
    dry_run: DryRun = False,
    force: Force = False,
    resume: Annotated[
        str, typer.Option(metavar="RUN", help="Go on with this run, from the first step that is not done.")
    ] = "",
    minutes: Annotated[int, typer.Option(min=1, help="The whole run may take this long.")] = 240,
    step_minutes: StepMinutes = 60,
    source_name: SourceLabel = None,
    fail_on: FailOnName = FailOn.left_out,
    notify: Notify = None,
    workbook: WorkbookName = Workbook.changes,
    as_json: AsJson = False,
) -> None:
    """Run the notebooks unattended: extract, validate, preview; with --approve publish and review too.

    Executed notebooks, report and workbook are in the run's folder, masked.

    Exit code 0: all is in the ODS. 1: failed. 2: settings. 3: held or refused. 4: a guardrail. 5: run again.

    Example: edfi-toolkit run north --profile certification --school-year 2026 --target sandbox --approve auto
    """
    from edfi_toolkit.batch.notebooks import Timeouts
    from edfi_toolkit.batch.unattended import run_unattended

    with stopping() as stop:
        done = in_a_thread(
            lambda: run_unattended(
                profile=profile,
                school_year=school_year,
                source=source and named_source(source, source_name),
                target=target,
                approved="" if dry_run else approve,
                mode=mode.value,
                settings=settings_given(given) or None,
                timeouts=Timeouts(run_s=60 * minutes, cell_s=60 * step_minutes),
                progress_of=notebook_progress,
                stop=stop,
                force=force,
                resume=resume,
                begun=about_run,
            )
        )
    if done.error:
        say(done.error)
    if workbook is Workbook.all and done.run.folder.has("preview"):
        done.run.workbook(all_records=True)
    report = done.report(seconds()).failing_on(fail_on).keep(done.run)
    if as_json:
        show_json(report.facts)
    elif report.last_report:
        show_text(f"{report.says} Its report is {report.last_report}. --force runs it all the same.")
    else:
        show(done.run.overview())
    call_hook(report.exit, report.facts)
    raise typer.Exit(report.exit)
