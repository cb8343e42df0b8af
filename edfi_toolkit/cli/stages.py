"""build, explain, plan, publish, resync: the steps without notebooks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from edfi_toolkit.batch.exits import exit_of_steps
from edfi_toolkit.cli.output import (
    AsJson,
    Given,
    Incremental,
    Line,
    Mode,
    ModeName,
    Overrides,
    ProfileName,
    Reveal,
    Schools,
    SchoolYear,
    SourceName,
    TargetName,
    say,
    settings_given,
    show,
)


def build(
    source: SourceName,
    profile: ProfileName,
    school_year: SchoolYear = None,
    given: Given = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the files; without it only the counts.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Build the records: bodies as JSON lines, what was skipped and noticed as CSV.

    Example: edfi-toolkit build extracts/north --profile certification --school-year 2026 --out out
    """
    from edfi_toolkit.cli.files import write_build
    from edfi_toolkit.privacy import Masker
    from edfi_toolkit.review.steps import built_view

    built, installation = _built(source, profile, school_year, given)
    if out is not None:
        for path in write_build(built, out):
            say(f"Wrote {path}")
        say("These files hold real student data and are readable by you only.")
    view = built_view(built, Masker(installation.mask_key))
    facts = {
        "records": len(built.records),
        "skipped": len(built.skipped),
        "by_resource": built.records["resource"].value_counts().to_dict(),
        "by_rule": built.skipped["rule"].value_counts().to_dict(),
    }
    show(view, as_json=as_json, facts=facts)


def explain(
    source: SourceName,
    profile: ProfileName,
    student: Annotated[str, typer.Option(help="The state's id of the student (student_unique_id).")],
    school_year: SchoolYear = None,
    given: Given = None,
    reveal: Reveal = False,
    as_json: AsJson = False,
) -> None:
    """Tell one student's whole story: every row, the rule that kept or dropped it, every record.

    Example: edfi-toolkit explain extracts/north --profile certification --school-year 2026 --student 222222
    """
    from edfi_toolkit.privacy import STUDENT_IDS, masker_of
    from edfi_toolkit.review.steps import story_view

    built, installation = _built(source, profile, school_year, given)
    students = built.tables["students"][STUDENT_IDS]
    masker = masker_of(installation.mask_key, students, shortest=1, reveal=reveal)
    show(story_view(built.explain(student_unique_id=student).frame, masker), as_json=as_json)


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
    as_json: AsJson = False,
) -> None:
    """Preview: what publishing would change. Nothing is sent.

    Exit code 0: clean. 3: something is held. 4: a guardrail would refuse it.

    Example: edfi-toolkit plan north --profile certification --school-year 2026 --target sandbox
    """
    run, view = _previewed(source, profile, school_year, target, given, mode, live=live, schools=school)
    if out is not None:
        run.plan.save(out)
        say(f"Saved the plan in {out}")
    _finish(run, view, as_json)


def publish(
    source_or_plan: Annotated[
        str, typer.Argument(metavar="SOURCE|PLAN", help="A source, or the folder of a saved plan or run.")
    ],
    profile: ProfileName,
    approve: Annotated[str, typer.Option(help="The fingerprint of the plan, or auto.")],
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
    as_json: AsJson = False,
) -> None:
    """Carry out a plan: that of a folder, or a new one from a source.

    The first Ctrl-C finishes what is under way and stops; publishing the same plan again goes on from there.

    Exit code 0: all is in the ODS. 3: something is held or was refused. 4: nothing was sent. 5: run it again.

    Example: edfi-toolkit publish north --profile certification --school-year 2026 --approve auto
    """
    from edfi_toolkit.errors import ConfigError
    from edfi_toolkit.runs import open_run
    from edfi_toolkit.runs.folder import RunFolder

    folder = Path(source_or_plan)
    if school and (folder / "plan.json").is_file():
        raise ConfigError("A plan says itself which schools it is for. Leave --school out, or name a source.")
    given_to_publish = {
        "overrides": override or [],
        "max_seconds": max_seconds,
        "max_requests": max_requests,
    }
    if (folder / "plan.json").is_file() and not (folder / "manifest.json").is_file():
        view, steps = _publish_saved(folder, profile, target, approve, given_to_publish)
        code = exit_of_steps(steps)
        show(view, as_json=as_json, facts={**steps["publish"], **steps["preview"], "exit": int(code)})
        raise typer.Exit(code)
    if (folder / "manifest.json").is_file():
        about = RunFolder(folder.resolve().parent, folder.resolve().name).manifest
        run = open_run(
            profile=profile, school_year=about.get("school_year"), target=target, run_id=folder.resolve().name
        )
    else:
        run, _ = _previewed(source_or_plan, profile, school_year, target, given, schools=school)
    with Line("Publishing") as progress:
        view = run.publish(approved=approve, progress=progress, **given_to_publish)
    _finish(run, view, as_json)


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
    as_json: AsJson = False,
) -> None:
    """Compare the source with what the ODS really holds, record by record; with --approve put it right.

    For when somebody else has written there, the ledger was lost, or a resource was switched on again.

    Exit code 0: clean. 3: something is held or was refused. 4: a guardrail. 5: run it again.

    Example: edfi-toolkit resync north --profile certification --school-year 2026 --target sandbox
    """
    run, view = _previewed(
        source, profile, school_year, target, given, Mode.resync, schools=school, incremental=incremental
    )
    if approve or as_json:
        say(view.says)
    if approve:
        with Line("Publishing") as progress:
            view = run.publish(approved=approve, overrides=override or [], progress=progress)
    _finish(run, view, as_json)


def _built(source: str, profile: str, school_year: int | None, given: list[str] | None) -> tuple[Any, Any]:
    """The build of a source, and the settings of this installation."""
    from edfi_toolkit.rules import build as built
    from edfi_toolkit.runs.about import settings_of
    from edfi_toolkit.settings import load_settings
    from edfi_toolkit.sources import extract

    installation = load_settings()
    found = installation.source(source)
    chosen = settings_of(installation, profile, found, settings_given(given))
    tables = extract(found.path, profile=profile, mapping=found.mapping, settings=chosen)
    return built(tables, profile=profile, school_year=school_year, settings=chosen), installation


def _previewed(
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
) -> tuple[Any, Any]:
    """A new run, as far as its preview."""
    from edfi_toolkit.runs import open_run

    settings = settings_given(given) or None
    run = open_run(
        profile=profile,
        school_year=school_year,
        source=source,
        target=target,
        run_id="new",
        settings=settings,
    )
    run.target.credentials()
    for step in (run.extract, run.build, run.validate):
        say(step().says)
    if mode is Mode.publish and not live:
        return run, run.preview(schools=schools or ())
    with Line("Reading the ODS") as reading:
        if mode is Mode.resync:
            return run, run.resync(schools=schools or (), incremental=incremental, progress=reading)
        return run, run.preview(live=True, schools=schools or (), progress=reading)


def _publish_saved(
    folder: Path, profile: str, target: str, approve: str, given: dict[str, Any]
) -> tuple[Any, dict[str, Any]]:
    """Carry out a plan that was saved by itself; the view, and what a run's manifest would say of it."""
    from edfi_toolkit.errors import ConfigError
    from edfi_toolkit.ledger import Ledger
    from edfi_toolkit.planning import Plan
    from edfi_toolkit.privacy import Masker
    from edfi_toolkit.publishing import publish as carry_out
    from edfi_toolkit.review.steps import published_view
    from edfi_toolkit.runs import AUTO
    from edfi_toolkit.settings import load_settings

    installation, saved = load_settings(), Plan.load(folder)
    if saved.scope.profile != profile:
        raise ConfigError(
            f"The plan in {folder} is one of {saved.scope.profile}. Give --profile {saved.scope.profile}."
        )
    with Ledger(installation.ledger) as ledger, Line("Publishing") as progress:
        result = carry_out(
            saved,
            target=installation.target(target),
            ledger=ledger,
            approved=saved.fingerprint if approve == AUTO else approve,
            progress=progress,
            **given,
        )
    outcomes = {name: int(count) for name, count in result["outcome"].value_counts().items()}
    held = int(saved.findings["code"].eq("HELD").sum())
    steps = {"preview": {"held": held}, "publish": {"outcomes": outcomes}}
    return published_view(result, Masker(installation.mask_key)), steps


def _finish(run: Any, view: Any, as_json: bool) -> None:
    """Show where a run stands and end with its exit code."""
    steps = run.folder.manifest.get("steps", {})
    code = exit_of_steps(steps)
    show(
        view,
        as_json=as_json,
        facts={"run_id": run.id, "folder": str(run.path), "steps": steps, "exit": int(code)},
    )
    say(f"Run {run.id}: {run.path}")
    raise typer.Exit(code)
