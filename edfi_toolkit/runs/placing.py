"""In which run a record was refused, and file and row of refusals, in the sources that their runs have read."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from pathlib import Path

import pandas as pd

from edfi_toolkit.errors import EdfiToolkitError
from edfi_toolkit.review.places import with_organizations, with_source_rows
from edfi_toolkit.runs.folder import RunFolder


def refused_in(refused: pd.DataFrame, this: RunFolder) -> pd.Series:
    """For each refusal the run that got it, as words: this one, or when it began, or its name where it is gone."""
    names = {run_id: _name_of(str(run_id), this) for run_id in refused["run_id"].unique()}
    return refused["run_id"].map(names).astype("str")


def _name_of(run_id: str, this: RunFolder) -> str:
    if run_id == this.run_id:
        return "this run"
    with suppress(EdfiToolkitError, KeyError, ValueError):
        at = dt.datetime.fromisoformat(RunFolder(this.path.parent, run_id).manifest["started_at"])
        return f"run of {at.astimezone():%Y-%m-%d %H:%M}"
    return f"run {run_id}"


def at_places(refused: pd.DataFrame, runs: Path) -> pd.DataFrame:
    """Refusals of any runs with organizations by name, and file and row, in their order.

    As they are where there is no folder of the run. refused: as of the ledger. runs: the folder of the runs.
    """
    by_run = refused.groupby("run_id", dropna=False)
    parts = [_placed(part, runs, str(run_id)) for run_id, part in by_run]
    return pd.concat(parts).loc[refused.index] if parts else refused


def _placed(refused: pd.DataFrame, runs: Path, run_id: str) -> pd.DataFrame:
    from edfi_toolkit.tables import Tables

    with suppress(EdfiToolkitError, OSError):  # a run that was published from Python may have any name
        folder = RunFolder(runs, run_id)
        if folder.has("extract"):
            tables = Tables.load(folder.path / "tables")
            return with_source_rows(with_organizations(refused, tables, folder.manifest["profile"]), tables)
    return refused
