"""rejections: what the ODS refused."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edfi_toolkit.cli.options import AsJson, OnlyRun, Reveal
from edfi_toolkit.cli.output import as_records, say, show, show_json

NeverSent = Annotated[
    bool,
    typer.Option(
        "--never-sent",
        help="In the files also what was never sent: held records, skipped and unreadable rows of the newest run of "
        "each source, or of --run.",
    ),
]


def rejections(
    run: OnlyRun = None,
    only_open: Annotated[
        bool | None, typer.Option("--open/--closed", help="Only the open ones, or only those that ended.")
    ] = None,
    owner: Annotated[str | None, typer.Option(help="Only those that this owner can solve.")] = None,
    cause: Annotated[str | None, typer.Option(help="Only those of this cause, by its id.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write them to this CSV file, to hand on.")] = None,
    xlsx: Annotated[Path | None, typer.Option(help="Write them to this workbook, to hand on.")] = None,
    never_sent: NeverSent = False,
    reveal: Reveal = False,
    as_json: AsJson = False,
) -> None:
    """Refused records by cause, with what to do about each; masked unless revealed.

    Exit code 0: none is open. 3: some are.

    Example: edfi-toolkit rejections --open --owner 'SIS clerk' --xlsx clerk.xlsx

    Example: edfi-toolkit rejections --open --never-sent --xlsx all-that-is-open.xlsx
    """
    from edfi_toolkit.batch.exits import Exit
    from edfi_toolkit.errors import ConfigError
    from edfi_toolkit.privacy import STUDENT_IDS, Masker, persons_in
    from edfi_toolkit.review import choose
    from edfi_toolkit.review import rejections as refused
    from edfi_toolkit.review.answers import rejections_view
    from edfi_toolkit.review.workbook import HANDED_ON, OPEN_WORK, write_refusals
    from edfi_toolkit.runs.rejections import handing_on
    from edfi_toolkit.runs.rejections.source_places import at_places, explained_by_runs
    from edfi_toolkit.settings import load_settings

    if never_sent and (cause or not (csv or xlsx)):
        raise ConfigError("--never-sent goes into a file: give --xlsx or --csv, and leave out --cause.")
    installation = load_settings()
    every = refused(installation.ledger, run_id=run, open=only_open, cause=cause)
    found = choose(explained_by_runs(every, installation.runs_dir), owner=owner)
    view = rejections_view(found, Masker(installation.mask_key, reveal=reveal))
    masker, refusals, others = view.masker, view.frames["all"], []
    if never_sent:
        for checked in handing_on.newest_checked(installation.runs_dir, run):
            masker = masker.knowing(persons_in(checked.build.tables["students"][STUDENT_IDS]))
            others.append(handing_on.never_sent(checked))
            refusals = handing_on.still_refused(refusals, checked)
    for path in (csv, xlsx):
        if path is not None:
            work, more = at_places(refusals, installation.runs_dir), ""
            if never_sent:
                work = handing_on.by_owner(work.assign(state=handing_on.REFUSED), *others)
                work = work if owner is None else work[work["who"].eq(owner)]
                lines = int(work["state"].ne(handing_on.REFUSED).sum())
                more = f" and {lines:,} lines that were never sent"
            write_refusals(path, work, masker=masker, columns=OPEN_WORK if never_sent else HANDED_ON)
            say(f"Written to {path}: {len(refusals):,} refusals{more}.")
    if as_json:
        show_json(as_records(view.frames["all"], view.masker))
    else:
        show(view)
    raise typer.Exit(Exit.ATTENTION if len(view.frames["open"]) else Exit.DONE)
