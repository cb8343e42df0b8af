"""rejections, ledger: what the ODS refused, and what was done when."""

from __future__ import annotations

from typing import Annotated

import typer

from edfi_toolkit.cli.output import AsJson, Reveal, as_records, say, show, show_json

RunId = Annotated[str | None, typer.Option("--run", help="Only this run.")]


def rejections(run: RunId = None, reveal: Reveal = False, as_json: AsJson = False) -> None:
    """Refused records by cause, with what to do about each; masked unless revealed.

    Exit code 0: none is open. 3: some are.

    Example: edfi-toolkit rejections --json
    """
    from edfi_toolkit.batch.exits import Exit
    from edfi_toolkit.privacy import Masker
    from edfi_toolkit.review import rejections as refused
    from edfi_toolkit.review.steps import rejections_view
    from edfi_toolkit.settings import load_settings

    installation = load_settings()
    found = refused(installation.ledger, run_id=run)
    view = rejections_view(found, Masker(installation.mask_key, reveal=reveal))
    if as_json:
        show_json(as_records(view.frames["all"], view.masker))
    else:
        show(view)
    raise typer.Exit(Exit.ATTENTION if len(view.frames["open"]) else Exit.DONE)


def ledger(run: RunId = None, as_json: AsJson = False) -> None:
    """The runs of this installation, newest first; with --run, the requests of that run.

    Example: edfi-toolkit ledger --run 20251124-093015-3f9c21
    """
    from edfi_toolkit.privacy import Masker
    from edfi_toolkit.review.views import for_eyes
    from edfi_toolkit.settings import load_settings
    from edfi_toolkit.sync import Ledger

    installation = load_settings()
    with Ledger(installation.ledger) as opened:
        found = opened.runs() if run is None else opened.attempts(run)
        say(f"Ledger: {opened.shown}")
    masker = Masker(installation.mask_key)
    if as_json:
        show_json(as_records(found, masker))
    else:
        shown = for_eyes(found, masker)
        typer.echo(shown.to_string(index=False) if len(shown) else "Nothing has been published yet.")
