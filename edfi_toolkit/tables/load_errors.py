"""Load errors: what a steward reads about a row that could not be read: where it is, what is wrong, how to fix it.

Sentences never quote a personal value, because sentences travel further than tables do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from edfi_toolkit.errors import did_you_mean, listed_nearest, nearest
from edfi_toolkit.privacy import may_name
from edfi_toolkit.tables.cells import written
from edfi_toolkit.tables.disguises import EDGES, disguise, meant
from edfi_toolkit.tables.duplicates import Clash
from edfi_toolkit.tables.schema import CONTROL_TABLES, Table

RULE_PREFIXES = ("COM-NRM-", "COM-COR-")  # of the rules that an unreadable row is reported under
DUPLICATE_KEY = "COM-NRM-7"
_SHORT = 5  # characters of a word in a control table that a sentence may quote
_MISSPELLED = 0.75  # how like a column a header must be to be taken for it
RENAMED = "COM-NRM-6"  # of the notice that a column is missing while an unknown one is there


def is_load_error(rules: pd.Series) -> pd.Series:
    """Which of these rule ids say that a row could not be read; the others say that a rule of a profile failed."""
    return rules.astype("str").str.startswith(RULE_PREFIXES)


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """One raw table and where each of its rows is written, so that a message can point there.

    file: the file's name, or one name per row. rows: the line of each row in its file (header = 1).
    names: canonical column -> the column's name in the source, where they differ.
    ordered: whether the source keeps its rows in one order. unread: headers that nothing reads.
    left_alone: sentences about lines and columns that are no part of the table.
    """

    frame: pd.DataFrame
    file: str | Sequence[str]
    rows: np.ndarray
    names: Mapping[str, str] = field(default_factory=dict)
    ordered: bool = True
    unread: Sequence[str] = ()
    left_alone: Sequence[str] = ()

    @property
    def files(self) -> str:
        """All files of the sheet, for sentences."""
        return self.file if isinstance(self.file, str) else ", ".join(dict.fromkeys(self.file))

    def file_of(self, positions: np.ndarray) -> list[str]:
        """The file of each row."""
        return [self.file if isinstance(self.file, str) else self.file[row] for row in positions]

    def places(self, positions: np.ndarray) -> list[str]:
        """File and line of each row."""
        lines = self.rows[positions]
        return [f"{file}, row {line}" for file, line in zip(self.file_of(positions), lines, strict=True)]


def missing_column(table: str, column: str, sheet: Sheet, unused: Sequence[str]) -> str:
    """COM-NRM-6 in words, with the unused column that is probably meant."""
    source_name = sheet.names.get(column, column)
    meant = did_you_mean(source_name, unused)
    fix = f"{meant} Rename it." if meant else " Add it to the export."
    return f"COM-NRM-6: table {table} needs the column {source_name}, and {sheet.files} has none.{fix}"


def unused_column(table: Table, header: str, sheet: Sheet, absent: Sequence[str]) -> dict[str, Any]:
    """The notice for a column that nothing reads; where columns of the table are missing, it names the nearest.

    One that is hardly like it is no suggestion; then those that a rule reads are named.
    """
    detail = f"{sheet.files}: column {header} is not part of {table.name} and is not used."
    if not absent:
        return _notice("UNKNOWN_COLUMN", table.name, header, detail)
    meant = nearest(header, absent, cutoff=_MISSPELLED)
    needed = [name for name in absent if not table.columns[name].shown_only] or absent
    fix = f"Did you mean {meant!r}?" if meant else f"Not in the file are {listed_nearest(header, needed)}."
    return _notice(RENAMED, table.name, header, f"{detail} {fix}")


def unknown_table(name: str, known: Sequence[str]) -> dict[str, Any]:
    """The notice for a table that nothing reads."""
    detail = f"Table {name} is not one the toolkit knows, and is not used."
    return _notice("UNKNOWN_TABLE", name, None, detail + did_you_mean(name, known))


def collapsed_rows(
    table: Table, sheet: Sheet, typed: pd.DataFrame, collapsed: pd.Series
) -> list[dict[str, Any]]:
    """One notice per row that repeats another."""
    positions = np.flatnonzero(collapsed)
    says = "the same row is there already; one of them was kept."
    return [
        _notice("DUPLICATE_ROW", table.name, row_id, f"{place}: {says}")
        for row_id, place in zip(row_ids(table, typed.loc[positions]), sheet.places(positions), strict=True)
    ]


def corrected_cells(table: str, corrections: pd.DataFrame) -> list[dict[str, Any]]:
    """One notice per correction that was laid over, and per one that found no row."""
    notices = []
    for entry in corrections.to_dict("records"):
        row = None if pd.isna(entry["row_id"]) else entry["row_id"]
        correction = f"Correction {entry['number']} of column {entry['column']}"
        if entry["rows"]:
            cells = "1 cell" if len(entry["rows"]) == 1 else f"{len(entry['rows']):,} cells"
            notices.append(_notice("CORRECTED", table, row, f"{correction} was laid over {cells}."))
        elif entry["state"] == "row not found":
            notices.append(_notice("COM-COR-3", table, row, f"{correction} finds no row."))
    return notices


def _notice(code: str, table: str, row_id: str | None, detail: str) -> dict[str, Any]:
    return {"code": code, "table": table, "id": row_id, "detail": detail}


def unreadable_rows(
    table: Table,
    sheet: Sheet,
    raw: pd.DataFrame,
    typed: pd.DataFrame,
    faults: pd.DataFrame,
    clashes: dict[int, Clash],
) -> pd.DataFrame:
    """One row per unreadable source row, with all its bad cells in words; the first by rule names the row."""
    faults = faults.sort_values(["position", "rule", "order"], ignore_index=True)
    faults["value"] = _values(raw, faults)
    words: dict[int, str] = {}
    cells = zip(faults["position"], faults["column"], faults["value"], faults["says"], strict=True)
    for position, column, value, says in cells:
        quoted = "the cell" if pd.isna(value) or _may_name(table, column, value) else repr(value)
        sentence = f"column {sheet.names.get(column, column)}: {quoted} {says}"
        words[position] = f"{words[position]} Also {sentence}" if position in words else sentence
    words |= {position: _clash(table, sheet, clash) for position, clash in clashes.items()}
    positions = np.array(sorted(words), dtype=int)
    first = faults.drop_duplicates("position").set_index("position").reindex(positions)
    clashing = first.index.isin(list(clashes))
    places = sheet.places(positions)
    return pd.DataFrame(
        {
            "table": table.name,
            "id": row_ids(table, typed.loc[positions], raw),
            "rule": first["rule"].mask(clashing, DUPLICATE_KEY).to_numpy(),
            "detail": [f"{place}, {words[at]}" for place, at in zip(places, positions.tolist(), strict=True)],
            "file": sheet.file_of(positions),
            "row": sheet.rows[positions],
            "column": first["column"].mask(clashing, ", ".join(table.primary_key)).to_numpy(),
            "value": first["value"].to_numpy(),
            "student_id": typed["student_id"].loc[positions].to_numpy() if "student_id" in typed else None,
        }
    )


def _may_name(table: Table, column: str, value: str) -> bool:
    """Whether a cell may say who a student is: an id, a text, JSON, or a word where a date or a code should be."""
    holds = table.columns[column]
    if holds.is_id or holds.type == "json" or (holds.type == "str" and not holds.upper):
        return True
    if table.name in CONTROL_TABLES and len(value) <= _SHORT:
        return False
    return may_name(value)


def _clash(table: Table, sheet: Sheet, clash: Clash) -> str:
    places = (str(row) for row in sorted(sheet.rows[clash.positions])[:5])
    key = " and ".join(table.primary_key)
    differ = f"and differ in {clash.columns}" if clash.columns else "and cannot all be read"
    rows = f"{len(clash.positions)} rows ({', '.join(places)})"
    return f"column {key}: {rows} have the same {key} {differ}. Correct or remove all but one."


def _values(raw: pd.DataFrame, faults: pd.DataFrame) -> pd.Series:
    """The faulty cells as written; empty ones are missing."""
    values = pd.Series(None, index=faults.index, dtype="str")
    for column, part in faults.groupby("column"):
        if column in raw:
            cells = raw[column].loc[part["position"]]
            values[part.index] = cells.map(written, na_action="ignore").astype("str").str.strip().to_numpy()
    return values.mask(values.eq(""))


def row_ids(table: Table, typed: pd.DataFrame, raw: pd.DataFrame | None = None) -> list[str | None]:
    """The key of each row.

    Of a key that an export disguised (900.0, ="0123") it is the id that was meant, so that what was published under
    that id is recognised and held.
    """
    parts = []
    for name in table.primary_key:
        ids = typed[name].astype("str")
        if raw is not None and name in raw:
            cells = raw[name].loc[typed.index].map(written, na_action="ignore")
            ids = ids.where(ids.notna(), cells.map(_id_meant, na_action="ignore").astype("str"))
        parts.append(ids)
    rows = zip(*parts, strict=True)
    return [None if any(pd.isna(part) for part in row) else "|".join(row) for row in rows]


def _id_meant(cell: str) -> str | None:
    text = cell.strip(EDGES)
    return meant(text) if disguise(text) else text or None
