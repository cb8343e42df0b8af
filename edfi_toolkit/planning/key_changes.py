"""Which DELETE belongs to which POST: the record that a published one became (COM-SRC-1). Pure."""

from __future__ import annotations

import pandas as pd


def link(old: pd.DataFrame, new: pd.DataFrame) -> pd.Series:
    """For each row of `old` the index of the row of `new` that its key became; NA where there is none.

    old, new: resource, key, education_organization_id, begin_date, source_refs; unique indexes; not modified.
    A key found again under another resource comes first (one key space), then rows that share student,
    trigger and enrollment, then rows that share their first reference. Among several: the same organization
    and begin date, the same organization, then by begin date. Rows without references match nothing.
    """
    linked = pd.Series(pd.NA, index=old.index, dtype="Int64")
    if old.empty or new.empty:
        return linked
    left, right = _origins(old), _origins(new)
    origin = ["trigger", "student", "enrollment"]
    ties: list[list[str]] = [["education_organization_id", "begin_date"], ["education_organization_id"], []]
    rounds = [["key"], *([*origin, *tie] for tie in ties), *(["trigger", *tie] for tie in ties)]
    for columns in rounds:
        first = columns[0]
        shared = set(left[first]).intersection(right[first]) - {""}
        if not shared:  # as in most rounds of most plans, where nothing moved or all is paired
            continue
        matched = _match(left[left[first].isin(shared)], right[right[first].isin(shared)], columns)
        linked[matched.index] = matched
        left, right = left.drop(matched.index), right.drop(matched)
    return linked


def _match(left: pd.DataFrame, right: pd.DataFrame, columns: list[str]) -> pd.Series:
    """Pair the n-th row of either side within equal `columns`, in the order of begin date and key."""
    sides = [rows.assign(row=rows.index, turn=rows.groupby(columns).cumcount()) for rows in (left, right)]
    pairs = sides[0].merge(sides[1], on=[*columns, "turn"], suffixes=("", "_new"))
    return pd.Series(pairs["row_new"].to_numpy(), index=pairs["row"].to_numpy())


def _origins(rows: pd.DataFrame) -> pd.DataFrame:
    """What a record rests on: the trigger it names first, its student and its enrollment."""
    refs = rows["source_refs"]
    return pd.DataFrame(
        {
            "key": rows["key"].astype(object),
            "begin_date": rows["begin_date"],
            "education_organization_id": rows["education_organization_id"],
            "trigger": [own[0] if own else "" for own in refs],
            "student": [_first(own, "students:") for own in refs],
            "enrollment": [_first(own, "enrollments:") for own in refs],
            "resource": rows["resource"],
        },
        index=rows.index,
    ).sort_values(["begin_date", "key", "resource"], kind="stable")


def _first(refs: list[str], table: str) -> str:
    return next((row_of(ref) for ref in refs if ref.startswith(table)), "")


def row_of(ref: str) -> str:
    """`table:id` of a reference that may name a trigger: `enrollments:20#ceis` is about `enrollments:20`."""
    row, mark, _ = ref.rpartition("#")
    return row if mark else ref
