"""rejections: what the ODS refused."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edfi_toolkit.cli.options import AsJson, Reveal
from edfi_toolkit.cli.output import as_records, say, show, show_json

RunId = Annotated[str | None, typer.Option("--run", help="Only this run.")]


def rejections(
    run: RunId = None,
    only_open: Annotated[
        bool | None, typer.Option("--open/--closed", help="Only the open ones, or only those that ended.")
    ] = None,
    owner: Annotated[str | None, typer.Option(help="Only those that this owner can solve.")] = None,
    cause: Annotated[str | None, typer.Option(help="Only those of this cause, by its id.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write them to this CSV file, to hand on.")] = None,
    xlsx: Annotated[Path | None, typer.Option(help="Write them to this workbook, to hand on.")] = None,
    reveal: Reveal = False,
    as_json: AsJson = False,
) -> None:
    """Refused records by cause, with what to do about each; masked unless revealed.

    Exit code 0: none is open. 3: some are.

    Example: edfi-toolkit rejections --open --owner 'SIS clerk' --xlsx clerk.xlsx
    """
    from edfi_toolkit.batch.exits import Exit
    from edfi_toolkit.privacy import Masker
    from edfi_toolkit.review import choose
    from edfi_toolkit.review import rejections as refused
    from edfi_toolkit.review.answers import rejections_view
    from edfi_toolkit.review.workbook import write_refusals
    from edfi_toolkit.runs.placing import at_places, explained_by_runs
    from edfi_toolkit.settings import load_settings

    installation = load_settings()
    every = refused(installation.ledger, run_id=run, open=only_open, cause=cause)
    found = choose(explained_by_runs(every, installation.runs_dir), owner=owner)
    view = rejections_view(found, Masker(installation.mask_key, reveal=reveal))
    for path in (csv, xlsx):
        if path is not None:
            placed = at_places(view.frames["all"], installation.runs_dir)
            write_refusals(path, placed, masker=view.masker)
            say(f"Written to {path}: {len(found):,} refusals.")
    if as_json:
        show_json(as_records(view.frames["all"], view.masker))
    else:
        show(view)
    raise typer.Exit(Exit.ATTENTION if len(view.frames["open"]) else Exit.DONE)
