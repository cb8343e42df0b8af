"""Which DELETE belongs to which POST: the record that a published one became (COM-SRC-1). Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from edfi_toolkit.model.refs import row_of


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
        if matched:
            linked[list(matched)] = list(matched.values())
            left, right = left.drop(list(matched)), right.drop(list(matched.values()))
    return linked


def _match(left: pd.DataFrame, right: pd.DataFrame, columns: list[str]) -> dict[int, int]:
    """Pair the n-th row of either side within equal `columns`, in the order of begin date and key."""
    waiting: dict[tuple[Any, ...], list[int]] = {}
    for row, own in _rows(right, columns):
        waiting.setdefault(own, []).append(row)
    turns = {own: iter(rows) for own, rows in waiting.items()}
    pairs = ((row, next(turns.get(own, iter(())), None)) for row, own in _rows(left, columns))
    return {row: partner for row, partner in pairs if partner is not None}


def _rows(side: pd.DataFrame, columns: list[str]) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """Each row's label, and its values in these columns."""
    values = zip(*(side[name].to_numpy().tolist() for name in columns), strict=True)
    return zip(side.index.tolist(), values, strict=True)


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
