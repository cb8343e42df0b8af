"""rejections: what the ODS refused."""

from __future__ import annotations

from typing import Annotated

import typer

from edfi_toolkit.cli.options import AsJson, Reveal
from edfi_toolkit.cli.output import as_records, show, show_json

RunId = Annotated[str | None, typer.Option("--run", help="Only this run.")]


def rejections(run: RunId = None, reveal: Reveal = False, as_json: AsJson = False) -> None:
    """Refused records by cause, with what to do about each; masked unless revealed.

    Exit code 0: none is open. 3: some are.

    Example: edfi-toolkit rejections --json
    """
    from edfi_toolkit.batch.exits import Exit
    from edfi_toolkit.privacy import Masker
    from edfi_toolkit.review import rejections as refused
    from edfi_toolkit.review.answers import rejections_view
    from edfi_toolkit.settings import load_settings

    installation = load_settings()
    found = refused(installation.ledger, run_id=run)
    view = rejections_view(found, Masker(installation.mask_key, reveal=reveal))
    if as_json:
        show_json(as_records(view.frames["all"], view.masker))
    else:
        show(view)
    raise typer.Exit(Exit.ATTENTION if len(view.frames["open"]) else Exit.DONE)
