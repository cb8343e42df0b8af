"""What people decided about a run's feed, as its steps need it: corrections to lay over, and to close."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from edfi_toolkit.errors import PlanError
from edfi_toolkit.model.keys import SEPARATOR, key_hashes
from edfi_toolkit.planning.plan import SENT
from edfi_toolkit.runs.standing import LedgerNow
from edfi_toolkit.tables.corrections import AGREES

if TYPE_CHECKING:
    from edfi_toolkit.ledger.decisions import Decisions
    from edfi_toolkit.runs.run import Run
    from edfi_toolkit.tables import Tables

FINDING, REFUSAL = "finding", "refusal"  # what a dismissal is of
CHANGED, GONE = "its record changed", "no longer found"  # how it ends by itself


@contextmanager
def decisions_of(run: Run) -> Iterator[Decisions]:
    """The decisions about the run's feed. Raises ConfigError where the settings do not have its target."""
    from edfi_toolkit.ledger import Ledger
    from edfi_toolkit.ledger.decisions import Decisions

    with Ledger(run.installation.ledger) as ledger:
        yield Decisions(ledger, ledger.feed(run.target.identity, run.profile, run.source.name))


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
    read = pd.Timestamp(run.folder.manifest["steps"]["extract"]["at"])
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


def rejection_rows(run: Run) -> pd.DataFrame:
    """All refusals of the run's feed, open and closed."""
    from edfi_toolkit.ledger import Ledger

    with Ledger(run.installation.ledger) as ledger:
        return ledger.rejections(feed=ledger.feed(run.target.identity, run.profile, run.source.name))


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
    # The manifest tells the second in which the run was done, in which it may have delivered what was refused before.
    later = refused["closed_at"].ge(pd.Timestamp(published["at"]) + pd.Timedelta(seconds=1))
    delivered = refused["closed_how"].astype("str").str.startswith("delivered")
    return LedgerNow(int(refused["open"].sum()), int((later & delivered).sum()))


def _of_unsent_plan(run: Run, refused: pd.DataFrame) -> LedgerNow:
    """What became of its changes. refused: the open refusals."""
    planned = dt.datetime.fromisoformat(run.folder.manifest["steps"]["preview"]["at"])
    with decisions_of(run) as decisions:
        delivered = decisions.delivered_by_others(run.id, since=planned)
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
    later = every[every["closed_how"].astype("str").str.startswith("delivered")]
    at = dict(zip(zip(later["resource"], later["key_hash"], strict=True), later["closed_at"], strict=True))
    refused = result[result["outcome"].eq("refused")]
    keys = zip(refused["resource"], key_hashes(refused), strict=True)
    found = pd.Series([None if key in still else at.get(key) for key in keys], refused.index)
    return pd.to_datetime(found, utc=True).reindex(result.index)
