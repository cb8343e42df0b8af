"""What the ledger says by now of a run's feed: its refusals, and what was delivered since."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from edfi_toolkit.ledger.columns import was_delivered
from edfi_toolkit.model.keys import SEPARATOR, key_hashes
from edfi_toolkit.planning.plan import SENT
from edfi_toolkit.runs.feed import history_of, ledger_of
from edfi_toolkit.runs.standing import LedgerNow

if TYPE_CHECKING:
    from edfi_toolkit.runs.run import Run


def rejection_rows(run: Run) -> pd.DataFrame:
    """All refusals of the run's feed, open and closed."""
    with ledger_of(run) as (ledger, feed):
        return ledger.rejections(feed=feed)


def identity_map(run: Run) -> pd.DataFrame:
    """What the run's feed has published."""
    with ledger_of(run) as (ledger, feed):
        return ledger.identity_map(feed)


def ledger_now(run: Run) -> LedgerNow | None:
    """What the ledger says by now of the refusals of the run's feed, and of a plan that was not sent.

    None while nothing was planned or publishing is under way, and where the settings do not have its target.
    """
    steps = run.folder.manifest.get("steps", {})
    published = steps.get("publish", {})
    if "preview" not in steps or run.target_name not in run.installation.targets:
        return None
    if published and not published.get("finished"):
        return None
    refused = rejection_rows(run)
    if not published:
        return _of_unsent_plan(run, refused[refused["open"]])
    later = refused["closed_at"].ge(run.folder.surely_after("publish"))
    return LedgerNow(int(refused["open"].sum()), int((later & was_delivered(refused)).sum()))


def _of_unsent_plan(run: Run, refused: pd.DataFrame) -> LedgerNow:
    """What became of its changes. refused: the open refusals."""
    planned = dt.datetime.fromisoformat(run.folder.manifest["steps"]["preview"]["at"])
    with history_of(run) as history:
        delivered = history.delivered_by_others(run.id, since=planned)
    if refused.empty and delivered.empty:
        return LedgerNow()
    columns = ["resource", "key_hash", "action", "body_hash"]
    with suppress(OSError, ValueError):  # a plan that cannot be read says so where it is shown
        items = pd.read_parquet(run.path / "plan.parquet", columns=columns).astype("str")
        items = items[items["action"].isin(SENT)].merge(
            delivered, how="left", on=["resource", "key_hash", "action"], suffixes=("", "_sent")
        )
        is_sent = items["body_hash"].eq(items["body_hash_sent"])
        is_sent |= items["action"].eq("DELETE") & items["body_hash_sent"].notna()
        left, still = items[~is_sent], refused["resource"] + SEPARATOR + key_hashes(refused)
        again = (left["resource"] + SEPARATOR + left["key_hash"]).isin(still)
        return LedgerNow(len(refused), sent=int(is_sent.sum()), again=int(again.sum()))
    return LedgerNow(len(refused))


def ledger_stamp(run: Run) -> list[tuple[int, int]]:
    """Another one after each change of the ledger's file, whoever made it, without opening it; of a server's, none."""
    ledger, found = run.installation.ledger, list[tuple[int, int]]()
    for file in () if "://" in ledger else (Path(ledger), Path(f"{ledger}-wal")):
        with suppress(FileNotFoundError):  # the second is there while someone writes
            state = file.stat()
            found += [(state.st_size, state.st_mtime_ns)] if state.st_size else []
    return found


def delivered_since(result: pd.DataFrame, every: pd.DataFrame) -> pd.Series:
    """For each refused row of a run's results when its record was delivered after that, in UTC; NaT where it is not.

    result: resource, outcome and the key columns. every: all refusals of its feed.
    """
    every = every.assign(key_hash=key_hashes(every))
    still = set(zip(*(every.loc[every["open"], name] for name in ("resource", "key_hash")), strict=True))
    later = every[was_delivered(every)]
    at = dict(zip(zip(later["resource"], later["key_hash"], strict=True), later["closed_at"], strict=True))
    refused = result[result["outcome"].eq("refused")]
    keys = zip(refused["resource"], key_hashes(refused), strict=True)
    found = pd.Series([None if key in still else at.get(key) for key in keys], refused.index)
    return pd.to_datetime(found, utc=True).reindex(result.index)
