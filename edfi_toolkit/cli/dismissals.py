"""dismissals: findings and refusals that people hid until their record changes."""

from __future__ import annotations

from typing import Annotated

import typer

from edfi_toolkit.cli.decisions import decisions_for
from edfi_toolkit.cli.options import (
    AsJson,
    EndedToo,
    ProfileName,
    Reveal,
    SchoolYear,
    SourceOption,
    TargetName,
)
from edfi_toolkit.cli.output import say, show_rows

dismissals = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)


@dismissals.callback()
def about() -> None:
    """Findings and refusals that people hid until their record changes: list, add, remove.

    Example: edfi-toolkit dismissals list --profile certification --source north
    """


@dismissals.command("list")
def listed(
    profile: ProfileName,
    source: SourceOption,
    target: TargetName = "sandbox",
    closed: EndedToo = False,
    reveal: Reveal = False,
    as_json: AsJson = False,
) -> None:
    """The dismissals of one source, with author, reason and time.

    Example: edfi-toolkit dismissals list --profile certification --source north
    """
    with decisions_for(profile, source, target) as (decisions, masker):
        found = decisions.dismissals(closed=closed).drop(columns=["place", "state"])
    eyes = masker.revealed() if reveal else masker
    show_rows(found, eyes, "Nothing is dismissed: every finding and refusal is listed.", as_json=as_json)


@dismissals.command()
def add(
    profile: ProfileName,
    source: SourceOption,
    author: Annotated[str, typer.Option(help="Who dismisses it.")],
    reason: Annotated[str, typer.Option(help="Why.")],
    rule: Annotated[str | None, typer.Option(help="The findings of this rule, in the newest run.")] = None,
    cause: Annotated[str | None, typer.Option(help="The open refusals of this cause, by its id.")] = None,
    student: Annotated[str | None, typer.Option(help="Only this student's, by state id.")] = None,
    target: TargetName = "sandbox",
    school_year: SchoolYear = None,
) -> None:
    """Hide findings of a rule, or refusals of a cause, until their record changes. What is held stays held.

    Example: edfi-toolkit dismissals add --rule CERT_MISSING --student 222222 --profile certification --source north
    --author 'R. Ibarra' --reason 'the end is not known yet'
    """
    from edfi_toolkit.errors import ConfigError
    from edfi_toolkit.runs import open_run
    from edfi_toolkit.runs.decisions.dismissals import dismiss_findings
    from edfi_toolkit.runs.rejections.workshop import Workshop

    if (rule is None) == (cause is None):
        raise ConfigError("Name a rule or a cause: --rule dismisses findings, --cause refusals.")
    run = open_run(profile=profile, school_year=school_year, source=source, target=target, run_id="latest")
    workshop = Workshop(run) if cause is not None else None
    rows = run.checked.findings if workshop is None else workshop.open
    rows = rows[rows["rule_id" if workshop is None else "cause_id"].eq(rule or cause)]
    if student is not None:
        rows = rows[rows["student_unique_id"].eq(student)]
    if rows.empty:
        raise ConfigError(
            "Nothing is meant by these options. 'edfi-toolkit run' shows findings, 'rejections' refusals."
        )
    if workshop is None:
        dismiss_findings(run, rows, author=author, reason=reason)
    else:
        for _, row in rows.iterrows():
            workshop.dismiss(row, author=author, reason=reason)
    say(f"{len(rows):,} dismissed until the record changes.")


@dismissals.command()
def remove(
    number: Annotated[int, typer.Argument(help="Its number in the list.")],
    profile: ProfileName,
    source: SourceOption,
    target: TargetName = "sandbox",
) -> None:
    """End a dismissal: what it hides is listed again.

    Example: edfi-toolkit dismissals remove 3 --profile certification --source north
    """
    from edfi_toolkit.ledger.decisions import REMOVED

    with decisions_for(profile, source, target) as (decisions, _):
        decisions.close_dismissals([number], REMOVED)
    say(f"Dismissal {number} is removed.")
