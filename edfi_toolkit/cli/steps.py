"""What the commands without notebooks share: a build, a run as far as its preview, and how it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from edfi_toolkit.batch.exits import exit_of_steps
from edfi_toolkit.cli.options import FailOn, Mode, Workbook, settings_given
from edfi_toolkit.cli.output import say, show, show_json
from edfi_toolkit.cli.progress import TerminalProgress
from edfi_toolkit.cli.reporting import about_run, seconds

if TYPE_CHECKING:
    from edfi_toolkit.review.views import View
    from edfi_toolkit.rules import Build
    from edfi_toolkit.runs.run import Run
    from edfi_toolkit.settings import Settings


def build_of(
    source: str,
    profile: str,
    school_year: int | None,
    given: list[str] | None,
    target: str | None = None,
) -> tuple[Build, Settings]:
    """The build of a source, and the settings of this installation. target: one whose data standard is asked."""
    from edfi_toolkit.rules.building import build_for
    from edfi_toolkit.settings import load_settings
    from edfi_toolkit.sources import extract

    installation = load_settings()
    found = installation.source(source)
    chosen = installation.of_build(profile, found, settings_given(given))
    tables = extract(
        found.path, profile=profile, mapping=found.mapping, settings=chosen, limits=installation.reading
    )
    standard = None
    if target is not None:
        from edfi_toolkit.ods import Client, standard_of

        with Client(installation.target(target)) as client:
            standard = standard_of(client)
    built = build_for(standard, tables, profile=profile, school_year=school_year, settings=chosen)
    return built, installation


def preview_of(
    source: str,
    profile: str,
    school_year: int | None,
    target: str,
    given: list[str] | None,
    mode: Mode = Mode.publish,
    *,
    live: bool = False,
    schools: list[int] | None = None,
    incremental: bool | None = None,
    login_first: bool = False,
) -> tuple[Run, View]:
    """A new run, as far as its preview. login_first: a login that is refused ends it before the source is read."""
    from edfi_toolkit.runs import open_run
    from edfi_toolkit.runs.setup import check_login

    settings = settings_given(given) or None
    run = open_run(
        profile=profile,
        school_year=school_year,
        source=source,
        target=target,
        run_id="new",
        settings=settings,
    )
    about_run(run)
    if login_first:
        check_login(run)
    run.target.credentials()
    for step in (run.extract, run.build, run.validate):
        say(step().says)
    if mode is Mode.publish and not live:
        return run, run.preview(schools=schools or ())
    with TerminalProgress("Reading the ODS") as reading:
        if mode is Mode.resync:
            return run, run.resync(schools=schools or (), incremental=incremental, progress=reading)
        return run, run.preview(live=True, schools=schools or (), progress=reading)


def finish(
    run: Run,
    view: View,
    as_json: bool,
    fail_on: str = FailOn.left_out,
    workbook: Workbook = Workbook.changes,
) -> None:
    """Show the state of a run, keep its report and workbook, and end with its exit code."""
    from edfi_toolkit.batch.report import report_of
    from edfi_toolkit.runs.workbook import write_run_workbook

    write_run_workbook(run, all_records=workbook is Workbook.all)
    code = exit_of_steps(run.folder.manifest.get("steps", {}))
    report = report_of(run, code, seconds=seconds()).failing_on(fail_on).keep(run)
    if as_json:
        show_json(report.facts)
    else:
        show(view)
    say(f"Run {run.id}: {run.path}")
    raise typer.Exit(report.exit)
