"""Corrections that people made, laid over the cells of a source before they are read (COM-COR-1 to COM-COR-3).

1. A correction names a table, a column, what is written there and what should be. One of a cell also names its row, by
   the row's key: lines of an export shift, keys do not. One without a row is for every cell that is written so.
2. It holds while the source still says what was corrected. Once the source says what it should, the correction is
   closed; where the source says a third thing, the row cannot be read until a person decides.
3. Where its row is not found, what was published from it is held, and so are the other rows of that student there: one
   of them may be the same row under another key.
4. What is laid over is read like any cell: a wrong correction is an unreadable row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import orjson
import pandas as pd

from edfi_toolkit.errors import ConfigError, did_you_mean
from edfi_toolkit.model.standards import type_of_member
from edfi_toolkit.tables.cells import FALSE, TRUE, convert
from edfi_toolkit.tables.disguises import EDGES
from edfi_toolkit.tables.load_errors import row_ids
from edfi_toolkit.tables.schema import CONTROL_TABLES, TABLES, Column, Table

APPLIED, AGREES, OUTDATED, LOST = "applied", "source agrees", "source differs", "row not found"
CORRECTED, DIFFERS, NO_ROW = "COM-COR-1", "COM-COR-2", "COM-COR-3"
_INEXACT = "COM-NRM-4"
CORRECTION_COLUMNS = {
    "number": "Int64",
    "table": "str",
    "row_id": "str",
    "column": "str",
    "member": "str",
    "was": "str",
    "value": "str",
    "student_id": "str",
    "author": "str",
    "reason": "str",
    "given_at": "datetime64[us, UTC]",
}
LAID_COLUMNS = {**CORRECTION_COLUMNS, "state": "str", "rows": "object"}
_YES_NO = dict.fromkeys(TRUE, True) | dict.fromkeys(FALSE, False)
_NUMBERS = ("number", "integer")  # types of JSON
_DIGITS = 40  # no number that is sent as it is written has as many
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")
_SAYS = {
    DIFFERS: "is no more what it was when it was corrected. Remove the correction, or correct the cell again.",
    NO_ROW: "may belong to the row that was corrected under another key. Remove that correction, or make it again for "
    "the row as it is now.",
    _INEXACT: "was corrected to a number of more digits than can be sent exactly. Correct the cell again.",
}


class LaidOver(NamedTuple):
    """The raw cells with the corrections; each correction with its `state` and the ids of the `rows` it changed; the
    cells that cannot be trusted: position, rule, order, column, says."""

    raw: pd.DataFrame
    corrections: pd.DataFrame
    faults: pd.DataFrame


def check_correction(table: str, column: str, member: str = "") -> None:
    """Raises ConfigError for a cell that cannot be corrected here."""
    if table not in TABLES:
        raise ConfigError(f"There is no table {table}.{did_you_mean(table, list(TABLES))}")
    known = TABLES[table]
    if table in CONTROL_TABLES and table != "descriptor_map":
        raise ConfigError(f"{table} decides what is sent at all. Change it in the source.")
    if column not in known.columns:
        raise ConfigError(f"Table {table} has no column {column}.{did_you_mean(column, list(known.columns))}")
    if column in known.primary_key:
        raise ConfigError(f"{column} is the key by which a row of {table} is found. Change it in the source.")
    if (known.columns[column].type == "json") != bool(member):
        raise ConfigError(
            f"{column} of {table} holds several members: name the one to correct."
            if not member
            else f"{column} of {table} has no members."
        )


def lay_over(table: Table, raw: pd.DataFrame, corrections: pd.DataFrame) -> LaidOver:
    """Lay the corrections of one table over its raw cells.

    raw: canonical columns, numbered from 0; not modified. corrections: CORRECTION_COLUMNS, open ones of this table;
        those of a cell count before those of every cell that is written so.
    """
    ids = np.array(_ids(table, raw), dtype=object)
    raw, faults = raw.copy(deep=False), list[dict[str, Any]]()
    ordered = corrections.sort_values(["row_id", "number"], na_position="last", kind="stable")
    states, touched = [], []
    for entry in ordered.to_dict("records"):
        column = table.columns[entry["column"]]
        if column.name not in raw:
            raw[column.name] = pd.Series([None] * len(raw), index=raw.index, dtype=object)
        whole = pd.isna(entry["row_id"])
        rows = np.ones(len(raw), dtype=bool) if whole else ids == entry["row_id"]
        old = rows & _says(raw[column.name], entry["was"], column, entry["member"])
        state, changed = _state(raw[column.name], rows, old, entry, column, whole=whole), ids[:0]
        if state == APPLIED:
            changed = ids[old]
            faults += _faults(_INEXACT, _inexact(raw[column.name], old, entry), table, column)
            raw[column.name] = _changed(raw[column.name], old, entry)
        elif state == OUTDATED:
            faults += _faults(DIFFERS, rows, table, column)
        elif state == LOST:
            faults += _faults(NO_ROW, _of_student(table, raw, entry["student_id"]), table, column)
        states.append(state)
        touched.append([row for row in changed.tolist() if row is not None])
    laid = ordered.assign(state=states, rows=pd.Series(touched, index=ordered.index, dtype=object))
    return LaidOver(raw, laid.astype({"state": "str"}), pd.DataFrame(faults))


def written(laid: pd.DataFrame, cell: Mapping[str, Any]) -> str:
    """What the source says in a cell that may have been read as it is corrected.

    laid: LAID_COLUMNS. cell: table, id, column (of a member: `column.member`), value. A list may hold several members
    of one name, which their values tell apart.
    """
    column, _, member = str(cell["column"]).partition(".")
    own = laid["state"].eq(APPLIED) & laid["table"].eq(cell["table"]) & laid["column"].eq(column)
    own &= laid["member"].fillna("").eq(member)
    if member:
        own &= laid["value"].eq(str(cell["value"]))
    own &= pd.Series([cell["id"] in rows for rows in laid["rows"]], laid.index, dtype=bool)
    return str(laid.loc[own, "was"].iloc[0] if own.any() else cell["value"])


def without_table(corrections: pd.DataFrame) -> pd.DataFrame:
    """Corrections of a table that the source does not have: their rows are not found."""
    rows = pd.Series([[] for _ in corrections.index], index=corrections.index, dtype=object)
    return corrections.assign(state=LOST, rows=rows)


def _faults(rule: str, at: np.ndarray, table: Table, column: Column) -> list[dict[str, Any]]:
    order = list(table.columns).index(column.name)
    constants = {"rule": rule, "order": order, "column": column.name, "says": _SAYS[rule]}
    return [{"position": row, **constants} for row in np.flatnonzero(at)]


def _state(
    cells: pd.Series, rows: np.ndarray, old: np.ndarray, entry: dict[str, Any], column: Column, *, whole: bool
) -> str:
    if old.any():
        return APPLIED
    if whole:
        return AGREES if len(cells) else LOST
    if not rows.any():
        return LOST
    new = _says(cells, entry["value"], column, entry["member"])
    return AGREES if new[rows].all() else OUTDATED


def _ids(table: Table, raw: pd.DataFrame) -> list[str | None]:
    typed = pd.DataFrame(
        {
            name: convert(raw[name], table.columns[name])[0]
            if name in raw
            else pd.Series(None, raw.index, "str")
            for name in table.primary_key
        },
        index=raw.index,
    )
    return row_ids(table, typed, raw)


def _of_student(table: Table, raw: pd.DataFrame, student_id: Any) -> np.ndarray:
    if "student_id" not in raw or pd.isna(student_id):
        return np.zeros(len(raw), dtype=bool)
    ids, _ = convert(raw["student_id"], table.columns["student_id"])
    return ids.eq(student_id).fillna(False).to_numpy(dtype=bool)


# One cell


def _says(cells: pd.Series, text: str, column: Column, member: str) -> np.ndarray:
    """Which cells are written so, or mean the same."""
    text = text.strip(EDGES)
    if member:
        return np.array(
            [any(_means(value, text) for value in _members(cell, member)) for cell in cells], dtype=bool
        )
    written = cells.map(str, na_action="ignore").astype("str").str.strip(EDGES).fillna("").eq(text)
    values, bad = convert(cells, column)
    meant, unreadable = convert(pd.Series([text], dtype=object), column)
    if unreadable.any():
        same = pd.Series(False, index=cells.index)
    else:
        same = values.isna() & ~bad if meant.isna().all() else values.eq(meant.iloc[0]).fillna(False)
    return (written | same).to_numpy(dtype=bool)


def _changed(cells: pd.Series, at: np.ndarray, entry: dict[str, Any]) -> pd.Series:
    changed = cells.astype(object)
    for position in np.flatnonzero(at):
        cell = entry["value"] or None
        if entry["member"]:
            cell = _with_member(
                changed.iloc[position], entry["member"], entry["was"].strip(EDGES), entry["value"]
            )
        changed.iat[position] = cell
    return changed


def _inexact(cells: pd.Series, at: np.ndarray, entry: dict[str, Any]) -> np.ndarray:
    """Which cells would get a number in JSON that is another one than was typed."""
    member, was, meant = entry["member"], entry["was"].strip(EDGES), entry["value"].strip(EDGES)
    found = np.zeros(len(cells), dtype=bool)
    if member and _NUMBER.fullmatch(meant) and not _is_exact(meant):
        for position in np.flatnonzero(at):
            values = [value for value in _members(cells.iloc[position], member) if _means(value, was)]
            found[position] = any(_type_of(value, member) in _NUMBERS for value in values)
    return found


def _is_exact(text: str) -> bool:
    """Whether it is a number, and JSON is read as just that one."""
    is_short = len(text) <= _DIGITS and _NUMBER.fullmatch(text)
    return bool(is_short) and Decimal(text) == Decimal(str(orjson.loads(text)))


def _members(cell: Any, path: str) -> list[Any]:
    """The values at a path of a JSON cell, in lists too; None for an absent one."""
    found: list[Any] = []

    def keep(value: Any) -> Any:
        found.append(value)
        return value

    _walk(_object(cell), path.split("."), keep)
    return found


def _with_member(cell: Any, path: str, was: str, value: str) -> str:
    content = _object(cell)

    def swap(old: Any) -> Any:
        return _in_place_of(old, value, path) if _means(old, was) else old

    _walk(content, path.split("."), swap)
    return orjson.dumps(content).decode()


def _means(value: Any, text: str) -> bool:
    """Whether a value of a JSON cell is what a person wrote: yes and no in each word for them, a number in digits."""
    if isinstance(value, bool):
        return _YES_NO.get(text.casefold()) is value
    if isinstance(value, int | float) and _is_exact(text):
        return bool(orjson.loads(text) == value)
    return _text(value) == text


def _text(value: Any) -> str:
    """A value of a JSON cell as a person reads it and corrections keep it: yes or no, digits, a text; null is empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(int(value) if isinstance(value, float) and value.is_integer() else value).strip(EDGES)


def _in_place_of(old: Any, value: str, path: str) -> Any:
    """What was typed, of the type of its member: the ODS takes no text for a number, nor for yes and no."""
    meant, kind = value.strip(EDGES), _type_of(old, path)
    if kind == "boolean" and meant.casefold() in _YES_NO:
        return _YES_NO[meant.casefold()]
    if kind in _NUMBERS and _is_exact(meant):
        return orjson.loads(meant)
    return value or None


def _type_of(value: Any, path: str) -> str:
    """The JSON type of a member: that of its value, else the one that the data standards have under its name."""
    if value is None:
        return type_of_member(path.rpartition(".")[2])
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else "string"


def _walk(content: Any, path: list[str], change: Callable[[Any], Any]) -> None:
    if isinstance(content, list):
        for entry in content:
            _walk(entry, path, change)
    elif isinstance(content, dict):
        if len(path) > 1:
            _walk(content.get(path[0]), path[1:], change)
        else:
            content[path[0]] = change(content.get(path[0]))


def _object(cell: Any) -> Any:
    """What a JSON cell holds, as objects of our own to change; None when it is none."""
    try:
        return orjson.loads(cell if isinstance(cell, str) else orjson.dumps(cell))
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return None


def members_with_texts(content: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Each value of a JSON cell as a text, with its path, as corrections name it; that of a null is empty."""
    if isinstance(content, dict):
        for name, entry in content.items():
            yield from members_with_texts(entry, f"{path}.{name}" if path else str(name))
    elif isinstance(content, list | tuple | np.ndarray):
        for entry in content:
            yield from members_with_texts(entry, path)
    elif path or content is not None:
        yield path, content if isinstance(content, str) else _text(content)
