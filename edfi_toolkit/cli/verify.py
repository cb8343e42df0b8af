"""verify: whether a run's folder is still what the run left."""

from __future__ import annotations

from typing import Annotated

import typer

from edfi_toolkit.cli.options import AsJson
from edfi_toolkit.cli.output import as_records, show_json, show_text


def verify(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The id of a run, or its folder.")],
    as_json: AsJson = False,
) -> None:
    """Work out every digest of a run again: files, manifest, plan, ledger, source, rules; name what differs.

    Exit code 0: all is as recorded; a source or toolkit that has changed since is named. 2: something differs.

    Example: edfi-toolkit verify 20251124-093015-3f9c21
    """
    from pathlib import Path

    from edfi_toolkit.batch.exits import Exit
    from edfi_toolkit.display.tables import TextTable
    from edfi_toolkit.privacy import session_masker
    from edfi_toolkit.runs.evidence import AS_RECORDED, FAULTS
    from edfi_toolkit.runs.evidence import verify as work_out
    from edfi_toolkit.runs.folder import RunFolder
    from edfi_toolkit.settings import load_settings

    installation, given = load_settings(), Path(run)
    folder = (
        RunFolder(given.resolve().parent, given.resolve().name)
        if given.is_dir()
        else RunFolder(installation.runs_dir, run)
    )
    found, masker = work_out(folder, installation), session_masker()
    wrong = found[found["state"].isin(FAULTS)]
    other = found[~found["state"].isin((AS_RECORDED, *FAULTS))]
    if as_json:
        show_json({"run_id": folder.run_id, "checks": as_records(found, masker), "faults": len(wrong)})
    else:
        for rows in (wrong, other):
            if len(rows):
                show_text(TextTable.of(rows, masker).text)
        verdict = f"{len(wrong)} differ" if len(wrong) else "the run is what it left"
        show_text(f"Run {folder.run_id}: {len(found)} checks, {verdict}.")
    raise typer.Exit(Exit.SETTINGS if len(wrong) else Exit.DONE)
