"""Rows that share a primary key: identical ones collapse, others are unreadable together (COM-NRM-7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import pandas as pd

from edfi_toolkit.tables.schema import Table


@dataclass(frozen=True)
class Clash:
    """Rows of one key that are not the same: the columns that differ, and where all of them stand."""

    columns: str
    positions: np.ndarray


def duplicates(table: Table, typed: pd.DataFrame, faulty: pd.Series) -> tuple[pd.Series, dict[int, Clash]]:
    """Which rows are collapsed, and the clash of each row that cannot be used.

    A row with an unreadable cell differs from every readable row of its key: no one can know which one is right.
    """
    collapsed = pd.Series(False, index=typed.index)
    if len(typed) < 2:
        return collapsed, {}
    key = list(table.primary_key)
    repeated = typed.duplicated(key, keep=False)
    if not repeated.any():
        return collapsed, {}
    shared = typed[repeated & typed[key].notna().all(axis=1)]
    if shared.empty:
        return collapsed, {}
    as_text = {name: shared[name].map(_text, na_action="ignore") for name in _json_columns(table)}
    shared = shared.assign(**as_text)
    group = shared.groupby(key, sort=False).ngroup()
    readable = shared[~faulty[shared.index]]
    again = readable.duplicated()
    contents = group[readable.index][~again].value_counts()
    differing = {*contents[contents > 1].index, *group[faulty[shared.index]]}
    in_clash = group.isin(differing)
    collapsed[again.index[again & ~in_clash[again.index]]] = True
    return collapsed, _clashes(shared[in_clash], group[in_clash], faulty)


def _clashes(rows: pd.DataFrame, group: pd.Series, faulty: pd.Series) -> dict[int, Clash]:
    if rows.empty:
        return {}
    codes = {name: pd.factorize(rows[name], use_na_sentinel=False)[0] for name in rows}
    differs = pd.DataFrame(codes, index=rows.index).groupby(group).nunique().gt(1)
    names = pd.Series([f"{name}, " for name in differs], index=differs.columns)
    columns = differs.dot(names).str.removesuffix(", ")
    positions = rows.index.to_numpy()
    members = group.groupby(group).indices
    clashes = {
        number: Clash(differing, positions[members[number]])
        for number, differing in zip(columns.index, columns, strict=True)
    }
    numbers = group[~faulty[rows.index]]
    return {position: clashes[number] for position, number in zip(numbers.index, numbers, strict=True)}


def _json_columns(table: Table) -> list[str]:
    return [column.name for column in table.columns.values() if column.type == "json"]


def _text(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS, default=str).decode()
