"""publish: carry out a plan."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edfi_toolkit.batch.exits import exit_of_steps
from edfi_toolkit.cli.options import (
    AsJson,
    FailOn,
    FailOnName,
    Given,
    Overrides,
    ProfileName,
    Schools,
    SchoolYear,
    SourceLabel,
    TargetName,
    Workbook,
    WorkbookName,
    named_source,
    without_password,
)
from edfi_toolkit.cli.output import show
from edfi_toolkit.cli.progress import TerminalProgress
from edfi_toolkit.cli.reporting import about_run, seconds
from edfi_toolkit.cli.steps import finish, preview_of

if TYPE_CHECKING:
    from edfi_toolkit.batch.report import Report
    from edfi_toolkit.review.views import View


def publish(
    source_or_plan: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE|PLAN",
            help="A source, or the folder of a saved plan or run.",
            callback=without_password,
        ),
    ],
    profile: ProfileName,
    approve: Annotated[
        str, typer.Option(help="The fingerprint of the plan, or auto; without it what a person approved.")
    ] = "",
    target: TargetName = "sandbox",
    school_year: SchoolYear = None,
    given: Given = None,
    school: Schools = None,
    override: Overrides = None,
    max_seconds: Annotated[
        int | None, typer.Option(min=1, help="Begin no further record after so many seconds.")
    ] = None,
    max_requests: Annotated[
        int | None, typer.Option(min=1, help="Begin no further record after so many writes.")
    ] = None,
    source_name: SourceLabel = None,
    fail_on: FailOnName = FailOn.left_out,
    workbook: WorkbookName = Workbook.changes,
    as_json: AsJson = False,
) -> None:
    """Carry out a plan: that of a folder, or a new one from a source.

    The first Ctrl-C finishes what is under way and stops; publishing the same plan again goes on from there.

    Exit code 0: all is in the ODS. 3: something is held or was refused. 4: nothing was sent. 5: run it again.

    Example: edfi-toolkit publish north --profile certification --school-year 2026 --approve auto
    """
    from edfi_toolkit.errors import ConfigError
    from edfi_toolkit.runs import open_run
    from edfi_toolkit.runs.approving import approved_fingerprint
    from edfi_toolkit.runs.folder import RunFolder

    folder = Path(source_or_plan)
    if school and (folder / "plan.json").is_file():
        raise ConfigError("A plan names its schools already. Leave --school out, or name a source.")
    options: dict[str, Any] = {
        "overrides": override or [],
        "max_seconds": max_seconds,
        "max_requests": max_requests,
    }
    of_run = (folder / "manifest.json").is_file()
    if not (of_run or approve):
        raise ConfigError(
            "Give --approve: the fingerprint of the plan, or auto. Only the plan of a run can be approved before."
        )
    if (folder / "plan.json").is_file() and not of_run:
        view, report = _publish_saved(folder, profile, target, approve, options)
        show(view, as_json=as_json, facts=report.facts)
        raise typer.Exit(report.exit)
    if of_run:
        about = RunFolder(folder.resolve().parent, folder.resolve().name).manifest
        run = open_run(
            profile=profile, school_year=about.get("school_year"), target=target, run_id=folder.resolve().name
        )
        about_run(run)
    else:
        named = named_source(source_or_plan, source_name)
        run, _ = preview_of(named, profile, school_year, target, given, schools=school, login_first=True)
    approved = approve or approved_fingerprint(run)
    with TerminalProgress("Publishing") as progress:
        view = run.publish(approved=approved, progress=progress, **options)
    finish(run, view, as_json, fail_on, workbook)


def _publish_saved(
    folder: Path, profile: str, target: str, approve: str, options: dict[str, Any]
) -> tuple[View, Report]:
    """Carry out a plan that was saved by itself; the view, and the report of it."""
    from edfi_toolkit.batch.counts import DONE
    from edfi_toolkit.batch.report import Report
    from edfi_toolkit.errors import ConfigError
    from edfi_toolkit.ledger import Ledger
    from edfi_toolkit.planning import Plan
    from edfi_toolkit.privacy import Masker
    from edfi_toolkit.publishing import publish as carry_out
    from edfi_toolkit.review.answers import published_view
    from edfi_toolkit.runs import AUTO
    from edfi_toolkit.settings import load_settings

    installation, saved = load_settings(), Plan.load(folder)
    if saved.scope.profile != profile:
        raise ConfigError(
            f"The plan in {folder} is one of {saved.scope.profile}. Give --profile {saved.scope.profile}."
        )
    with Ledger(installation.ledger) as ledger, TerminalProgress("Publishing") as progress:
        result = carry_out(
            saved,
            target=installation.target(target),
            ledger=ledger,
            approved=saved.fingerprint if approve == AUTO else approve,
            progress=progress,
            **options,
        )
    sent = {done: result.attrs["delivered"].get(action, 0) for action, done in DONE.items()}
    outcomes = {name: int(count) for name, count in result["outcome"].value_counts().items()}
    held = int(saved.findings["code"].eq("HELD").sum())
    steps = {"preview": {"held": held}, "publish": {"outcomes": outcomes}}
    report = Report(
        exit=exit_of_steps(steps),
        source=saved.scope.source,
        target=target,
        profile=profile,
        school_year=saved.scope.school_year,
        counts={
            "held": held,
            **sent,
            "refused": outcomes.get("refused", 0),
            "pending": outcomes.get("pending", 0),
        },
        steps=steps,
        seconds=round(seconds(), 1),
    )
    return published_view(result, Masker(installation.mask_key)), report
