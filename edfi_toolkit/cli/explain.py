"""explain: what the rules made of one student."""

from __future__ import annotations

from typing import Annotated

import typer

from edfi_toolkit.cli.options import AsJson, AskedTarget, Given, ProfileName, Reveal, SchoolYear, SourceName
from edfi_toolkit.cli.output import show
from edfi_toolkit.cli.steps import build_of


def explain(
    source: SourceName,
    profile: ProfileName,
    student: Annotated[str, typer.Option(help="The state's id of the student (student_unique_id).")],
    school_year: SchoolYear = None,
    given: Given = None,
    target: AskedTarget = None,
    reveal: Reveal = False,
    as_json: AsJson = False,
) -> None:
    """Show one student's whole story: every row, the rule that kept or dropped it, every record.

    Example: edfi-toolkit explain extracts/north --profile certification --school-year 2026 --student 222222
    """
    from edfi_toolkit.privacy import STUDENT_IDS, masker_of
    from edfi_toolkit.review.steps import story_view

    built, installation = build_of(source, profile, school_year, given, target)
    students = built.tables["students"][STUDENT_IDS]
    masker = masker_of(installation.mask_key, students, shortest=1, reveal=reveal)
    show(story_view(built.explain(student_unique_id=student).frame, masker), as_json=as_json)
