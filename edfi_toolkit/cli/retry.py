"""retry: refused records again, and no others."""

from __future__ import annotations

from typing import Annotated

import typer

from edfi_toolkit.cli.options import (
    AsJson,
    Given,
    Overrides,
    ProfileName,
    SchoolYear,
    SourceName,
    TargetName,
    settings_given,
)
from edfi_toolkit.cli.output import say
from edfi_toolkit.cli.progress import TerminalProgress
from edfi_toolkit.cli.steps import finish

Cause = Annotated[
    str | None, typer.Option(help="Only those of this cause, by its id in 'rejections --json'.")
]


def retry(
    source: SourceName,
    profile: ProfileName,
    target: TargetName = "sandbox",
    school_year: SchoolYear = None,
    cause: Cause = None,
    student: Annotated[str | None, typer.Option(help="Only this student's, by state id.")] = None,
    approve: Annotated[
        str | None,
        typer.Option(help="The fingerprint of the retry's plan, or auto; without it nothing is sent."),
    ] = None,
    override: Overrides = None,
    given: Given = None,
    as_json: AsJson = False,
) -> None:
    """Check refused records again, or send them again, and no others: a plan of their own, the same limits.

    Exit code 0: all is in the ODS. 3: something is held or was refused. 4: nothing was sent. 5: run it again.

    Example: edfi-toolkit retry north --profile certification --cause bad-descriptor --approve auto
    """
    from edfi_toolkit.errors import ConfigError
    from edfi_toolkit.review import choose
    from edfi_toolkit.runs import open_run
    from edfi_toolkit.runs.ledger_now import rejection_rows
    from edfi_toolkit.runs.rejections.retry import check_again, send_again, verdicts

    run = open_run(
        profile=profile,
        school_year=school_year,
        source=source,
        target=target,
        settings=settings_given(given) or None,
    )
    refused = choose(rejection_rows(run), open=True, cause=cause)
    if student is not None:
        refused = refused[refused["student_unique_id"].eq(student)]
    if refused.empty:
        raise ConfigError("No open refusal is meant by these options. 'edfi-toolkit rejections' lists all.")
    with TerminalProgress("Checking again", steps=True) as progress:
        again = check_again(run, refused, progress=progress)
    for row in again.masker(refused).frame(verdicts(again, refused)).to_dict("records"):
        say(f"{row['student_unique_id']}, {row['program_name']}: {row['now']}")
    if approve is None:
        view = again.keep_plan(lambda: again.plan)
    else:
        with TerminalProgress("Publishing") as progress:
            view = send_again(again, refused, approved=approve, overrides=override or [], progress=progress)
    finish(again, view, as_json)
