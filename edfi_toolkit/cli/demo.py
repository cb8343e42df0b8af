"""demo: a small invented district is published to a sandbox ODS, changes once, and then stays as it is."""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edfi_toolkit.cli.output import grid, say
from edfi_toolkit.cli.progress import notebook_progress

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from edfi_toolkit.batch.unattended import Unattended
    from edfi_toolkit.cli.playground import Playground
    from edfi_toolkit.review.views import View
    from edfi_toolkit.runs import Run
    from edfi_toolkit.sandbox import Running

SCHOOL_YEAR = 2026
WIDTH = 140  # of tables that go into a file


def demo(
    profile: Annotated[str, typer.Option("--profile", "-p", help="Whose sample.")] = "certification",
    folder: Annotated[Path, typer.Option(help="Made again each time.")] = Path("data/demo"),
) -> None:
    """The tour: everything is new, something changes, nothing changes. Everything in it is invented.

    Exit code 3 is its normal end: the sample has rows that must be held or refused.

    Example: edfi-toolkit demo --profile certification
    """
    from rich.console import Console

    from edfi_toolkit.cli.playground import make_playground, target_environ, working_in
    from edfi_toolkit.sandbox import start

    began = time.monotonic()
    made = make_playground(folder, profile)
    out = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)
    with start(seeds=made.seeds) as running, working_in(made.folder, target_environ(running)):
        first = _everything_is_new(out, profile)
        _something_changes(out, made, profile, running)
        _nothing_changes(out, profile, running)
    _where(out, first.run)
    out.print(f"The tour took {time.monotonic() - began:.0f} seconds.")
    raise typer.Exit(first.exit)


def _everything_is_new(out: Console, profile: str) -> Unattended:
    """Part one: the notebooks, unattended, on the sample as it is at first."""
    from edfi_toolkit.batch.exits import Exit
    from edfi_toolkit.batch.unattended import run_unattended
    from edfi_toolkit.errors import EdfiToolkitError

    out.rule("1. Everything is new: notebooks 10 to 50, unattended")
    done = run_unattended(
        profile=profile,
        school_year=SCHOOL_YEAR,
        source="sample",
        target="sandbox",
        approved="auto",
        progress_of=notebook_progress,
    )
    if done.exit not in (Exit.DONE, Exit.ATTENTION):
        say(done.error)
        raise EdfiToolkitError(
            f"The notebooks ended with exit code {int(done.exit)}. They are in {done.run.path}."
        )
    _outcome(out, done.run)
    return done


def _something_changes(out: Console, made: Playground, profile: str, running: Running) -> None:
    """Part two: the SIS changed; the plan shows the members that differ, and only those records are sent."""
    out.rule("2. The SIS changed: what would be sent?")
    made.source_becomes("after")
    run, preview = _previewed(profile)
    _table(out, "The plan, value by value; students are masked", preview.frames["values"], preview)
    before = _writes(running)
    run.publish(approved="auto", progress=lambda *_: True)
    sent = _writes(running) - before
    answers = ", ".join(f"{count} x {answer}" for answer, count in sorted(sent.items()))
    out.print(f"Sent to the ODS: {answers or 'nothing'}.\n")


def _nothing_changes(out: Console, profile: str, running: Running) -> None:
    """Part three: the same source again; the sandbox counts what it is asked to write."""
    out.rule("3. Nothing changed: the same again")
    before = _writes(running).total()
    run, _ = _previewed(profile)
    run.publish(approved="auto", progress=lambda *_: True)
    out.print(f"Sent to the ODS: {_writes(running).total() - before} changes.\n")


def _previewed(profile: str) -> tuple[Run, View]:
    from edfi_toolkit.runs import open_run

    run = open_run(profile=profile, school_year=SCHOOL_YEAR, source="sample", run_id="new")
    for step in (run.extract, run.build, run.validate):
        say(f"  {step().says}")
    return run, run.preview()


def _outcome(out: Console, run: Run) -> None:
    """What a steward wants to know after a publish: how many, and why not all."""
    import pandas as pd

    from edfi_toolkit.batch.counts import counts_of
    from edfi_toolkit.review.answers import rejections_view
    from edfi_toolkit.review.summaries import by_rule, held_by_rule

    steps = run.folder.manifest["steps"]
    came_to = counts_of(run)
    counts = [
        ("rows read from the SIS", came_to["rows"]),
        ("rows with a cell that could not be read", came_to["set_aside"]),
        ("rows skipped: a rule says no record", steps["build"]["skipped"]),
        ("records built", came_to["built"]),
        ("records held by validation: not sent", steps["validate"]["held"]),
        ("created in the ODS", came_to["created"]),
        ("updated in the ODS", came_to["updated"]),
        ("deleted from the ODS", came_to["deleted"]),
        ("unchanged", steps["preview"]["actions"].get("NOOP", 0)),
        ("refused by the ODS", came_to["refused"]),
    ]
    masker = run.masker()
    _table(out, "What happened", pd.DataFrame(counts, columns=["what", "rows"]), run.overview())
    checked = run.checked
    from edfi_toolkit.runs.rejections.explained import refusals
    from edfi_toolkit.tables.load_errors import is_load_error

    unread = is_load_error(checked.build.skipped["rule"])
    refused = rejections_view(refusals(run), masker).frames["causes"]
    why = pd.concat(
        [
            by_rule(checked.build.skipped[unread], "rule").assign(state="unreadable"),
            by_rule(checked.build.skipped[~unread], "rule").assign(state="skipped"),
            held_by_rule(checked).assign(state="held"),
            refused.rename(columns={"rejections": "rows"}).assign(state="refused", rule_id=""),
        ]
    )[["state", "rows", "rule_id", "says", "todo"]]
    _table(out, "What is not in the ODS, why, and what to do", why, run.overview())


def _table(out: Console, title: str, frame: pd.DataFrame, view: View) -> None:
    from edfi_toolkit.display.tables import TextTable

    shown = TextTable.of(frame, view.masker)
    out.print(grid(shown, title) if len(shown) else f"{title}: nothing.")
    out.print()


def _writes(running: Running) -> Counter[str]:
    """How often the sandbox was asked to write an association, by verb and answer, as it counts itself."""
    import httpx

    from edfi_toolkit.model import associations

    counted: Counter[str] = Counter()
    for request in httpx.get(f"{running.control_url}/counters").json()["requests"]:
        if request["method"] in ("POST", "PUT", "DELETE") and request["resource"] in associations():
            counted[f"{request['method']} {request['status']}"] += request["count"]
    return counted


def _where(out: Console, run: Run) -> None:
    out.rule("Where to look")
    for what, name in (
        ("report, with every finding", "report.html"),
        ("workbook, to hand on", "workbook.xlsx"),
        ("executed notebooks", "notebooks"),
    ):
        out.print(f"{what}: {run.path / name}", soft_wrap=True)
