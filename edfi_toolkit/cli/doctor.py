"""doctor: whether all is in place."""

from __future__ import annotations

import typer

from edfi_toolkit.cli.options import AsJson
from edfi_toolkit.cli.output import as_records, show, show_json


def doctor(as_json: AsJson = False) -> None:
    """Whether settings, sources, targets, logins and ledger are in place. Writes nothing.

    Exit code 0: all is in place. 2: something is not.

    Example: edfi-toolkit doctor
    """
    from edfi_toolkit.batch.exits import Exit
    from edfi_toolkit.runs import check_setup

    view = check_setup()
    if as_json:
        show_json(as_records(view.frames["checks"], view.masker))
    else:
        show(view)
    raise typer.Exit(Exit.SETTINGS if view.tone == "bad" else Exit.DONE)
