"""The workbook of a run, in its folder."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from edfi_toolkit.display.attended import attended
from edfi_toolkit.errors import EdfiToolkitError
from edfi_toolkit.review.summaries import sheets
from edfi_toolkit.review.workbook import write_workbook
from edfi_toolkit.runs.decisions import rejection_rows

if TYPE_CHECKING:
    from edfi_toolkit.runs.run import Run


def keep_current(run: Run) -> None:
    """Write it after a step where a person may open it at any time; otherwise who ends the run writes it once."""
    if attended():
        write_run_workbook(run)


def leave_one(run: Run) -> None:
    """Write it for a run that ends here, if it came to a plan; what ended the run may keep it from being written."""
    if run.folder.has("preview"):
        with suppress(EdfiToolkitError):
            write_run_workbook(run)


def write_run_workbook(run: Run, *, reveal: bool = False) -> Path:
    """Write it as the run is now; with `reveal` into another file. Returns the path."""
    rejected = rejection_rows(run) if run.published else pd.DataFrame()
    content = sheets(run.folder.manifest, run.plan, run.checked, rejected, run.built)
    masker = run.masker(run.plan.items, rejected)
    name = "workbook-revealed.xlsx" if reveal else "workbook.xlsx"
    written = write_workbook(run.path / name, content, masker=masker.revealed() if reveal else masker)
    run.folder.seal(name)
    return written
