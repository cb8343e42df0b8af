"""corrections: cells of a source that people corrected."""

from __future__ import annotations

from typing import Annotated

import typer

from edfi_toolkit.cli.decisions import decisions_for
from edfi_toolkit.cli.options import AsJson, EndedToo, ProfileName, Reveal, SourceOption, TargetName
from edfi_toolkit.cli.output import say, show_rows, show_text

corrections = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)


@corrections.callback()
def about() -> None:
    """Cells of a source that people corrected: list, add, remove.

    Example: edfi-toolkit corrections list --profile certification --source north
    """


@corrections.command("list")
def listed(
    profile: ProfileName,
    source: SourceOption,
    target: TargetName = "sandbox",
    closed: EndedToo = False,
    reveal: Reveal = False,
    as_json: AsJson = False,
) -> None:
    """The corrections of one source, with author, reason and time.

    Example: edfi-toolkit corrections list --profile certification --source north
    """
    from edfi_toolkit.review.decided import with_masked_values

    with decisions_for(profile, source, target) as (decisions, masker):
        eyes = masker.revealed() if reveal else masker
        found = with_masked_values(decisions.corrections(closed=closed), eyes)
    show_rows(found, eyes, "Nothing is corrected: every cell counts as it is written.", as_json=as_json)


@corrections.command()
def add(
    table: Annotated[str, typer.Argument(help="A table of docs/sources.md, such as enrollments.")],
    column: Annotated[str, typer.Argument(help="Its column; a member of a JSON column as attributes.name.")],
    was: Annotated[str, typer.Argument(help="What is written there; '' for an empty cell.")],
    value: Annotated[str, typer.Argument(help="What it should be; '' for an empty cell.")],
    profile: ProfileName,
    source: SourceOption,
    author: Annotated[str, typer.Option(help="Who corrects it.")],
    reason: Annotated[str, typer.Option(help="Why.")],
    target: TargetName = "sandbox",
    row: Annotated[
        str | None, typer.Option(help="The key of the row; without one, every cell that is written so.")
    ] = None,
    student: Annotated[
        str | None, typer.Option(help="The row's student_id, to find it if its key moves.")
    ] = None,
) -> None:
    """Correct a cell, or a code wherever it is written. It counts from the next time the source is read.

    Example: edfi-toolkit corrections add enrollments end_date '' 2025-12-19 --row 10 --profile certification
    --source north --author 'R. Ibarra' --reason 'left in December'
    """
    from edfi_toolkit.tables.corrections import check_correction

    name, _, member = column.partition(".")
    check_correction(table, name, member)
    with decisions_for(profile, source, target) as (decisions, _):
        number = decisions.correct(
            table=table,
            row_id=row,
            column=name,
            member=member,
            was=was,
            value=value,
            student_id=student,
            author=author,
            reason=reason,
        )
    show_text(str(number))
    say(f"Kept as correction {number}. It counts from the next time the source is read.")


@corrections.command()
def remove(
    number: Annotated[int, typer.Argument(help="Its number in the list.")],
    profile: ProfileName,
    source: SourceOption,
    target: TargetName = "sandbox",
) -> None:
    """End a correction: the cell counts as it is written again.

    Example: edfi-toolkit corrections remove 3 --profile certification --source north
    """
    from edfi_toolkit.ledger.decisions import REMOVED

    with decisions_for(profile, source, target) as (decisions, _):
        decisions.close_corrections([number], REMOVED)
    say(f"Correction {number} is removed.")
