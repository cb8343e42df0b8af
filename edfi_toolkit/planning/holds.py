"""Errors hold, deselection deletes: what stays published because a source row it rests on has an error. Pure.

1. An error is a row that could not be read, or that failed a rule of severity critical or a look-up; or a corrected row
   that is not found.
2. A wish of the source (excluded, no show, not enrolled ...) outweighs an error of the same row or student: it counts
   where all rows of one table that the record rests on are dropped by wishes.
3. Student and enrollment both gone are a removal, whatever other rows still name them.
4. An unreadable row without a readable id may be any row of its table that has vanished.
"""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from edfi_toolkit.model.refs import row_of
from edfi_toolkit.planning.reasons import Origins
from edfi_toolkit.rules import Build
from edfi_toolkit.rules.frames import look_up
from edfi_toolkit.tables import TABLES
from edfi_toolkit.tables.load_errors import is_load_error

_REMOVED_TOGETHER = ("students", "enrollments")


def errors_of(build: Build) -> pd.DataFrame:
    """The source rows with an error: `table`, `id` (missing where it cannot be read), `student_id`."""
    names = ["table", "id", "student_id"]
    unreadable = build.skipped[is_load_error(build.skipped["rule"])].reindex(columns=names)
    parts = [unreadable, build.tables.lost_corrections()]
    for table, rows in build.judged[build.judged["error"]].groupby("table"):
        key = TABLES[str(table)].primary_key[0]
        named = rows[["table", "id"]].rename(columns={"id": key})
        found = look_up(named, build.tables[table], key, student_id="student_id")
        parts.append(found.assign(id=found[key])[names])
    return pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)


def resting_on_errors(mapped: pd.DataFrame, build: Build, origins: Origins) -> dict[int, str]:
    """Positions in the map of what an error holds, each with the source row it is held by."""
    none = build.skipped.empty and build.judged.empty and build.tables.corrections.empty
    if none or mapped.empty or (errors := errors_of(build)).empty:
        return {}
    named = set((errors["table"] + ":" + errors["id"]).dropna())
    blind = set(errors.loc[errors["id"].isna(), "table"])
    wished = build.judged[~build.judged["error"]]
    wishes = set(wished["table"] + ":" + wished["id"])

    def is_error(ref: str) -> bool:
        if ref in named or row_of(ref) in named:
            return True
        return bool(blind) and ref.partition(":")[0] in blind and not origins.has(ref)

    held = {}
    for position, refs in enumerate(mapped["source_refs"].tolist()):
        if not blind and named.isdisjoint(refs) and named.isdisjoint(map(row_of, refs)):
            continue  # nearly all, and so without a question for each reference
        because = next((ref for ref in refs if is_error(ref)), None)
        if because and not _deselected(refs, wishes) and not _removed(refs, is_error, origins):
            held[position] = because
    return held


def _deselected(refs: list[str], wishes: set[str]) -> bool:
    by_table: dict[str, bool] = {}
    for ref in refs:
        table, wished = ref.partition(":")[0], not wishes.isdisjoint((ref, row_of(ref)))
        by_table[table] = by_table.get(table, True) and wished
    return any(by_table.values())


def _removed(refs: list[str], is_error: Callable[[str], bool], origins: Origins) -> bool:
    rows = {table: [ref for ref in refs if ref.startswith(f"{table}:")] for table in _REMOVED_TOGETHER}
    return all(rows.values()) and not any(
        is_error(ref) or origins.has(ref) for own in rows.values() for ref in own
    )
