"""In which run a record was refused, and file and row of refusals, in the sources that their runs have read."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from edfi_toolkit.errors import EdfiToolkitError
from edfi_toolkit.review.places import with_organizations, with_source_rows
from edfi_toolkit.runs.feed import FEED, feed_of, is_of
from edfi_toolkit.runs.folder import RunFolder, runs_newest_first
from edfi_toolkit.runs.rejections.explained import explained
from edfi_toolkit.runs.rejections.fixed_in_source import Reading, with_fixed

if TYPE_CHECKING:
    from edfi_toolkit.tables import Tables


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


def explained_by_runs(refused: pd.DataFrame, runs: Path) -> pd.DataFrame:
    """Refusals of any runs as of `explained`, in their order; those that have ended with their causes alone.

    Of those that the newest run of their feed gives otherwise what is to be done now, as of `with_fixed`.
    refused: as of the ledger. runs: the folder of the runs.
    """
    newest = cache(partial(_newest_of, runs=runs))
    still = refused["open"].astype(bool)
    parts = [explained(refused[~still], None, "", runs)]
    for run_id, part in refused[still].groupby("run_id", dropna=False):
        found = _read_by(str(run_id), runs)
        tables, profile = found or (None, "")
        found_now = explained(part, tables, profile, runs)
        reading = newest(*feed_of(RunFolder(runs, str(run_id)).manifest)) if found else None
        parts.append(with_fixed(found_now, reading, runs))
    return pd.concat([part for part in parts if len(part)] or parts[:1]).loc[refused.index]


def at_places(refused: pd.DataFrame, runs: Path) -> pd.DataFrame:
    """Refusals of any runs with organizations by name, and file and row, in their order.

    As they are where there is no folder of the run. refused: as of `explained_by_runs`. runs: the folder of the runs.
    """
    parts = []
    for run_id, part in refused.groupby("run_id", dropna=False):
        found = _read_by(str(run_id), runs)
        parts.append(with_source_rows(with_organizations(part, *found), found[0]) if found else part)
    return pd.concat(parts).loc[refused.index] if parts else refused


def _newest_of(*feed: Any, runs: Path) -> Reading | None:
    """What the newest run of a feed has built; None where that is not there. feed: as of `feed_of`."""
    from edfi_toolkit.runs.artifacts import load_build, load_checked
    from edfi_toolkit.tables import Tables

    with suppress(EdfiToolkitError, OSError):
        wanted = dict(zip(FEED, feed, strict=True))
        for folder in runs_newest_first(runs):
            if folder.has("build") and is_of(folder.manifest, wanted):
                tables = Tables.load(folder.path / "tables")
                build = load_build(folder, wanted["profile"], tables)
                checked = load_checked(folder, build) if folder.has("validate") else None
                return Reading(build, folder.surely_after("extract"), checked)
    return None


def _read_by(run_id: str, runs: Path) -> tuple[Tables, str] | None:
    """What a run has read of its source, and its profile; None where that is not there."""
    from edfi_toolkit.tables import Tables

    with suppress(EdfiToolkitError, OSError):  # a run that was published from Python may have any name
        folder = RunFolder(runs, run_id)
        if folder.has("extract"):
            return Tables.load(folder.path / "tables"), folder.manifest["profile"]
    return None
