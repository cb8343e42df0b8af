"""The corrections of a run's feed, as its steps need them: to lay over the source, to list, and to close."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from edfi_toolkit.errors import PlanError
from edfi_toolkit.runs.decisions import decisions_of
from edfi_toolkit.tables.corrections import AGREES

if TYPE_CHECKING:
    from edfi_toolkit.runs.run import Run
    from edfi_toolkit.tables import Tables


def open_corrections(run: Run) -> pd.DataFrame | None:
    """The corrections to lay over the source; none where the run has no target yet, and so no feed."""
    if run.target_name not in run.installation.targets:
        return None
    with decisions_of(run) as decisions:
        return decisions.corrections()


def corrections_until_now(run: Run) -> pd.DataFrame:
    """The corrections that were laid over the source as it was read, and those that were made since, with `state`."""
    laid = run.tables.corrections
    if run.target_name not in run.installation.targets:
        return laid
    with decisions_of(run) as decisions:
        made = decisions.corrections(closed=True)
    read = run.folder.done_at(
        "extract"
    )  # what was laid over is known by its number, so a second does not matter
    since = made[made["given_at"].gt(read) & ~made["number"].isin(laid["number"])]
    since = since.assign(state=since["closed_how"].fillna("made since the source was read"))
    parts = [part for part in (laid.drop(columns="rows"), since) if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else laid


def close_agreed(run: Run, tables: Tables) -> None:
    """Close the corrections of which the source says the same by now."""
    agreed = tables.corrections.loc[tables.corrections["state"].eq(AGREES), "number"]
    if len(agreed):
        with decisions_of(run) as decisions:
            still = set(decisions.corrections()["number"])
            decisions.close_corrections([number for number in agreed if number in still], AGREES)


def check_corrections(run: Run) -> None:
    """Raises PlanError where corrections were made or removed since the source was read."""
    laid = run.tables.corrections
    with decisions_of(run) as decisions:
        now = set(decisions.corrections()["number"])
    if now != set(laid.loc[laid["state"].ne(AGREES), "number"]):
        raise PlanError(
            "Corrections were made or removed since this run read its source. Read the source again: notebook 10."
        )
