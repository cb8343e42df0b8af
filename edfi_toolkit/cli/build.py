"""build: the records of a source as files; no ODS is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edfi_toolkit.cli.options import AsJson, AskedTarget, Given, ProfileName, SchoolYear, SourceName
from edfi_toolkit.cli.output import say, show
from edfi_toolkit.cli.steps import build_of


def build(
    source: SourceName,
    profile: ProfileName,
    school_year: SchoolYear = None,
    given: Given = None,
    target: AskedTarget = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the files; without it only the counts.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Build the records: bodies as JSON lines, what was skipped and noticed as CSV.

    Example: edfi-toolkit build extracts/north --profile certification --school-year 2026 --out out
    """
    from edfi_toolkit.cli.build_files import write_build
    from edfi_toolkit.privacy import Masker
    from edfi_toolkit.review.steps import built_view

    built, installation = build_of(source, profile, school_year, given, target)
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
