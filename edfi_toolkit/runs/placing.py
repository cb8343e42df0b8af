"""File and row of refusals, in the sources that their runs have read."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pandas as pd

from edfi_toolkit.errors import EdfiToolkitError
from edfi_toolkit.review.places import with_organizations, with_source_rows
from edfi_toolkit.runs.folder import RunFolder


def at_places(refused: pd.DataFrame, runs: Path) -> pd.DataFrame:
    """Refusals of any runs with organizations by name, and file and row, in their order.

    As they are where the folder of the run is gone. refused: as of the ledger. runs: the folder of the runs.
    """
    parts = [_placed(part, RunFolder(runs, str(run_id))) for run_id, part in refused.groupby("run_id")]
    return pd.concat(parts).loc[refused.index] if parts else refused


def _placed(refused: pd.DataFrame, folder: RunFolder) -> pd.DataFrame:
    from edfi_toolkit.tables import Tables

    with suppress(EdfiToolkitError, OSError):
        if folder.has("extract"):
            tables = Tables.load(folder.path / "tables")
            return with_source_rows(with_organizations(refused, tables, folder.manifest["profile"]), tables)
    return refused
