"""The likely mistake behind a plan that would delete, move or change very many records. Pure.

A sentence names tables, columns, codes and numbers of organizations, never a student.
"""

from __future__ import annotations

from collections import Counter
from itertools import chain

import pandas as pd

from edfi_toolkit.rules import Build

MOST = 0.9  # the part of all deletes, or updates, that one cause must explain
_DAYS = ("begin_date", "start_date")
_NOT_THE_YEARS = ("calendars", "edfi_config")  # their days are the year's own, whatever the rows are
_ORGANIZATIONS = ("education_organization_id", "program_education_organization_id")
_CODES = ("program_name", "program_type_descriptor")
_WORDS = {
    "education_organization_id": "organization",
    "program_education_organization_id": "owner of their program",
    "program_name": "program name",
    "program_type_descriptor": "program type",
}


def behind_deletes(items: pd.DataFrame, build: Build) -> str:
    """Why so many records would go: another year's rows, an empty table, a number typed wrong, or one reason.

    items: those of a plan (ITEMS). Returns an empty text where no single cause explains MOST of them.
    """
    gone = items[items["action"].eq("DELETE")]
    return (
        _another_year(build)
        or _empty_table(gone, build)
        or _moved_organization(gone, items)
        or _one_reason(gone)
    )


def behind_updates(items: pd.DataFrame) -> str:
    """Why so many records would change: the members that nearly all of them change."""
    return _one_reason(items[items["action"].eq("PUT")])


def moved_in_place(items: pd.DataFrame) -> pd.Series:
    """The items by which the ledger forgets the old key of a record whose key an update moves (COM-KEY-3)."""
    forgotten = items["action"].eq("UNMAP")
    if not forgotten.any():
        return forgotten
    return forgotten & items["ed_fi_id"].isin(items.loc[items["action"].eq("PUT"), "ed_fi_id"])


def one_value_moved(items: pd.DataFrame) -> tuple[int, str]:
    """COM-GRD-2a: how many records one changed value moves to another key, and a sentence with the value then and now.

    A district's number is part of the number of each school, so organizations count as moved by one value where all
    moved by the same difference.
    """
    action, linked, in_place = items["action"], items["pair"].notna(), moved_in_place(items)
    best, says = 0, ""
    if not (linked.any() or in_place.any()):
        return best, says
    keys = items[["pair", "ed_fi_id", *_ORGANIZATIONS, *_CODES]]
    old, new = (keys[action.eq(half) & linked].set_index("pair") for half in ("DELETE", "POST"))
    if in_place.any():
        unmapped = keys[in_place].set_index("ed_fi_id")
        updated = keys[action.eq("PUT") & keys["ed_fi_id"].isin(unmapped.index)].set_index("ed_fi_id")
        old, new = pd.concat([old, unmapped]), pd.concat([new, updated])
    new = new.reindex(old.index)
    for column in (*_ORGANIZATIONS, *_CODES):
        was, becomes = old[column], new[column]
        moved = was.ne(becomes).fillna(False) & becomes.notna()
        if not moved.any():
            continue
        pairs = pd.DataFrame({"old": was[moved], "new": becomes[moved]})
        cause = (
            pairs["new"] - pairs["old"] if column in _ORGANIZATIONS else pairs["old"] + "\0" + pairs["new"]
        )
        counts = cause.value_counts()
        if len(counts) and counts.iloc[0] > best:
            best = int(counts.iloc[0])
            then, now = pairs[cause.eq(counts.index[0])].value_counts().index[0]
            what = f"{best} published records to another {_WORDS[column]}"
            says = f"One changed value moves {what}, from {then} to {now}."
    return best, says


def _another_year(build: Build) -> str:
    """No row begins in the school year, and the newest lies before it, or the oldest after it."""
    days = pd.concat(
        [
            rows[column].dropna()
            for name, rows in build.tables.items()
            if name not in _NOT_THE_YEARS
            for column in _DAYS
            if column in rows
        ]
        or [pd.Series(dtype="datetime64[us]")]
    )
    first, last = pd.Timestamp(build.scope.config_start), pd.Timestamp(build.scope.config_end)
    if days.empty or days.between(first, last).any():
        return ""
    year = f"No row begins in the school year, {first:%Y-%m-%d} to {last:%Y-%m-%d}"
    if days.max() < first:
        return f"{year}; the newest begins on {days.max():%Y-%m-%d}. This looks like last year's file."
    return f"{year}; the oldest of those after it begins on {days[days > last].min():%Y-%m-%d}. Is the year right?"


def _empty_table(gone: pd.DataFrame, build: Build) -> str:
    named = [{ref.partition(":")[0] for ref in refs} for refs in gone["source_refs"]]
    for name, count in Counter(chain.from_iterable(named)).most_common():
        rows = build.tables.get(name)
        if count >= MOST * len(gone) and rows is not None and rows.empty:
            return f"The table {name} holds no rows, and {count} of these records rest on it."
    return ""


def _moved_organization(gone: pd.DataFrame, items: pd.DataFrame) -> str:
    """Keys that only changed their organization: one wrong number does that to every record of it."""
    old = gone[gone["pair"].notna()].set_index("pair")
    new = items[items["action"].eq("POST") & items["pair"].notna()].set_index("pair").reindex(old.index)
    for column in _ORGANIZATIONS:
        moved = old[column].ne(new[column]).to_numpy(dtype=bool)
        if moved.sum() >= MOST * len(gone) > 0:
            moves = pd.DataFrame({"old": old[column][moved], "new": new[column][moved]}).value_counts()
            was, becomes = moves.index[0]
            return (
                f"{int(moved.sum())} of these records only move to another organization, most of them from {was} to "
                f"{becomes}: look for a district's or school's number typed wrong."
            )
    return ""


def _one_reason(changed: pd.DataFrame) -> str:
    reasons = changed["reason"].str.partition(": ")[2].value_counts()
    if reasons.empty or reasons.iloc[0] < MOST * len(changed):
        return ""
    return f"For {int(reasons.iloc[0])} of them the reason is the same: {reasons.index[0]}"
